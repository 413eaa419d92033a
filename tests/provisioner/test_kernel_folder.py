"""One kernel's folder: who may read what, and what is mounted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from phtlab.errors import DataSetError, SandboxError
from phtlab.provisioner.kernel_folder import KernelFolder, _new_file
from tests.raising import raises_code


@pytest.fixture
def folder(tmp_path: Path) -> KernelFolder:
    return KernelFolder.make(str(tmp_path))


def _declare(place: Path, **datasets: object) -> str:
    file = place / "datasets.json"
    file.write_text(json.dumps(datasets))
    return str(file)


def test_only_its_user_enters(folder: KernelFolder) -> None:
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_a_place_too_deep_for_sockets_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with raises_code(SandboxError, "kernel-sockets"):
        KernelFolder.make(str(deep))
    assert not list(deep.iterdir())


def test_no_declaration_is_no_data_set(folder: KernelFolder, tmp_path: Path) -> None:
    assert folder.data("") == folder.data(str(tmp_path / "none.json")) == {}
    assert json.loads((folder.inputs / "datasets.json").read_text()) == {}


def test_what_anyone_may_read_is_mounted_itself_and_what_only_one_may_as_a_copy(
    folder: KernelFolder, tmp_path: Path
) -> None:
    for name, mode in (("open.csv", 0o644), ("mine.csv", 0o600)):
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(mode)
    scans = tmp_path / "scans"
    scans.mkdir(mode=0o755)
    file = _declare(
        tmp_path,
        open={"path": "open.csv", "format": "csv", "columns": {"age": "integer"}},
        mine={"path": str(tmp_path / "mine.csv"), "format": "csv"},
        scans={"path": "scans", "format": "folder"},
    )
    mounts = folder.data(file)
    copy = folder.inputs / "mine-mine.csv"
    assert mounts == {"open": tmp_path / "open.csv", "mine": copy, "scans": scans}
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == ("mine.csv", 0o644)
    told = json.loads((folder.inputs / "datasets.json").read_text())
    assert told["open"] == {
        "path": "/data/open/open.csv",
        "format": "csv",
        "columns": {"age": "integer"},
    }
    assert (told["mine"]["path"], told["scans"]["path"]) == (
        "/data/mine/mine-mine.csv",
        "/data/scans",
    )


def test_a_folder_that_only_its_owner_enters_is_refused(
    folder: KernelFolder, tmp_path: Path
) -> None:
    (tmp_path / "scans").mkdir(mode=0o700)
    file = _declare(tmp_path, scans={"path": "scans", "format": "folder"})
    with raises_code(DataSetError, "data-set-unreadable"):
        folder.data(file)


def test_sockets_of_a_kernel_before_are_not_taken_for_the_next_ones(folder: KernelFolder) -> None:
    folder.connect("a key", "hmac-sha256")
    for number in range(1, 6):
        Path(f"{folder.address}-{number}").touch()
    folder.seal()
    folder.connect("another key", "hmac-sha256")
    assert not folder.listening()
    assert not list(folder.sockets.glob("k-*"))
    told = json.loads((folder.sockets / "connection.json").read_text())
    assert (told["transport"], told["key"]) == ("ipc", "another key")


def test_what_a_kernel_before_put_there_is_neither_followed_nor_kept(
    folder: KernelFolder, tmp_path: Path
) -> None:
    """A kernel that still runs has an open handle on the folder that was bound in."""
    folder.connect("a key", "hmac-sha256")
    victim = tmp_path / "bashrc"
    victim.write_text("mine")
    victim.chmod(0o600)
    inside = os.open(folder.sockets, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.unlink("connection.json", dir_fd=inside)
        os.symlink(victim, "connection.json", dir_fd=inside)
        os.symlink(tmp_path, "k-1", dir_fd=inside)
        os.mkdir("k-2", dir_fd=inside)
        folder.connect("another key", "hmac-sha256")
        with pytest.raises(OSError):
            os.symlink(victim, "k-3", dir_fd=inside)
    finally:
        os.close(inside)
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("mine", 0o600)
    assert [path.name for path in folder.sockets.iterdir()] == ["connection.json"]
    file = folder.sockets / "connection.json"
    assert not file.is_symlink() and file.stat().st_mode & 0o777 == 0o644
    assert json.loads(file.read_text())["key"] == "another key"
    assert folder.sockets.stat().st_mode & 0o777 == 0o777


def test_a_link_in_the_place_of_a_new_file_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "bashrc"
    victim.write_text("mine")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("link", "dangling", "bashrc"):
        with pytest.raises(FileExistsError):
            _new_file(tmp_path / name)
    assert victim.read_text() == "mine"
    assert not (tmp_path / "nothing").exists()
