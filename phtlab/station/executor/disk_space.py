"""Whether the disks that a station writes to have room: bytes, files, and a write that succeeds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from phtlab.station.executor.contract import MIB, CheckResult

ENGINE_DISK = "engine's disk"
_WARNED_AT = 8
"""Free space below so many times what is needed is a warning."""
_NEEDED_FILES = 1000
_PROBE_BYTES = 64 * 1024


def disk_check(name: str, path: Path, *, needed: int) -> CheckResult:
    """Whether `needed` bytes and some files can be written below `path`, by what the disk says."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        return CheckResult(name, False, f"{path}: {error.strerror}.", _advice(path))
    free = found.f_bavail * found.f_frsize
    # A file system that makes inodes as it goes says that it has none (f_files of btrfs is 0).
    files = found.f_favail if found.f_files else None
    if free < needed:
        sentence = f"{path} has {_size(free)} free, and {_size(needed)} are needed."
        return CheckResult(name, False, sentence, _advice(path))
    if files is not None and files < _NEEDED_FILES:
        sentence = f"{path} has room for {files} more files, and for no more data after that."
        return CheckResult(name, False, sentence, f"Remove files there: df -i {path}")
    if free < _WARNED_AT * needed:
        sentence = f"{path} has {_size(free)} free, which will not do for long."
        return CheckResult(name, True, sentence, _advice(path), warning=True)
    return CheckResult(name, True, f"{path} has {_size(free)} free.")


def station_disks(folder: Path, *, needed: int) -> Iterator[CheckResult]:
    """The station's folder, and where temporary files lie."""
    yield _written(disk_check("disk", folder, needed=needed), folder)
    temporary = Path(tempfile.gettempdir())
    yield _written(disk_check("temporary files", temporary, needed=64 * MIB), temporary)


def _written(result: CheckResult, path: Path) -> CheckResult:
    """`result`, or that nothing can be written after all: a quota, a disk that is read-only."""
    if not result.ok:
        return result
    try:
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        sentence = f"Nothing can be written in {path}: {error.strerror}."
        return CheckResult(result.name, False, sentence, _advice(path))
    return result


def _advice(path: Path) -> str:
    return f"Free space there, or give it a larger disk: df -h {path}"


def _size(count: int) -> str:
    for unit, size in (("GiB", 1024 * MIB), ("MiB", MIB)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count // 1024} KiB"
