"""Where a run writes: a volume of fixed size, so that no run fills the station's disk.

A job's folder holds `volume.img` and `out`, where the image is mounted. A
tmpfs would be empty once the container is gone, and project quotas are not on
every file system; a loopback ext4 file system is both lasting and everywhere,
but needs root to mount.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Protocol

from phtlab.errors import SandboxError, StationError
from phtlab.station.executor.contract import MIB, CheckResult, Limits
from phtlab.station.executor.sandbox import USER

_TOOLS = "/usr/sbin:/usr/bin:/sbin:/bin"
_ENVIRONMENT = {"PATH": _TOOLS, "LC_ALL": "C"}  # nothing of the station's own, such as a passphrase
_INODE_BYTES = 256
_RESERVED_INODES = 16
_BLOCK = 4096


class OutputVolumes(Protocol):
    """Makes, finds and clears the output volume in a job's folder; remembers nothing."""

    given_up: frozenset[str]
    """Limits of the sandbox that it does not hold, as sandbox_trial names them."""

    def create(self, folder: Path, limits: Limits, owner: int = USER) -> Path:
        """A new, empty volume: whatever was in the folder is gone. Returns its path.

        `owner` is this machine's user that the run is: USER, or what an engine maps it to.
        """

    def path(self, folder: Path) -> Path:
        """The volume's path, mounted again if the machine was started anew.

        Raises:
            SandboxError: there is no such volume (``outputs-absent``).
        """

    def remove(self, folder: Path) -> None:
        """Leave no mount, loop device or file. Does nothing when there is nothing."""

    def check(self) -> CheckResult:
        """Whether the quota holds here."""


class LoopbackVolumes:
    """An ext4 image of fixed size for each job, mounted without devices, set-ids or programs."""

    given_up: frozenset[str] = frozenset()

    def create(self, folder: Path, limits: Limits, owner: int = USER) -> Path:
        self.remove(folder)
        folder.mkdir(mode=0o700)
        out = folder / "out"
        out.mkdir(mode=0o700)
        image = folder / "volume.img"
        size = image_bytes(limits)
        try:
            with image.open("xb") as file:
                # Reserved, not sparse: a full disk is found now, not as an I/O error in the run.
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            # A part of it may have been reserved: without it, the station can write again.
            self.remove(folder)
            raise StationError(
                f"There is no room for an output volume of {size} bytes in {folder.parent}: "
                f"{error.strerror}.",
                "Free space there, or lower output_bytes.",
                code="station-disk-full",
            ) from error
        _run(
            *("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal,^resize_inode"),
            *("-b", str(_BLOCK), "-I", str(_INODE_BYTES)),
            *("-N", str(limits.output_inodes + _RESERVED_INODES)),
            # nodiscard keeps the reservation, which mkfs would give back to the disk.
            *("-E", f"root_owner={owner}:{owner},nodiscard,lazy_itable_init=0", image),
        )
        self.path(folder)
        (out / "lost+found").rmdir()
        return out

    def path(self, folder: Path) -> Path:
        out, image = folder / "out", folder / "volume.img"
        if not mounts_at(out):
            if not image.is_file() or not out.is_dir():
                raise _absent(folder)
            _run("mount", "-t", "ext4", "-o", "loop,nosuid,nodev,noexec,noatime", image, out)
        return out

    def remove(self, folder: Path) -> None:
        out = folder / "out"
        for _ in range(mounts_at(out)):
            _unmount(out)
        for device in loop_devices(folder / "volume.img"):
            _detach(device, folder / "volume.img")
        _delete(folder)

    def check(self) -> CheckResult:
        missing = [tool for tool in ("mkfs.ext4", "mount", "umount", "losetup") if not _tool(tool)]
        if os.geteuid() != 0:
            problem = "the station does not run as root and cannot mount a volume"
            advice = (
                "Run the station as root, or set output_volume to directory and accept "
                "that a run can fill the disk."
            )
        elif missing:
            problem = f"{', '.join(missing)} cannot be found"
            advice = "Install the packages e2fsprogs and mount."
        elif not Path("/dev/loop-control").exists():
            problem = "there is no /dev/loop-control"
            advice = "Load the kernel module: modprobe loop."
        else:
            return CheckResult(
                "output quota", True, "Each run writes to a volume of fixed size (loopback ext4)."
            )
        return CheckResult("output quota", False, f"No output volume: {problem}.", advice)


class DirectoryVolumes:
    """A plain folder: each file is limited, their sum is not. For trying out without root."""

    given_up = frozenset({"output quota", "output files", "output programs"})

    def create(self, folder: Path, limits: Limits, owner: int = USER) -> Path:
        self.remove(folder)
        folder.mkdir(mode=0o700)
        out = folder / "out"
        out.mkdir()
        if os.geteuid() == 0:
            os.chown(out, owner, owner)
            out.chmod(0o700)
        else:
            # Only through the job's folder, which is the station's alone.
            out.chmod(0o777)
        return out

    def path(self, folder: Path) -> Path:
        out = folder / "out"
        if not out.is_dir():
            raise _absent(folder)
        return out

    def remove(self, folder: Path) -> None:
        # A station may have changed its setting: what the other kind left must go, too.
        LoopbackVolumes().remove(folder)

    def check(self) -> CheckResult:
        return CheckResult(
            "output quota",
            False,
            "The output quota is not enforced: outputs go to a plain folder, "
            "where only the size of each file is limited.",
            "Run the station as root and set output_volume to loopback.",
        )


def image_bytes(limits: Limits) -> int:
    """The image's size in bytes: ``output_bytes`` for the run, and what ext4 itself needs.

    That is the inode table, tables a block group, and the clusters that ext4 keeps
    back for its own maps: 2 %, at most 4096 blocks (``s_resv_clusters``).
    """
    inodes = (limits.output_inodes + _RESERVED_INODES) * _INODE_BYTES
    reserved = min(limits.output_bytes // 45, 17 * MIB)
    total = limits.output_bytes + inodes + reserved + limits.output_bytes // 1024 + MIB
    return -(-total // _BLOCK) * _BLOCK


def mounts_at(path: Path) -> int:
    """How many mounts lie on ``path`` in this process's sight, one above the other."""
    target = str(path.parent.resolve() / path.name)
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as table:
        return sum(_unescape(line.split(" ")[4]) == target for line in table)


def loop_devices(image: Path) -> list[str]:
    """The loop devices whose backing file is ``image``, deleted or not."""
    backing_file = str(image.parent.resolve() / image.name)
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            name = backing.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
        except OSError:  # detached while we looked
            continue
        if name.removesuffix(" (deleted)") == backing_file:
            found.append(f"/dev/{backing.parent.parent.name}")
    return found


def _unescape(field: str) -> str:
    """mountinfo writes space, tab, newline and backslash as octal (proc_pid_mountinfo(5))."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _unmount(path: Path) -> None:
    """Unmount, waiting a moment for a reader that is just leaving; then detach lazily."""
    for _ in range(20):
        unmount: list[str | Path] = [_tool("umount") or "umount", path]
        if subprocess.run(unmount, capture_output=True, env=_ENVIRONMENT).returncode == 0:
            return
        time.sleep(0.05)
    _run("umount", "-l", path)


def _detach(device: str, image: Path) -> None:
    try:
        _run("losetup", "-d", device)
    except SandboxError:
        # An unmount lets the kernel detach it by itself, a moment after it was listed here.
        if device in loop_devices(image):
            raise


def _delete(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise StationError(
            f"The outputs in {folder} belong to user {USER} and this station does not run as "
            "root, so it cannot delete them.",
            f"As root: rm -r {folder}",
            code="station-permission",
        ) from error


def _absent(folder: Path) -> SandboxError:
    return SandboxError(
        f"Job {folder.name} has no outputs: its output volume is not there. "
        "It was removed, or has never begun.",
        code="outputs-absent",
    )


def _tool(name: str) -> str | None:
    return shutil.which(name, path=_TOOLS)


def _run(program: str, *arguments: str | Path) -> None:
    try:
        subprocess.run(
            [_tool(program) or program, *arguments],
            check=True,
            capture_output=True,
            env=_ENVIRONMENT,
        )
    except FileNotFoundError as error:
        raise SandboxError(
            f"{program} cannot be found, and no output volume can be made without it.",
            "Install the packages e2fsprogs and mount.",
        ) from error
    except subprocess.CalledProcessError as error:
        stderr = error.stderr.decode(errors="replace").strip()
        raise SandboxError(
            f"{program} failed on the output volume {arguments[-1]}: {stderr}.",
            "Run 'phtlab station check', which says what is missing.",
        ) from error
