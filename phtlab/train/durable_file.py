"""Files that are whole or absent, whatever happens while they are written.

What is being written is a draft beside the file, locked by its writer. A writer that was killed
leaves a draft without a lock, which `remove_dead_drafts` tells from a living one's.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_DRAFT: Final = ".part"


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


def remove_dead_drafts(folder: Path) -> int:
    """Remove what killed writers have left in `folder`, not below it; how many drafts."""
    removed = 0
    for draft in folder.glob(f".*{_DRAFT}"):
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_NOFOLLOW)
        except FileNotFoundError:  # it has just become a file
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink(missing_ok=True)
            removed += 1
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)
    return removed


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
