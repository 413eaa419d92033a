"""The output volume: it holds what it promises, no more, and leaves nothing."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab.errors import SandboxError, StationError
from phtlab.station.executor import output_volume
from phtlab.station.executor.contract import Limits
from phtlab.station.executor.output_volume import (
    DirectoryVolumes,
    LoopbackVolumes,
    image_bytes,
    loop_devices,
    mounts_at,
)
from tests.limits import LIMIT
from tests.raising import raises_code

MIB = 1024 * 1024
SMALL = Limits(output_bytes=4 * MIB, output_inodes=64)

pytestmark = pytest.mark.engine  # mounting needs root and loop devices, as the engine does


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "stop 1"  # a space: mountinfo escapes it
    yield folder
    LoopbackVolumes().remove(folder)


def fill(path: Path) -> int:
    """How many bytes fit into one file, until the file system says no."""
    with path.open("wb", buffering=0) as file:
        written = 0
        try:
            while True:
                written += file.write(bytes(64 * 1024))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return written


def options(out: Path) -> set[str]:
    found = subprocess.run(
        ["findmnt", "-no", "OPTIONS", "--mountpoint", out],
        capture_output=True,
        check=True,
        timeout=LIMIT,
    )
    return set(found.stdout.decode().strip().split(","))


def test_it_is_empty_the_runs_own_and_mounted_without_powers(folder: Path) -> None:
    out = LoopbackVolumes().create(folder, SMALL)
    assert list(out.iterdir()) == []
    assert (out.stat().st_uid, out.stat().st_gid) == (65532, 65532)
    assert {"nosuid", "nodev", "noexec"} <= options(out)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("size", [MIB, 4 * MIB, 64 * MIB, 300 * MIB])
def test_it_holds_what_is_promised_and_little_more(folder: Path, size: int) -> None:
    out = LoopbackVolumes().create(folder, Limits(output_bytes=size))
    assert size <= fill(out / "full") <= size * 1.03 + 2 * MIB


def test_it_holds_as_many_files_as_promised(folder: Path) -> None:
    out = LoopbackVolumes().create(folder, SMALL)
    made = 0
    with pytest.raises(OSError) as full:
        while True:
            (out / str(made)).touch()
            made += 1
    assert full.value.errno == errno.ENOSPC
    assert SMALL.output_inodes <= made <= SMALL.output_inodes + 64


def test_its_room_on_the_disk_is_reserved(folder: Path) -> None:
    LoopbackVolumes().create(folder, SMALL)
    image = (folder / "volume.img").stat()
    assert image.st_size == image_bytes(SMALL)
    assert image.st_blocks * 512 >= image.st_size


def test_a_full_disk_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with raises_code(StationError, "station-disk-full"):
        LoopbackVolumes().create(folder, SMALL)


def test_made_anew_it_is_empty(folder: Path) -> None:
    (LoopbackVolumes().create(folder, SMALL) / "old").touch()
    out = LoopbackVolumes().create(folder, SMALL)
    assert list(out.iterdir()) == []
    assert mounts_at(out) == 1


def test_it_is_mounted_again_with_its_content(folder: Path) -> None:
    out = LoopbackVolumes().create(folder, SMALL)
    (out / "kept").write_text("here")
    subprocess.run(["umount", out], check=True, timeout=LIMIT)
    assert LoopbackVolumes().path(folder) == out
    assert (out / "kept").read_text() == "here"
    assert {"nosuid", "nodev", "noexec"} <= options(out)


def test_asking_for_it_mounts_it_once(folder: Path) -> None:
    out = LoopbackVolumes().create(folder, SMALL)
    for _ in range(3):
        LoopbackVolumes().path(folder)
    assert mounts_at(out) == 1


def test_removed_it_leaves_nothing(folder: Path) -> None:
    LoopbackVolumes().create(folder, SMALL)
    for _ in range(2):
        LoopbackVolumes().remove(folder)
        assert not folder.exists()
        assert loop_devices(folder / "volume.img") == []
    with raises_code(SandboxError, "outputs-absent"):
        LoopbackVolumes().path(folder)


def test_two_mounts_on_one_another_both_go(folder: Path) -> None:
    out = LoopbackVolumes().create(folder, SMALL)
    subprocess.run(["mount", "-t", "tmpfs", "none", out], check=True, timeout=LIMIT)
    assert mounts_at(out) == 2
    LoopbackVolumes().remove(folder)
    assert mounts_at(out) == 0
    assert not folder.exists()


def test_a_loop_device_without_a_mount_is_freed(folder: Path) -> None:
    folder.mkdir()
    image = folder / "volume.img"
    image.write_bytes(bytes(MIB))
    subprocess.run(["losetup", "-f", image], check=True, timeout=LIMIT)
    assert len(loop_devices(image)) == 1
    LoopbackVolumes().remove(folder)
    assert loop_devices(image) == []


def test_a_device_that_the_kernel_detached_meanwhile_is_gone_as_it_should_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LoopbackVolumes().create(folder, SMALL)
    free = subprocess.run(
        ["losetup", "-f"], check=True, capture_output=True, text=True, timeout=LIMIT
    )
    # What an unmount lets go by itself is still listed for a moment.
    listed = iter([[free.stdout.strip()], []])
    monkeypatch.setattr(output_volume, "loop_devices", lambda image: next(listed))
    LoopbackVolumes().remove(folder)
    assert not folder.exists()


def test_a_link_in_the_outputs_is_not_followed_when_removed(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").touch()
    out = DirectoryVolumes().create(folder, SMALL)
    (out / "link").symlink_to(precious)
    DirectoryVolumes().remove(folder)
    assert (precious / "data").exists()


def test_a_folder_takes_over_where_a_volume_was(folder: Path) -> None:
    LoopbackVolumes().create(folder, SMALL)
    out = DirectoryVolumes().create(folder, SMALL)
    assert mounts_at(out) == 0
    assert out.stat().st_uid == 65532


def test_without_root_check_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = LoopbackVolumes().check()
    assert result.sentence == (
        "No output volume: the station does not run as root and cannot mount a volume."
    )
    assert "output_volume to directory" in result.advice


def test_without_the_tools_check_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_volume, "_TOOLS", "/nowhere")
    result = LoopbackVolumes().check()
    assert not result.ok
    assert result.advice == "Install the packages e2fsprogs and mount."
