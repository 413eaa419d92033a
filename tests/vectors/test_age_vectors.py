"""All published vectors of the format (C2SP/CCTV); armored ones do not apply, and are refused."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import SealError, SealFormatError, SealKeyError
from phtlab.train.crypto.age import (
    AgeIdentity,
    HybridIdentity,
    ScryptIdentity,
    Stanza,
    X25519Identity,
    decrypt,
    read_header,
)
from phtlab.train.crypto.age.header import encode_header
from tests.raising import raises_code

ALL = sorted(
    path for path in (Path(__file__).parent / "age").iterdir() if not path.name.startswith(".")
)
# phtlab reads and writes binary files only: these test the ASCII armor around one.
ARMORED = [path for path in ALL if path.name.startswith("armor_")]
VECTORS = [path for path in ALL if path not in ARMORED]
ARMOR = [
    "crlf",
    "empty",
    "empty_last_line",
    "empty_line_begin",
    "empty_line_end",
    "eol_between_padding",
    "full_last_line",
    "garbage_encoded",
    "garbage_leading",
    "garbage_trailing",
    "header_crlf",
    "headers",
    "hybrid",
    "invalid_character_header",
    "invalid_character_payload",
    "long_line",
    "lowercase",
    "no_end_line",
    "no_eol",
    "no_match",
    "no_padding",
    "not_canonical",
    "pgp_checksum",
    "scrypt",
    "short_line",
    "whitespace_begin",
    "whitespace_end",
    "whitespace_eol",
    "whitespace_last_line",
    "whitespace_line_start",
    "whitespace_outside",
    "wrong_type",
    "x25519",
]


@dataclass(frozen=True)
class Vector:
    fields: dict[str, str]
    identities: tuple[AgeIdentity, ...]
    content: bytes


def read_vector(path: Path) -> Vector:
    head, content = path.read_bytes().split(b"\n\n", 1)
    pairs = [line.split(": ", 1) for line in head.decode().splitlines()]
    identities: list[AgeIdentity] = []
    for key, value in pairs:
        if key == "passphrase":
            identities.append(ScryptIdentity(value))
        elif key == "identity" and value.startswith("AGE-SECRET-KEY-PQ-"):
            identities.append(HybridIdentity.parse(value))
        elif key == "identity":
            identities.append(X25519Identity.parse(value))
    fields = dict(map(tuple, pairs))
    if fields.get("compressed") == "zlib":
        content = zlib.decompress(content)
    return Vector(fields, tuple(identities), content)


def test_all_vectors_are_here() -> None:
    assert len(VECTORS) == 110
    assert [path.name.removeprefix("armor_") for path in ARMORED] == ARMOR


def test_armored_vectors_are_refused_before_any_key_is_tried() -> None:
    for path in ARMORED:
        opened = io.BytesIO()
        with raises_code(SealFormatError, "seal-format"):
            decrypt(io.BytesIO(read_vector(path).content), opened, [_Untouched()])
        assert opened.getvalue() == b"", path.name


class _Untouched:
    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        raise AssertionError("a key was tried")


def test_vectors() -> None:
    assert not [f"{path.name}: {why}" for path in VECTORS if (why := wrong_with(path))]


def wrong_with(path: Path) -> str | None:
    """How what comes of a vector differs from what is published with it, or None."""
    vector = read_vector(path)
    opened = io.BytesIO()
    error: SealError | None = None
    try:
        decrypt(io.BytesIO(vector.content), opened, vector.identities)
    except SealError as raised:
        error = raised

    match vector.fields["expect"]:
        case "success":
            right = error is None
        case "header failure":
            right = isinstance(error, SealFormatError)
        case "no match":
            right = isinstance(error, SealKeyError)
        case "HMAC failure":
            right = error is not None and error.code == "seal-header-changed"
        case "payload failure":
            right = error is not None and error.code.startswith("seal-payload-")
        case other:
            return f"an expectation that this test does not know: {other}"
    if not right:
        return f"{vector.fields['expect']} was expected, {error!r} came"
    payload = vector.fields.get("payload")
    found = hashlib.sha256(opened.getvalue()).hexdigest() if payload else opened.getvalue()
    return None if found == (payload or b"") else f"opened: {found!r}"


def test_valid_headers_are_written_again_byte_for_byte() -> None:
    valid = [v for v in map(read_vector, VECTORS) if v.fields["expect"] == "success"]
    assert len(valid) > 10
    for vector in valid:
        source = io.BytesIO(vector.content)
        header = read_header(source)
        written = encode_header(header.stanzas, bytes.fromhex(vector.fields["file key"]))
        assert written == vector.content[: source.tell()], vector.fields
