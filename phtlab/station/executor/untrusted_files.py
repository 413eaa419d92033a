"""Reading of files that an untrusted run wrote, without following them anywhere else.

Only regular files with a single name, below the folder, of bounded size: no symbolic or hard link,
pipe, socket, device or other file system. Each step uses the open folder's descriptor, so that
swapping a folder for a link in between has no effect.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Self

from phtlab.errors import AirlockError

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_BLOCK_BYTES = 2**20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# NONBLOCK: a pipe created between stat and open must not block the station.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def open_untrusted(directory: Path, name: str, *, limit: int) -> Iterator[BinaryIO]:
    """Open the regular file ``name`` (parts joined by "/") below ``directory``.

    Its size was at most ``limit`` bytes when opened, sparse parts included; if the run may still
    write to it, read no further than that.

    Raises:
        AirlockError: ``output-name`` for an invalid name, ``output-missing``,
            ``output-not-a-file`` for anything but a regular file with one name,
            ``output-too-large``.
    """
    parts = name.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        raise AirlockError(
            f"{name[:80]!a} is not a name that an output may have.",
            "Use letters, digits, hyphens, points and underscores.",
            code="output-name",
        )
    descriptor = _open(directory, parts, name, limit)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_untrusted(directory: Path, name: str, *, limit: int) -> bytes:
    """Read the whole content of :func:`open_untrusted`'s file; raises the same errors."""
    with open_untrusted(directory, name, limit=limit) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise _too_large(name, limit)
    return content


def copy_bounded(source: BinaryIO, target: BinaryIO, *, limit: int) -> None:
    """Copy `source`, which a run may still write to, into `target`: at most `limit` bytes of it."""
    room = limit
    while room and (block := source.read(min(room, _BLOCK_BYTES))):
        target.write(block)
        room -= len(block)


class LeftFiles:
    """The files in the folder `inner` of `directory`; closes opened ones on exit.

    Its methods raise as :func:`open_untrusted` does.
    """

    def __init__(self, directory: Path, inner: str) -> None:
        self._directory = directory
        self._inner = inner
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._opened.close()

    def read(self, name: str, limit: int) -> bytes:
        return read_untrusted(self._directory, f"{self._inner}/{name}", limit=limit)

    def open(self, name: str, limit: int) -> BinaryIO:
        return self._opened.enter_context(
            open_untrusted(self._directory, f"{self._inner}/{name}", limit=limit)
        )


def list_untrusted(directory: Path, name: str, *, most: int) -> list[str]:
    """List names in the folder ``name`` of ``directory``, at most ``most``; opens no file.

    Raises OSError: FileNotFoundError if there is no such folder, else if a link or file has its
    name.
    """
    outer = os.open(directory, _FOLDER)
    try:
        inner = os.open(name, _FOLDER, dir_fd=outer)
    finally:
        os.close(outer)
    try:
        with os.scandir(inner) as entries:
            return [entry.name for entry in islice(entries, most)]
    finally:
        os.close(inner)


def _open(directory: Path, parts: list[str], name: str, limit: int) -> int:
    folder = os.open(directory, _FOLDER)
    try:
        device = os.fstat(folder).st_dev
        for part in parts[:-1]:
            inner = _open_folder(folder, part, name, device)
            os.close(folder)
            folder = inner
        with _missing(name):
            # Checked before it is opened: opening a device can itself have effects.
            _demand_plain(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False), device, name)
            descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
    finally:
        with suppress(OSError):
            os.close(folder)
    try:
        found = os.fstat(descriptor)
        _demand_plain(found, device, name)
        _demand_in_place(descriptor, name)
        if found.st_size > limit:
            raise _too_large(name, limit)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_folder(folder: int, part: str, name: str, device: int) -> int:
    with _missing(name):
        inner = os.open(part, _FOLDER, dir_fd=folder)
    if os.fstat(inner).st_dev != device:
        os.close(inner)
        raise _not_a_file(name)
    return inner


def _demand_plain(found: os.stat_result, device: int, name: str) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_dev != device:
        raise _not_a_file(name)


def _demand_in_place(descriptor: int, name: str) -> None:
    """Require, after the link count was checked, that the opened name still exists.

    Otherwise it was a second name of some other file, removed before the links were counted. A
    removed name stays marked as deleted: recreating it makes another directory entry (proc(5), fd).
    """
    if Path(f"/proc/self/fd/{descriptor}").readlink().name.endswith(" (deleted)"):
        raise _not_a_file(name)


@contextmanager
def _missing(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise AirlockError(
            f"The output {name} is missing: the run did not write it.", code="output-missing"
        ) from error
    except OSError as error:  # a link (ELOOP), or no folder (ENOTDIR), or a socket (ENXIO)
        raise _not_a_file(name) from error


def _not_a_file(name: str) -> AirlockError:
    return AirlockError(
        f"The output {name} is not a plain file, and is not read.",
        "Publish it with phtlab.publish, which writes one.",
        code="output-not-a-file",
    )


def _too_large(name: str, limit: int) -> AirlockError:
    return AirlockError(
        f"The output {name} is larger than the {limit} bytes that this station lets leave.",
        code="output-too-large",
    )
