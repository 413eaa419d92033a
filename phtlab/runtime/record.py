"""What the runtime leaves in the output volume: progress, the notebook, and the record.

The kernel may write there too, as the same user. So nothing that lies there is trusted:
a file is replaced, never followed or appended to, and once the kernel is dead, what is
in the record's way is removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from datetime import datetime, timezone
from typing import Any

from phtlab.runtime.outcome import Failure, Verdict

VERSION = 1
_FULL = (errno.ENOSPC, errno.EDQUOT)


def record_of(verdict: Verdict, started: float, finished: float) -> dict[str, Any]:
    """run.json's content. `started` and `finished` are seconds since the epoch."""
    failure = verdict.failure
    return {
        "version": VERSION,
        "outcome": verdict.outcome,
        "error": None if failure is None else _error(failure),
        "cells": [{"cell": cell, "seconds": seconds} for cell, seconds in verdict.cells],
        "started": _instant(started),
        "finished": _instant(finished),
    }


def _error(failure: Failure) -> dict[str, Any]:
    cause = failure.cause
    return failure._asdict() | {"cause": None if cause is None else cause._asdict()}


def write_atomic(folder: str, name: str, content: bytes) -> None:
    """Write `name` in `folder` by a rename: a reader sees the old file or the new one.

    Raises:
        OSError: the volume is full, or something else is in the way.
    """
    temporary = f"{folder}/.{name}.{os.urandom(4).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o644)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, f"{folder}/{name}")  # noqa: PTH105
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def write_progress(folder: str, cell: int, done: int, cells: int) -> None:
    """Say which cell runs. Progress is a courtesy: if it cannot be written, it is not."""
    with contextlib.suppress(OSError):
        content = json.dumps({"cell": cell, "done": done, "cells": cells}).encode()
        write_atomic(folder, "progress.json", content)


def write_run(folder: str, record: dict[str, Any], notebook: bytes) -> None:
    """Write the executed notebook if it fits, and then the record in any case.

    The kernel must be dead: then the volume is the runtime's alone, and room for the
    record need not be set aside beforehand (what is set aside, a kernel of the same user
    could take). Outputs are removed only if the volume is full even without strays; the
    outcome then becomes `quota`.

    Raises:
        OSError: the volume itself cannot be written, e.g. it is mounted read-only.
    """
    _reopen(folder)
    _clear_way(folder, "executed.ipynb")
    try:
        write_atomic(folder, "executed.ipynb", notebook)
    except OSError:
        remove(folder, "executed.ipynb")
    _clear_way(folder, "run.json")
    content = _encode(record)
    for make_room in (_remove_strays, _remove_outputs, None):
        try:
            write_atomic(folder, "run.json", content)
            return
        except OSError as error:
            if error.errno not in _FULL or make_room is None:
                raise
        make_room(folder)
        if make_room is _remove_outputs and record["outcome"] == "completed":
            content = _encode(record | {"outcome": "quota", "error": _quota_error()})


def _encode(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True).encode()


def _quota_error() -> dict[str, Any]:
    message = "the output volume was so full that not even the record fitted"
    return _error(Failure("OSError", None, None, message, ""))


def _reopen(folder: str) -> None:
    """Undo a kernel's chmod of the volume."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o755)  # noqa: PTH101, S103


def _clear_way(folder: str, name: str) -> None:
    """A folder where a file shall be cannot be replaced by a rename."""
    if _is_folder(f"{folder}/{name}"):
        remove(folder, name)


def _remove_strays(folder: str) -> None:
    for name in os.listdir(folder):  # noqa: PTH208
        if name != "outputs":
            remove(folder, name)


def _remove_outputs(folder: str) -> None:
    remove(folder, "outputs")


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114


def remove(folder: str, name: str) -> None:
    """Remove a file or a tree, as far as it goes.

    A kernel may nest folders deeper than paths, recursion or descriptors go, so each
    is lifted up to `folder` before it is looked into.
    """
    with contextlib.suppress(OSError):
        if not _is_folder(f"{folder}/{name}"):
            os.unlink(f"{folder}/{name}")  # noqa: PTH108
            return
        pending = [f"{folder}/{name}"]
        while pending:
            os.chmod(pending[-1], 0o700)  # noqa: PTH101
            lifted = _empty(pending[-1], f"{folder}/.{os.urandom(6).hex()}")
            if lifted:
                pending.append(lifted)
            else:
                os.rmdir(pending.pop())  # noqa: PTH106


def _empty(path: str, free: str) -> str | None:
    """Unlink what `path` holds; at the first folder stop, and return where it was moved."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                os.rename(entry.path, free)  # noqa: PTH104
                return free
            os.unlink(entry.path)  # noqa: PTH108
    return None


def _instant(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
