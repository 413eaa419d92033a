"""The textual header of an age file: version line, stanzas, MAC.

Source: c2sp.org/age, "Header". Parsing is strict: it refuses whatever the grammar does
not name, so that two readers never see two different headers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from phtlab.errors import SealChangedError, SealFormatError

FILE_KEY_BYTES = 16
MAX_HEADER_BYTES = 2**20
_VERSION_LINE = b"age-encryption.org/v1\n"
_COLUMNS = 64
_ARGUMENT = re.compile(r"[!-~]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")


class LineSource(Protocol):
    """The source of an age file: a binary file or any object with these two methods."""

    def read(self, size: int = ..., /) -> bytes: ...

    def readline(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True)
class Stanza:
    """One stanza: its arguments (the first is its type) and its body."""

    args: tuple[str, ...]
    body: bytes

    @property
    def kind(self) -> str:
        return self.args[0]

    def encode(self) -> bytes:
        if not self.args or not all(_ARGUMENT.fullmatch(argument) for argument in self.args):
            raise SealFormatError(
                "A stanza's arguments are one or more printable ASCII words.", code="seal-stanza"
            )
        text = encode_base64(self.body)
        lines = [text[i : i + _COLUMNS] for i in range(0, len(text), _COLUMNS)]
        if not lines or len(lines[-1]) == _COLUMNS:
            lines.append("")
        return "\n".join([" ".join(("->", *self.args)), *lines, ""]).encode()


@dataclass(frozen=True)
class Header:
    """A parsed header; `authenticated` is what the MAC covers, byte for byte as it was read."""

    stanzas: tuple[Stanza, ...]
    authenticated: bytes
    mac: bytes

    def verify(self, file_key: bytes) -> None:
        """Raise SealChangedError unless the MAC is that of `file_key` over the header."""
        if not bytes_eq(self.mac, _mac(file_key, self.authenticated)):
            raise SealChangedError(
                "The header of this file was changed after it was sealed.",
                "Fetch it again; if that does not help, ask its sender to seal it again.",
                code="seal-header-changed",
            )


def encode_header(stanzas: Iterable[Stanza], file_key: bytes) -> bytes:
    """Encode a header of `stanzas`. Raises SealFormatError above MAX_HEADER_BYTES."""
    authenticated = _VERSION_LINE + b"".join(stanza.encode() for stanza in stanzas) + b"---"
    mac = encode_base64(_mac(file_key, authenticated)).encode()
    header = authenticated + b" " + mac + b"\n"
    if len(header) > MAX_HEADER_BYTES:
        raise SealFormatError(
            f"This header would have {len(header)} bytes; at most {MAX_HEADER_BYTES} are read.",
            "Seal to fewer recipients.",
            code="seal-header-size",
        )
    return header


def read_header(source: LineSource) -> Header:
    """Read the header and leave `source` at the payload. Raises SealFormatError."""
    lines = _Lines(source)
    if lines.next() != _VERSION_LINE:
        raise SealFormatError(
            "This is not a sealed file (age v1, not armored).",
            "Check that it is the right file and that all of it arrived.",
        )
    stanzas = []
    while (line := lines.next()).startswith(b"-> "):
        stanzas.append(_read_stanza(line, lines))
    if not line.startswith(b"--- ") or not stanzas:
        raise _malformed("a stanza or the closing line is missing")
    mac = decode_base64(_text(line[4:]))
    if len(mac) != 32:
        raise _malformed("the closing line holds no MAC")
    return Header(tuple(stanzas), lines.seen[: -len(line) + 3], mac)


def derive_key(file_key: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 32 bytes by HKDF-SHA-256, as age does everywhere."""
    return HKDF(hashes.SHA256(), 32, salt, info).derive(file_key)


def encode_base64(data: bytes) -> str:
    """Encode as standard base64 without padding."""
    return base64.b64encode(data).decode().rstrip("=")


def decode_base64(text: str) -> bytes:
    """Decode canonical unpadded base64. Raises SealFormatError for any other form."""
    try:
        if not _BASE64.fullmatch(text):
            raise ValueError
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _malformed("it holds text that is not base64") from None
    if encode_base64(data) != text:
        raise _malformed("it holds base64 that is not canonical")
    return data


class _Lines:
    """Lines of the header, counted against the limit."""

    def __init__(self, source: LineSource) -> None:
        self._source = source
        self._seen: list[bytes] = []
        self._left = MAX_HEADER_BYTES

    def next(self) -> bytes:
        line = self._source.readline(self._left)
        self._left -= len(line)
        if not line.endswith(b"\n"):
            if self._left <= 0:
                raise _malformed(
                    f"its header is longer than {MAX_HEADER_BYTES} bytes", code="seal-header-size"
                )
            raise _malformed("it ends within its header", code="seal-header-cut")
        self._seen.append(line)
        return line

    @property
    def seen(self) -> bytes:
        return b"".join(self._seen)


def _read_stanza(line: bytes, lines: _Lines) -> Stanza:
    args = tuple(_text(line[3:]).split(" "))
    if not all(_ARGUMENT.fullmatch(argument) for argument in args):
        raise _malformed("a stanza's arguments are not printable words")
    body = []
    while True:
        text = _text(lines.next())
        body.append(text)
        if len(text) > _COLUMNS:
            raise _malformed(f"a line of a stanza is longer than {_COLUMNS} characters")
        if len(text) < _COLUMNS:
            return Stanza(args, decode_base64("".join(body)))


def _text(line: bytes) -> str:
    try:
        return line.removesuffix(b"\n").decode("ascii")
    except UnicodeDecodeError:
        raise _malformed("its header holds other than ASCII") from None


def _mac(file_key: bytes, authenticated: bytes) -> bytes:
    mac = HMAC(derive_key(file_key, b"", b"header"), hashes.SHA256())
    mac.update(authenticated)
    return mac.finalize()


def _malformed(reason: str, *, code: str | None = None) -> SealFormatError:
    return SealFormatError(
        f"This is not a valid sealed file: {reason}.",
        "Check that all of it arrived, and fetch it again.",
        code=code,
    )
