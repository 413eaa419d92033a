"""Folder of opened results, removed with the last object that uses it, or at the next start.

phtlab-results-… (0700)    accessible to the user only
├── .process               the process that uses it, as a mark of `phtlab.processes.process_mark`
└── STATION/               the station's outputs, as plain files
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Final

from phtlab.processes.process_mark import is_gone, own_mark

_PREFIX: Final = "phtlab-results-"
_PROCESS: Final = ".process"  # no station's name begins with a dot
_LONGEST_MARK: Final = 500


class ResultsFolder:
    """Folder removed once no Results or StationResults uses it.

    Making a folder first removes those of killed processes.
    """

    def __init__(self) -> None:
        remove_left_behind()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        if sys.platform == "linux":
            (self.path / _PROCESS).write_text(own_mark())


def remove_left_behind() -> int:
    """Remove this user's opened results whose process was killed; return how many.

    Only Linux distinguishes a process from a later one of the same number: elsewhere nothing is
    removed.
    """
    if sys.platform != "linux":
        return 0
    removed = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        mark = _mark_of(path)
        if mark is not None and is_gone(mark):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    return removed


def _mark_of(path: Path) -> str | None:
    """Return the process mark in the folder at `path`; None if it is not a folder of results.

    Anyone may put anything into the temporary folder: symbolic links are not followed, and a folder
    that another user made or can enter is left alone.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            stack.callback(os.close, folder)
            found = os.fstat(folder)
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
                return None
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(_PROCESS, flags, dir_fd=folder)
            stack.callback(os.close, file)
            return os.read(file, _LONGEST_MARK).decode("ascii", "replace")
        except OSError:
            return None  # removed meanwhile, no folder, or not one of ours
