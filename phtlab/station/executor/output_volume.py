"""Output volumes of fixed size, so that no run can fill the station's disk.

A job's folder holds `volume.img` and `out`, where the image is mounted. A tmpfs would be lost with
its container, and not every file system has project quotas; a loopback ext4 file system persists
and works everywhere, but needs root to mount.
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
_ENVIRONMENT = {"PATH": _TOOLS, "LC_ALL": "C"}  # no secrets of the station, such as a passphrase
_INODE_BYTES = 256
_RESERVED_INODES = 16
_BLOCK = 4096


class OutputVolumes(Protocol):
    """Creates, finds and removes the output volume in a job's folder; stateless."""

    given_up: frozenset[str]
    """Limits of the sandbox that it does not enforce, named as in sandbox_trial."""

    def create(self, folder: Path, limits: Limits, owner: int = USER) -> Path:
        """Create a new, empty volume, replacing any content of the folder. Return its path.

        `owner` is the host's user id of the run: USER, or what an engine maps it to.
        """

    def path(self, folder: Path) -> Path:
        """Return the volume's path, mounting it again after a reboot.

        Raises:
            SandboxError: there is no such volume (``outputs-absent``).
        """

    def remove(self, folder: Path) -> None:
        """Remove every mount, loop device and file. Does nothing if there is nothing to remove."""

    def check(self) -> CheckResult:
        """Check whether the quota is enforced on this machine."""


class LoopbackVolumes:
    """A fixed-size ext4 image per job, mounted without devices, set-id bits or execution."""

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
                # Allocated, not sparse: a full disk fails now instead of as an I/O error during the
                # run.
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            # Part of the space may be allocated: free it, so that the station can write again.
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
            # nodiscard keeps the allocation, which mkfs would otherwise free.
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
    """A plain folder, which limits each file but not their sum. For trying out without root."""

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
            # Reachable only through the job's folder, which only the station can access.
            out.chmod(0o777)
        return out

    def path(self, folder: Path) -> Path:
        out = folder / "out"
        if not out.is_dir():
            raise _absent(folder)
        return out

    def remove(self, folder: Path) -> None:
        # The setting may have changed: also remove what the other kind of volume left.
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
    """Return the image's size in bytes: ``output_bytes`` for the run, plus ext4's own needs.

    Those are the inode table, tables per block group, and the clusters that ext4 reserves for its
    own maps: 2 %, at most 4096 blocks (``s_resv_clusters``).
    """
    inodes = (limits.output_inodes + _RESERVED_INODES) * _INODE_BYTES
    reserved = min(limits.output_bytes // 45, 17 * MIB)
    total = limits.output_bytes + inodes + reserved + limits.output_bytes // 1024 + MIB
    return -(-total // _BLOCK) * _BLOCK


def mounts_at(path: Path) -> int:
    """Count the mounts stacked at ``path`` in this process's mount namespace."""
    target = str(path.parent.resolve() / path.name)
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="surrogateescape") as table:
        return sum(_unescape(line.split(" ")[4]) == target for line in table)


def loop_devices(image: Path) -> list[str]:
    """Return the loop devices whose backing file is ``image``, deleted or not."""
    backing_file = str(image.parent.resolve() / image.name)
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            name = backing.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")
        except OSError:  # detached meanwhile
            continue
        if name.removesuffix(" (deleted)") == backing_file:
            found.append(f"/dev/{backing.parent.parent.name}")
    return found


def _unescape(field: str) -> str:
    """Decode mountinfo's octal space, tab, newline and backslash (proc_pid_mountinfo(5))."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _unmount(path: Path) -> None:
    """Unmount, retrying briefly while a reader closes its files; then detach lazily."""
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
        # After an unmount the kernel may detach the device itself, just after it was listed.
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
