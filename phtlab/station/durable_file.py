"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as target:
            os.fchmod(target.fileno(), mode)
            yield target
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
