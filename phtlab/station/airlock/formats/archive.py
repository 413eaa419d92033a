"""Bounded readers of archives: plain files with plain names, and a limit on what they unpack to.

The files are read into memory, checked, and packed anew: a zip without times, comments, extra
fields, or bytes between its entries.
"""

from __future__ import annotations

import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Final

from phtlab.errors import AirlockError

MAX_ENTRIES: Final = 1_000
MAX_NAME: Final = 128
_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}"
_NAME: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_BLOCK: Final = 64 * 1024
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
# Passwords and unusual methods need code that the station does not trust.
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1


def unpacked_zip(content: bytes, limit: int) -> dict[str, bytes]:
    """Return the files of a zip archive by name, at most `limit` bytes unpacked.

    Raises AirlockError (``archive``).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _collected(_zip_entries(archive), limit)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, RuntimeError):
        raise _refused("it is no sound zip archive") from None


def unpacked_tar(content: bytes, limit: int) -> dict[str, bytes]:
    """Return the files of a tar archive, plain or gzipped. Raises as `unpacked_zip` does."""
    try:
        # As a stream, the reader never seeks to a place that the archive names.
        with tarfile.open(fileobj=_Limited(content, limit), mode="r|") as archive:
            return _collected(_tar_entries(archive), limit)
    except (tarfile.TarError, EOFError, ValueError, OSError):
        raise _refused("it is no sound tar archive") from None


def gunzipped(content: bytes, limit: int) -> bytes:
    """Unpack a gzip file to at most `limit` bytes. Raises AirlockError (``archive``)."""
    engine = zlib.decompressobj(wbits=31)
    try:
        found = engine.decompress(content, limit + 1)
    except zlib.error:
        raise _refused("it is no sound gzip file") from None
    if len(found) > limit:
        raise _refused(f"it unpacks to more than {limit} bytes")
    if not engine.eof or engine.unused_data:
        raise _refused("it is no sound gzip file")
    return found


def packed(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` into a zip archive; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return target.getvalue()


class _Limited(io.BytesIO):
    def __init__(self, content: bytes, limit: int) -> None:
        super().__init__(content)
        if len(content) > limit + MAX_ENTRIES * 4096:
            raise _refused(f"it is larger than {limit} bytes")


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    if len(archive.infolist()) > MAX_ENTRIES:
        raise _refused(f"it has more than {MAX_ENTRIES} entries")
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused("it holds something else than plain files, such as a link")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise _refused("it is encrypted, or packed by an unusual method")
        if entry.is_dir():
            _require_name(entry.filename.removesuffix("/"))
            continue
        with archive.open(entry) as file:
            yield entry.filename, entry.file_size, file


def _tar_entries(archive: tarfile.TarFile) -> Iterator[tuple[str, int, IO[bytes]]]:
    for number, entry in enumerate(archive):
        if number >= MAX_ENTRIES:
            raise _refused(f"it has more than {MAX_ENTRIES} entries")
        if entry.isdir():
            _require_name(entry.name.removesuffix("/"))
            continue
        if not entry.isreg() or entry.sparse is not None:
            raise _refused("it holds something else than plain files, such as a link")
        file = archive.extractfile(entry)
        if file is not None:
            yield entry.name, entry.size, file


def _collected(entries: Iterator[tuple[str, int, IO[bytes]]], limit: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    room = limit
    for name, claimed, file in entries:
        _require_name(name)
        if name in found:
            raise _refused("it holds two files of one name")
        if claimed > room:
            raise _refused(f"it unpacks to more than {limit} bytes")
        parts = []
        while block := file.read(_BLOCK):  # the size in the header may be false
            room -= len(block)
            if room < 0:
                raise _refused(f"it unpacks to more than {limit} bytes")
            parts.append(block)
        found[name] = b"".join(parts)
    if not found:
        raise _refused("it holds no file")
    return found


def _require_name(name: str) -> None:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise _refused("a name in it is no plain name of letters, digits, points and hyphens")


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The archive may not leave: {why}.", code="archive")
