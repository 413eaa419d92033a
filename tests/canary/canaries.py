"""Canaries: values that have to stay where they are, and the forms in which one could come out."""

from __future__ import annotations

import base64
import gzip
import io
import json
import lzma
import re
import secrets
import struct
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Final

# A token as members and the registry use it (RFC 7519): header and claims begin with `{"`.
TOKEN: Final = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
_MOST_UNPACKED: Final = 64 * 2**20


@dataclass(frozen=True)
class Canary:
    """`what` it is, and its value: text, a number, or the bytes of a key."""

    what: str
    value: str | bytes | int | float

    @cached_property
    def forms(self) -> dict[str, bytes]:
        """Name to bytes of each form that is searched for."""
        if isinstance(self.value, int):
            return {
                **_of_text(str(self.value)),
                "int64 LE": struct.pack("<q", self.value),
                "int64 BE": struct.pack(">q", self.value),
                "float64": struct.pack("<d", self.value),
            }
        if isinstance(self.value, float):
            return {
                **_of_text(repr(self.value)),
                "float64 LE": struct.pack("<d", self.value),
                "float64 BE": struct.pack(">d", self.value),
            }
        if isinstance(self.value, bytes):
            return {"raw": self.value, **_encoded(self.value)}
        return _of_text(self.value)


def marked(what: str) -> Canary:
    """A new text that is nowhere else in the world."""
    return Canary(what, f"Kanarie<{secrets.token_hex(8)}>é")


def _of_text(text: str) -> dict[str, bytes]:
    raw = text.encode()
    # The bytes that a page, a log or JSON may have made of it; plain where nothing is special.
    plain = re.split(r"[^ -~]|[<>]", text)
    core = max(plain, key=len).encode()
    return {
        "plain": raw,
        "its longest plain part": core,
        "reversed": core[::-1],
        "JSON": json.dumps(text)[1:-1].encode(),
        "URL-quoted": urllib.parse.quote(text, safe="").encode(),
        "UTF-16": text.encode("utf-16-le"),
        "UTF-16 BE": text.encode("utf-16-be"),
        "UTF-32": text.encode("utf-32-le"),
        **_encoded(raw),
    }


def _encoded(raw: bytes) -> dict[str, bytes]:
    return {
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "base32": base64.b32encode(raw)[: len(raw) * 8 // 5],
        **{f"base64 at {offset}": _base64(raw, offset) for offset in range(3)},
        **{
            f"base64url at {offset}": _base64(raw, offset).translate(bytes.maketrans(b"+/", b"-_"))
            for offset in range(3)
        },
    }


def _base64(raw: bytes, offset: int) -> bytes:
    """The characters that `raw` gives by itself, `offset` bytes after a multiple of three."""
    whole = base64.b64encode(bytes(offset) + raw)
    first = -(-offset * 8 // 6)
    return whole[first : (offset + len(raw)) * 8 // 6]


def unpacked(content: bytes, depth: int = 3) -> Iterator[bytes]:
    """`content`, and what it holds where it is compressed or an archive."""
    yield content
    if depth == 0:
        return
    for inner in _inner(content):
        yield from unpacked(inner, depth - 1)


def _inner(content: bytes) -> Iterator[bytes]:
    with suppress(OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, ValueError):
        if content.startswith(b"\x1f\x8b"):
            yield gzip.GzipFile(fileobj=io.BytesIO(content)).read(_MOST_UNPACKED)
        elif content.startswith(b"\xfd7zXZ\0"):
            yield lzma.LZMADecompressor().decompress(content, _MOST_UNPACKED)
        elif content[:2] in (b"x\x01", b"x\x9c", b"x\xda", b"x^"):
            yield zlib.decompressobj().decompress(content, _MOST_UNPACKED)
        elif content.startswith(b"PK\x03\x04") and zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from (archive.read(name) for name in archive.namelist())
        elif content[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                files = (archive.extractfile(one) for one in archive.getmembers() if one.isreg())
                yield from (one.read() for one in files if one is not None)
        elif content.startswith(b"\x89PNG"):
            yield from _chunks_of_png(content)


def _chunks_of_png(content: bytes) -> Iterator[bytes]:
    at, pixels = 8, b""
    while at + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IDAT":
            pixels += body
        elif kind in (b"zTXt", b"iTXt", b"iCCP"):
            yield from (
                body[start:] for start in range(len(body)) if body[start : start + 1] == b"x"
            )
    yield pixels


@dataclass(frozen=True)
class Sighting:
    """A canary, where and how it was seen. Its value is not told again."""

    where: str
    what: str
    form: str

    def __str__(self) -> str:
        return f"{self.what}, {self.form}, in {self.where}"


def sightings(where: str, content: bytes, canaries: Iterable[Canary]) -> list[Sighting]:
    """Which of `canaries` are in `content`, in whatever form and packing."""
    return [
        Sighting(where, canary.what, form)
        for piece in unpacked(content)
        for canary in canaries
        for form, pattern in canary.forms.items()
        if pattern in piece
    ]
