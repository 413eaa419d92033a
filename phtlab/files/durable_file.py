"""Durable files: whole or absent, whatever happens while they are written.

A writer writes to a draft beside the file, and locks it. A killed writer leaves a draft without a
lock, which `remove_dead_drafts` distinguishes from that of a running one.
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
    """Open a draft in `path`'s folder, renamed to `path` if the block raises no error."""
    with replaced_whole(path, mode) as target:
        yield target
    sync_folder(path.parent)


@contextmanager
def replaced_whole(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Like `replaced_durably`, but its folder is not synced.

    After a power cut the file is whole, or as it was before. Of several files in a folder, one sync
    of the folder makes all durable.
    """
    with _draft(path, mode) as (draft, target):
        yield target
        _sync(target)
        draft.replace(path)


@contextmanager
def replaced_at_once(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Like `replaced_durably`, without any sync: a reader sees all of it or none.

    A power cut may leave it in any state, so it is for files that nothing needs after one.
    """
    with _draft(path, mode) as (draft, target):
        yield target
        target.flush()
        draft.replace(path)


def create_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Like `write_durably`, for a file that must be new. Raises FileExistsError if it is not."""
    with _draft(path, mode) as (draft, target):
        target.write(content)
        _sync(target)
        # A link, unlike a rename, never replaces a file: of two writers, only the first succeeds.
        path.hardlink_to(draft)
        draft.unlink()
    sync_folder(path.parent)


def remove_dead_drafts(folder: Path, *, below: bool = False, skip: Collection[Path] = ()) -> int:
    """Remove drafts of killed writers in `folder`, and with `below` in all folders below it.

    Skips folders of `skip` (absolute paths) and other file systems; does not follow links.
    Returns how many drafts were removed. Raises OSError if one cannot be.
    """
    removed = 0
    for place, folders, files in os.walk(folder.absolute()):
        inner = [Path(place, name) for name in folders] if below else []
        folders[:] = [path.name for path in inner if path not in skip and not path.is_mount()]
        drafts = (Path(place, name) for name in files if _DRAFT_NAME.fullmatch(name))
        removed += sum(map(_remove_dead, drafts))
    return removed


def _remove_dead(draft: Path) -> bool:
    """Remove `draft` unless its writer is running; return whether it was removed."""
    try:
        # NONBLOCK: a pipe of such a name must not block the caller.
        descriptor = os.open(draft, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # its writer has just renamed it, or it is a link or a pipe: no draft
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
    """Sync `folder`, so that the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """Create a draft beside `path`, so that a rename stays in one file system; delete on error."""
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
        # `remove_dead_drafts` removed it before it was locked.
        os.close(descriptor)


def _sync(target: BinaryIO) -> None:
    target.flush()
    os.fsync(target.fileno())
