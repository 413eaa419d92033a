"""Files: recognized by their first bytes, never by a name, and checked by type.

Only types that can be read to the end are accepted; each is rewritten where that is possible. The
type of a file does not say what its numbers and words mean: so a file is held for a person, unless
the policy says otherwise.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats import (
    archive,
    figure,
    model,
    onnx_model,
    skops_model,
    strict_json,
)
from phtlab.station.airlock.formats.content import Content
from phtlab.station.policy.airlock_rules import AirlockRules, FileType

MAX_READ: Final = 64 * 2**20
"""Most bytes of a file that is read into memory. Larger files leave as safetensors only."""

# Types with a refusal of their own, which tells the author what to do instead.
_REFUSED: Final = (
    (b"\x80\x02", "a pickle, and opening one runs its code"),
    (b"\x80\x03", "a pickle, and opening one runs its code"),
    (b"\x80\x04", "a pickle, and opening one runs its code"),
    (b"\x80\x05", "a pickle, and opening one runs its code"),
    (b"\x93NUMPY", "a numpy file. Publish arrays as kind='model'"),
    (b"\x89HDF", "an HDF5 file, which can hold anything. Publish arrays as kind='model'"),
    (b"%PDF", "a PDF, which can hold anything. Publish the figure itself, which leaves as PNG"),
    (b"PAR1", "a Parquet file. Publish the table itself"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"BZh", "packed by a method that is not opened. Use zip, or tar with gzip"),
    (b"\xfd7zXZ", "packed by a method that is not opened. Use zip, or tar with gzip"),
    (b"7z\xbc\xaf", "packed by a method that is not opened. Use zip, or tar with gzip"),
    (b"(\xb5/\xfd", "packed by a method that is not opened. Use zip, or tar with gzip"),
)
_VECTOR: Final = (b"<svg", b"<?xml", b"<!doctype", b"<html", b"%!ps")
_TAR_AT: Final = 257


@dataclass(frozen=True)
class Checked:
    """A file as it may leave: `numbers` of a model, and `operations` of its graph, if any."""

    type: FileType
    content: Content
    numbers: int = 0
    operations: int = 0


def check_file(file: BinaryIO, rules: AirlockRules) -> Checked:
    """Return the file as it may leave, if it is of one of the policy's types.

    Raises AirlockError (``file-type``, ``archive``, ``model-form``, ``figure-form``, ``json``).
    """
    head = file.read(512)
    if _is_safetensors(head):
        found = model.read_model(file)
        return _allowed(Checked("safetensors", found.content, found.numbers), rules.file_types)
    file.seek(0)
    limit = min(rules.max_output, MAX_READ)
    content = file.read(limit + 1)
    if len(content) > limit:
        raise _refused(f"it is larger than {limit} bytes")
    return _allowed(_checked(content, rules), rules.file_types)


def _checked(content: bytes, rules: AirlockRules, *, inside: bool = False) -> Checked:
    for magic, what in _REFUSED:
        if content.startswith(magic):
            raise _refused(f"it is {what}")
    if content.lstrip()[:9].lower().startswith(_VECTOR):
        raise _refused("it is a vector figure or a page, which can hold code. Publish the figure")
    if content.startswith(b"\x89PNG"):
        return Checked("png", figure.redraw(content, rules.max_pixels, rules.max_colors))
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or _is_tar(content):
        if inside:
            raise _refused("it is an archive within an archive")
        return _archive(content, rules)
    if content.lstrip()[:1] in (b"{", b"["):
        strict_json.parse(content, limit=rules.max_output, depth=32, names=100_000)
        return Checked("json", content)
    if _is_text(content):
        return Checked("text", content)
    return _onnx(content)


def _onnx(content: bytes) -> Checked:
    try:
        numbers, operations = onnx_model.numbers_in(content)
    except AirlockError as error:
        if content[:1] == b"\x08":  # ir_version, with which every ONNX file begins
            raise
        raise _refused("it is of no type that is known here") from error
    return Checked("onnx", content, numbers, operations)


def _archive(content: bytes, rules: AirlockRules) -> Checked:
    limit = rules.max_output
    if content.startswith(b"PK"):
        files, kind = archive.unpacked_zip(content, min(limit, MAX_READ)), "zip"
        if skops_model.SCHEMA in files:
            numbers = skops_model.numbers_in(files)
            return Checked("skops", archive.packed(files), numbers)
    else:
        plain = archive.gunzipped(content, 2 * limit) if content[:2] == b"\x1f\x8b" else content
        if not _is_tar(plain):
            raise _refused("it is a packed file. Publish it as it is, or in a tar archive")
        files, kind = archive.unpacked_tar(plain, min(limit, MAX_READ)), "tar"
    return Checked("zip" if kind == "zip" else "tar", archive.packed(_inner(files, rules)))


def _inner(files: Mapping[str, bytes], rules: AirlockRules) -> dict[str, bytes]:
    found = {}
    for name, content in files.items():
        checked = _checked(content, rules, inside=True)
        if not isinstance(checked.content, bytes) or checked.type not in ("text", "json", "png"):
            raise _refused("an archive holds text, JSON and PNG only; publish models by themselves")
        found[name] = checked.content
    return found


def _allowed(checked: Checked, types: tuple[FileType, ...]) -> Checked:
    if checked.type not in types:
        raise _refused(f"this station releases no files of type '{checked.type}'")
    return checked


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 9 and head[5:8] == b"\0\0\0" and head[8:9] == b"{"


def _is_tar(content: bytes) -> bool:
    return content[_TAR_AT : _TAR_AT + 5] == b"ustar"


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(
        character in "\t\n\r" or not unicodedata.category(character).startswith("C")
        for character in set(text)
    )


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The file may not leave: {why}.", code="file-type")
