"""Files that are whole or absent, whatever happens while they are written.

What is being written is a draft beside the file, locked by its writer. A writer that was killed
leaves a draft without a lock, which `remove_dead_drafts` tells from a living one's.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_DRAFT: Final = ".part"
_DRAFT_NAME: Final = re.compile(rf"\..+\.[0-9a-f]{{16}}{re.escape(_DRAFT)}", re.DOTALL)


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `content` to `path` so that a reader, or a restart, sees all of it or none.

    The file is synced, renamed into place, and its folder synced: after return it
    survives a power cut.
    """
    with replaced_durably(path, mode) as target:
        target.write(content)


@contextmanager
def replaced_durably(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write in `path`'s folder, renamed to `path` if the block ends well."""
    with _draft(path, mode) as (draft, target):
        yield target
        _sync(target)
        draft.replace(path)
    sync_folder(path.parent)


def create_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """As `write_durably`, for a file that must be new. Raises FileExistsError if it is not."""
    with _draft(path, mode) as (draft, target):
        target.write(content)
        _sync(target)
        # A link, unlike a rename, never replaces: of two at once, one is first.
        path.hardlink_to(draft)
        draft.unlink()
    sync_folder(path.parent)


def remove_dead_drafts(folder: Path, *, below: bool = False, skip: Collection[Path] = ()) -> int:
    """Remove what killed writers have left in `folder`, and with `below` in all folders below it.

    Folders of `skip` (absolute paths) and other file systems are left alone; links are not
    followed. Returns how many drafts were removed. Raises OSError if one cannot be.
    """
    removed = 0
    for place, folders, files in os.walk(folder.absolute()):
        inner = [Path(place, name) for name in folders] if below else []
        folders[:] = [path.name for path in inner if path not in skip and not path.is_mount()]
        drafts = (Path(place, name) for name in files if _DRAFT_NAME.fullmatch(name))
        removed += sum(map(_remove_dead, drafts))
    return removed


def _remove_dead(draft: Path) -> bool:
    """Remove `draft` unless its writer lives; whether it was removed."""
    try:
        # NONBLOCK: a pipe of such a name must not hold the caller up.
        descriptor = os.open(draft, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # it has just become a file, or is a link or a pipe: no draft
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside `path`, so that a rename stays within a file system; gone on an error."""
    draft, descriptor = _locked_draft(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as target:
            os.fchmod(target.fileno(), mode)  # whatever the umask is
            yield draft, target
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _locked_draft(path: Path, mode: int) -> tuple[Path, int]:
    while True:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_DRAFT}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return draft, descriptor
        except BaseException:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        # Taken for dead in the moment before it was locked.
        os.close(descriptor)


def _sync(target: BinaryIO) -> None:
    target.flush()
    os.fsync(target.fileno())
