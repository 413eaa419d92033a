"""The payload of an age file: STREAM with ChaCha20-Poly1305 over chunks of 64 KiB.

Source: c2sp.org/age, "Payload". Memory is constant: one batch of chunks is read
ahead, since only what follows tells whether a chunk is the last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from phtlab.errors import SealChangedError, SealFormatError
from phtlab.train.age.header import derive_key

CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
_NONCE_BYTES = 16
# Chunks to a read and a write: at 64 KiB the calls cost more than the cipher.
_BATCH = 16


class Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class Target(Protocol):
    """A buffered binary file, or anything whose `write` takes all that it is given."""

    def write(self, data: memoryview | bytes, /) -> object: ...


def encrypt_payload(source: Source, target: Target, file_key: bytes) -> None:
    """Write the payload nonce and the chunks of all that `source` holds."""
    nonce = os.urandom(_NONCE_BYTES)
    target.write(nonce)
    cipher = ChaCha20Poly1305(derive_key(file_key, nonce, b"payload"))
    sealed = memoryview(bytearray(_BATCH * (CHUNK_BYTES + TAG_BYTES)))
    number = 0
    for block, is_last_block in _blocks(source, _BATCH * CHUNK_BYTES):
        chunks = _split(block, CHUNK_BYTES)
        end = 0
        for i, chunk in enumerate(chunks, 1):
            start, end = end, end + len(chunk) + TAG_BYTES
            is_last = is_last_block and i == len(chunks)
            cipher.encrypt_into(_chunk_nonce(number, is_last), chunk, None, sealed[start:end])
            number += 1
        target.write(sealed[:end])


def decrypt_payload(source: Source, target: Target, file_key: bytes) -> None:
    """Write to `target` what the payload at `source` holds, chunk by verified chunk.

    Raises SealChangedError when a chunk does not verify, SealFormatError when there is no payload.
    Chunks before that have been written by then: the caller must discard `target` on any error.
    """
    nonce = _read_fully(source, _NONCE_BYTES)
    if len(nonce) < _NONCE_BYTES:
        raise SealFormatError(
            "This is not a valid sealed file: it ends after its header. Check that all of it "
            "arrived, and fetch it again."
        )
    cipher = ChaCha20Poly1305(derive_key(file_key, nonce, b"payload"))
    opened = memoryview(bytearray(_BATCH * CHUNK_BYTES))
    number = 0
    for block, is_last_block in _blocks(source, _BATCH * (CHUNK_BYTES + TAG_BYTES)):
        chunks = _split(block, CHUNK_BYTES + TAG_BYTES)
        end = 0
        for i, chunk in enumerate(chunks, 1):
            is_last = is_last_block and i == len(chunks)
            size = max(0, len(chunk) - TAG_BYTES)
            verified, problem = _open_chunk(
                cipher, number, is_last, chunk, opened[end : end + size]
            )
            end += verified
            if problem is not None:
                target.write(opened[:end])
                raise problem
            number += 1
        target.write(opened[:end])


def _open_chunk(
    cipher: ChaCha20Poly1305, number: int, is_last: bool, chunk: memoryview, into: memoryview
) -> tuple[int, SealChangedError | None]:
    """How many verified bytes are in `into` now, and what is wrong with the chunk, if anything.

    A full chunk that verifies but stands at the wrong place, last or not, counts as verified, as
    the published vectors have it: what is wrong is what follows, or does not.
    """
    if len(chunk) < TAG_BYTES:
        return 0, _cut()
    try:
        cipher.decrypt_into(_chunk_nonce(number, is_last), chunk, None, into)
    except InvalidTag:
        if len(chunk) == CHUNK_BYTES + TAG_BYTES:
            return _open_misplaced_chunk(cipher, number, is_last, chunk, into)
        return 0, _changed("its content is not what was sealed")
    if not into and number > 0:
        return 0, _changed("it ends in an empty chunk, which no sealer writes")
    return len(into), None


def _open_misplaced_chunk(
    cipher: ChaCha20Poly1305, number: int, is_last: bool, chunk: memoryview, into: memoryview
) -> tuple[int, SealChangedError]:
    try:
        cipher.decrypt_into(_chunk_nonce(number, not is_last), chunk, None, into)
    except InvalidTag:
        return 0, _changed("its content is not what was sealed")
    return len(into), _cut() if is_last else _changed("something was added after its end")


def _chunk_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


def _blocks(source: Source, size: int) -> Iterator[tuple[bytes, bool]]:
    """Blocks of `size` bytes, the last one shorter or equal, and whether it is the last."""
    block = _read_fully(source, size)
    while following := _read_fully(source, size) if len(block) == size else b"":
        yield block, False
        block = following
    yield block, True


def _split(block: bytes, size: int) -> list[memoryview]:
    """`block` in pieces of `size`; one empty piece for an empty block."""
    view = memoryview(block)
    return [view[i : i + size] for i in range(0, max(len(block), 1), size)]


def _read_fully(source: Source, size: int) -> bytes:
    """`size` bytes, fewer only at the end: a pipe or socket may give less at a time."""
    data = source.read(size)
    if len(data) == size or not data:
        return data
    parts = [data]
    left = size - len(data)
    while left and (data := source.read(left)):
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def _cut() -> SealChangedError:
    return _changed("its end is missing")


def _changed(reason: str) -> SealChangedError:
    return SealChangedError(
        f"The payload of this file was changed after it was sealed: {reason}. Fetch it again; if "
        "that does not help, ask its sender to seal it again."
    )
