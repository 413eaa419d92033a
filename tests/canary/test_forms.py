"""The search finds a value in whatever form it comes, and nothing where there is none."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import lzma
import os
import pickle
import secrets
import struct
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from itertools import product

import numpy as np
import pyarrow as pa

from tests.canary.canaries import Canary, marked, sightings

TEXT = marked("a text")
NUMBER = Canary("a number", 10**14 + secrets.randbelow(10**14))
REAL = Canary("a real", 0.1 + secrets.randbelow(10**12) / 10**13)
KEY = Canary("a key", os.urandom(32))


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", content)
    return packed.getvalue()


def picture(note: bytes) -> bytes:
    chunk = b"zTXtComment\0\0" + zlib.compress(note)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(chunk) - 4) + chunk + bytes(4)


def column(value: object) -> bytes:
    table = pa.table({"code": [value] * 3})
    target = io.BytesIO()
    with pa.ipc.new_file(target, table.schema) as file:
        file.write_table(table)
    return target.getvalue()


WRITTEN: dict[str, tuple[Canary, Callable[[], bytes]]] = {
    "text in JSON": (TEXT, lambda: json.dumps({"a": TEXT.value}).encode()),
    "text in JSON as it is": (
        TEXT,
        lambda: json.dumps({"a": TEXT.value}, ensure_ascii=False).encode(),
    ),
    "text in a page": (TEXT, lambda: html.escape(str(TEXT.value)).encode()),
    "text in an address": (TEXT, lambda: urllib.parse.quote_plus(f"a={TEXT.value}&b").encode()),
    "text of Windows": (TEXT, lambda: f"{TEXT.value}".encode("utf-16")),
    "text in Latin-1": (TEXT, lambda: f"{TEXT.value}".encode("latin-1")),
    "a text's repr": (TEXT, lambda: ascii(TEXT.value).encode()),
    "a text's bytes": (TEXT, lambda: repr(str(TEXT.value).encode()).encode()),
    "a text in hexadecimal": (
        TEXT,
        lambda: str(TEXT.value).encode().hex(" ").replace(" ", "").encode(),
    ),
    "a pickled text": (TEXT, lambda: pickle.dumps({"a": [TEXT.value]})),
    "a number in text": (NUMBER, lambda: f"sum={NUMBER.value}.".encode()),
    "a number in a column": (NUMBER, lambda: column(NUMBER.value)),
    "a number in an array": (NUMBER, lambda: np.array([1, NUMBER.value]).tobytes()),
    "a number as a real": (NUMBER, lambda: np.array([NUMBER.value], float).tobytes()),
    "a real in text": (REAL, lambda: json.dumps([REAL.value]).encode()),
    "a real in a column": (REAL, lambda: column(REAL.value)),
    "a key": (KEY, lambda: bytes(KEY.value)),  # type: ignore[arg-type]
    "a key in hexadecimal": (KEY, lambda: bytes(KEY.value).hex().upper().encode()),  # type: ignore[arg-type]
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zlib": zlib.compress,
    "zip": zipped,
    "a picture": picture,
    "gzip in zip": lambda content: zipped(gzip.compress(content)),
}


def test_a_value_is_found_in_every_form_and_packing() -> None:
    others = [marked("another"), Canary("another", os.urandom(32))]
    wrong = []
    for (form, (canary, write)), (packing, pack) in product(WRITTEN.items(), PACKED.items()):
        content = pack(os.urandom(7) + write() + os.urandom(7))
        if not sightings("here", content, [canary]):
            wrong.append(f"not found: {form}, {packing}")
        if sightings("here", content, others):
            wrong.append(f"found, though it is not there: another, in {form}, {packing}")
    assert not wrong


def test_a_value_is_found_in_base64_wherever_it_stands() -> None:
    encodings = (base64.b64encode, base64.urlsafe_b64encode)
    missed = []
    for canary, encode, before in product((TEXT, KEY), encodings, range(4)):
        raw = canary.value if isinstance(canary.value, bytes) else str(canary.value).encode()
        content = encode(b"x" * before + raw + b"y")
        if not any("base64" in one.form for one in sightings("here", content, [canary])):
            missed.append(f"{canary.what}, {encode.__name__}, after {before} bytes")
    assert not missed


def test_a_sighting_does_not_tell_the_value_again() -> None:
    (seen, *_) = sightings("a log", str(TEXT.value).encode(), [TEXT])
    assert str(seen) == "a text, plain, in a log"
