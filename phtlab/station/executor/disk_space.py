"""Checks that the disks a station writes to have room for bytes and files, and are writable."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from phtlab.errors import StationError
from phtlab.station.executor.contract import MIB, CheckResult

ENGINE_DISK = "engine's disk"
_WARNED_AT = 8
"""Warn if the free space is below this multiple of the needed space."""
_NEEDED_FILES = 1000
_PROBE_BYTES = 64 * 1024


def disk_check(name: str, path: Path, *, needed: int) -> CheckResult:
    """Check by statvfs that `needed` bytes and some files can be written below `path`."""
    try:
        found = os.statvfs(path)
    except OSError as error:
        return CheckResult(name, False, f"{path}: {error.strerror}.", _advice(path))
    free = found.f_bavail * found.f_frsize
    # File systems that allocate inodes dynamically report none (f_files of btrfs is 0).
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


def require_free(path: Path, needed: int) -> None:
    """Raise StationError (``station-disk-full``) unless `path` has `needed` bytes free."""
    found = os.statvfs(path)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise StationError(
            f"{path} has {_size(free)} free, and {_size(needed)} are needed.",
            _advice(path),
            code="station-disk-full",
        )


def station_disks(folder: Path, *, needed: int) -> Iterator[CheckResult]:
    """Check the disks of the station's folder and of temporary files."""
    yield _written(disk_check("disk", folder, needed=needed), folder)
    temporary = Path(tempfile.gettempdir())
    yield _written(disk_check("temporary files", temporary, needed=64 * MIB), temporary)


def _written(result: CheckResult, path: Path) -> CheckResult:
    """Return `result`, or a failure if a test write fails: a quota, a read-only disk."""
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
