"""A run cannot lead the station to any file but the plain one that it was to write."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from phtlab.errors import AirlockError
from phtlab.station.executor.untrusted_files import list_untrusted, open_untrusted, read_untrusted


@pytest.fixture
def out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    (out / "outputs").mkdir(parents=True)
    (tmp_path / "secret").write_text("swordfish")
    return out


def refusal(out: Path, name: str, limit: int = 100) -> str:
    with pytest.raises(AirlockError) as refused:
        read_untrusted(out, name, limit=limit)
    assert "swordfish" not in str(refused.value)
    return refused.value.code


def test_a_plain_file_is_read(out: Path) -> None:
    (out / "outputs" / "ages.json").write_bytes(b"[1]")
    assert read_untrusted(out, "outputs/ages.json", limit=3) == b"[1]"
    with open_untrusted(out, "outputs/ages.json", limit=3) as file:
        assert file.read(1) == b"["


def test_a_missing_file_is_said_to_be_missing(out: Path) -> None:
    assert refusal(out, "outputs/ages.json") == "output-missing"
    assert refusal(out, "elsewhere/ages.json") == "output-missing"


@pytest.mark.parametrize("target", ["../../secret", "/etc/passwd", "/proc/self/environ", "nowhere"])
def test_symlink_refused(out: Path, target: str) -> None:
    (out / "outputs" / "ages.json").symlink_to(target)
    assert refusal(out, "outputs/ages.json") == "output-not-a-file"


def test_symlinked_folder_refused(out: Path, tmp_path: Path) -> None:
    (out / "outputs").rmdir()
    (out / "outputs").symlink_to(tmp_path)
    assert refusal(out, "outputs/secret") == "output-not-a-file"


def test_symlinked_root_refused(out: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(OSError) as caught:
        read_untrusted(link, "secret", limit=100)
    assert caught.value.errno in (errno.ELOOP, errno.ENOTDIR)


def test_hardlink_refused(out: Path, tmp_path: Path) -> None:
    (out / "ages.json").hardlink_to(tmp_path / "secret")
    assert refusal(out, "ages.json") == "output-not-a-file"


def test_fifo_refused_without_waiting(out: Path) -> None:
    os.mkfifo(out / "ages.json")
    assert refusal(out, "ages.json") == "output-not-a-file"


def test_socket_refused(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("ages.json")
        assert refusal(out, "ages.json") == "output-not-a-file"


def test_folder_refused(out: Path) -> None:
    assert refusal(out, "outputs") == "output-not-a-file"
    (out / "file").touch()
    assert refusal(out, "file/ages.json") == "output-not-a-file"


@pytest.mark.engine  # making a device needs root
def test_device_refused_without_opening(out: Path) -> None:
    os.mknod(out / "ages.json", 0o020666, os.makedev(1, 5))  # /dev/zero
    assert refusal(out, "ages.json") == "output-not-a-file"


def test_large_file_refused(out: Path) -> None:
    (out / "ages.json").write_bytes(bytes(101))
    assert refusal(out, "ages.json", 100) == "output-too-large"


def test_sparse_file_counts_as_large_as_it_looks(out: Path) -> None:
    with (out / "ages.json").open("wb") as file:
        file.truncate(2**40)
    assert (out / "ages.json").stat().st_blocks == 0
    assert refusal(out, "ages.json", 2**30) == "output-too-large"


def test_file_that_grows_while_it_is_read(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (out / "ages.json").write_bytes(bytes(100))
    fdopen = os.fdopen

    def grow_then_open(descriptor: int, mode: str) -> object:
        with (out / "ages.json").open("ab") as file:
            file.write(bytes(10_000))
        return fdopen(descriptor, mode)

    monkeypatch.setattr(os, "fdopen", grow_then_open)
    assert refusal(out, "ages.json", 100) == "output-too-large"


def test_folder_swapped_for_a_link_after_it_was_opened(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step into the folder and the step to the file are on the same open folder."""
    (out / "outputs" / "secret").write_text("ours")
    stat = os.stat

    def swap_then_look(*arguments: object, **keywords: object) -> os.stat_result:
        monkeypatch.undo()
        (out / "outputs").rename(out / "aside")
        (out / "outputs").symlink_to(tmp_path)
        return stat(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", swap_then_look)
    assert read_untrusted(out, "outputs/secret", limit=100) == b"ours"


def test_file_swapped_for_a_link_after_it_was_looked_at(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "ages.json").write_text("ours")
    stat = os.stat

    def look_then_swap(*arguments: object, **keywords: object) -> os.stat_result:
        monkeypatch.undo()
        seen = stat(*arguments, **keywords)  # type: ignore[arg-type]
        (out / "ages.json").unlink()
        (out / "ages.json").symlink_to(tmp_path / "secret")
        return seen

    monkeypatch.setattr(os, "stat", look_then_swap)
    assert refusal(out, "ages.json") == "output-not-a-file"


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../secret", "outputs/../../secret", "/etc/passwd", "a//b", ".hidden",
        "a\0b", "a\nb", "a\u202eb", "a b", "é.json", "x" * 129, "-rf",
    ],
)  # fmt: skip
def test_names_that_are_none(out: Path, name: str) -> None:
    assert refusal(out, name) == "output-name"


def test_a_strange_name_is_shown_without_its_control_characters(out: Path) -> None:
    with pytest.raises(AirlockError) as refused:
        read_untrusted(out, "\x1b[2J\u202e", limit=1)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable()


def test_no_descriptor_is_left_open(out: Path) -> None:
    (out / "ages.json").write_bytes(bytes(200))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("ages.json", "gone", "outputs", "outputs/gone", "ages.json/x"):
        with pytest.raises(AirlockError):
            read_untrusted(out, name, limit=100)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_names_are_listed_up_to_a_number_and_never_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    for name in ("a.json", "b.json", "c.json"):
        (tmp_path / "outputs" / name).touch()
    assert sorted(list_untrusted(tmp_path, "outputs", most=9)) == ["a.json", "b.json", "c.json"]
    assert len(list_untrusted(tmp_path, "outputs", most=2)) == 2
    (tmp_path / "link").symlink_to("outputs")
    for name in ("link", "outputs/a.json"):
        with pytest.raises(NotADirectoryError):
            list_untrusted(tmp_path, name, most=9)
    with pytest.raises(FileNotFoundError):
        list_untrusted(tmp_path, "none", most=9)
