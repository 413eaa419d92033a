"""Check whether a daemon runs in a station's folder, without touching its lock."""

from __future__ import annotations

import os
from pathlib import Path

from phtlab.station.settings.folder import StationFolder


def daemon_runs(folder: StationFolder) -> bool:
    """Whether a process of this machine holds the lock of `StationFolder.occupied`.

    Reads the kernel's lock table (proc_locks(5)), because trying to take the lock could keep out a
    daemon that starts at that moment.
    """
    try:
        about = (folder.path / "lock").stat()
        table = Path("/proc/locks").read_text("ascii", "replace")
    except OSError:
        return False
    device = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    return any(
        fields[1] == "FLOCK" and device in fields and "->" not in fields
        for fields in map(str.split, table.splitlines())
        if len(fields) > 5
    )
