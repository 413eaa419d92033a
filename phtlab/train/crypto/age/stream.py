"""The payload of an age file: STREAM with ChaCha20-Poly1305 over chunks of 64 KiB.

Source: c2sp.org/age, "Payload". Memory is constant, about five batches of chunks: one is
read ahead, since only what follows shows whether a chunk is the last, and two are
being written to the target.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from phtlab.errors import SealChangedError, SealFormatError
from phtlab.train.crypto.age.header import derive_key

CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
_NONCE_BYTES = 16
# Chunks per read and write: at 64 KiB the calls cost more than the cipher.
_BATCH = 8


class Source(Protocol):
    """The input. An ordinary file or `BytesIO` is read without a copy."""

    def read(self, size: int = ..., /) -> bytes: ...


class Target(Protocol):
    """A buffered binary file, or any object whose `write` takes all bytes it is given.

    One thread at a time writes to it, not always the caller's. The bytes given to `write` are
    overwritten after it has returned.
    """

    def write(self, data: memoryview | bytes, /) -> object: ...


def encrypt_payload(source: Source, target: Target, file_key: bytes) -> None:
    """Encrypt all of `source`: write the payload nonce and the chunks."""
    nonce = os.urandom(_NONCE_BYTES)
    target.write(nonce)
    cipher = ChaCha20Poly1305(derive_key(file_key, nonce, b"payload"))
    number = 0
    with _Behind(target, _BATCH * (CHUNK_BYTES + TAG_BYTES)) as behind:
        for block, is_last_block in _blocks(source, _BATCH * CHUNK_BYTES):
            sealed = behind.buffer()
            chunks = _split(block, CHUNK_BYTES)
            end = 0
            for i, chunk in enumerate(chunks, 1):
                start, end = end, end + len(chunk) + TAG_BYTES
                is_last = is_last_block and i == len(chunks)
                cipher.encrypt_into(_chunk_nonce(number, is_last), chunk, None, sealed[start:end])
                number += 1
            behind.write(sealed[:end])


def decrypt_payload(source: Source, target: Target, file_key: bytes) -> None:
    """Decrypt the payload at `source` into `target`, chunk by verified chunk.

    Raises SealChangedError if a chunk does not verify, SealFormatError if there is no payload.
    Earlier chunks are written by then: the caller must discard `target` on any error.
    """
    nonce = bytearray(_NONCE_BYTES)
    if _fill(source, memoryview(nonce)) < _NONCE_BYTES:
        raise SealFormatError(
            "This is not a valid sealed file: it ends after its header.",
            "Check that all of it arrived, and fetch it again.",
        )
    cipher = ChaCha20Poly1305(derive_key(file_key, bytes(nonce), b"payload"))
    number = 0
    with _Behind(target, _BATCH * CHUNK_BYTES) as behind:
        for block, is_last_block in _blocks(source, _BATCH * (CHUNK_BYTES + TAG_BYTES)):
            opened = behind.buffer()
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
                    behind.write(opened[:end])
                    raise problem
                number += 1
            behind.write(opened[:end])


def _open_chunk(
    cipher: ChaCha20Poly1305, number: int, is_last: bool, chunk: memoryview, into: memoryview
) -> tuple[int, SealChangedError | None]:
    """Decrypt a chunk; return how many verified bytes are in `into`, and the error, if any.

    A full chunk that verifies at the wrong place, last or not, counts as verified, as in the
    published vectors: the error is what follows it, or the lack of more.
    """
    if len(chunk) < TAG_BYTES:
        return 0, _cut()
    try:
        cipher.decrypt_into(_chunk_nonce(number, is_last), chunk, None, into)
    except InvalidTag:
        if len(chunk) == CHUNK_BYTES + TAG_BYTES:
            return _open_misplaced_chunk(cipher, number, is_last, chunk, into)
        return 0, _changed("its content is not what was sealed", code="seal-payload-changed")
    if not into and number > 0:
        return 0, _changed(
            "it ends in an empty chunk, which no sealer writes", code="seal-payload-changed"
        )
    return len(into), None


def _open_misplaced_chunk(
    cipher: ChaCha20Poly1305, number: int, is_last: bool, chunk: memoryview, into: memoryview
) -> tuple[int, SealChangedError]:
    try:
        cipher.decrypt_into(_chunk_nonce(number, not is_last), chunk, None, into)
    except InvalidTag:
        return 0, _changed("its content is not what was sealed", code="seal-payload-changed")
    return len(into), _cut() if is_last else _changed(
        "something was added after its end", code="seal-payload-longer"
    )


def _chunk_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")


class _Behind:
    """Writes batches to `target` in its own thread, while the caller makes the next one.

    The cipher, the hash and file calls release the interpreter, so that two processors share the
    work. After `__exit__`, with or without an error, no write is running.
    """

    def __init__(self, target: Target, size: int) -> None:
        self._target = target
        self._size = size
        self._free: list[memoryview] = []
        self._pending: list[tuple[Future[object], memoryview]] = []
        self._thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        if error is None:
            while self._pending:
                self._finish_oldest()

    def buffer(self) -> memoryview:
        """Return room for a batch. Raises what writing an earlier one raised."""
        if len(self._pending) == 2:
            self._finish_oldest()
        return self._free.pop() if self._free else memoryview(bytearray(self._size))

    def write(self, batch: memoryview) -> None:
        """Queue `batch`, the beginning of the last buffer, for writing after those before.

        A small first batch is most often the only one: it is written at once, without a thread.
        """
        whole = memoryview(batch.obj)
        if self._thread is None:
            if len(batch) <= CHUNK_BYTES:
                self._target.write(batch)
                self._free.append(whole)
                return
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="age-write")
        self._pending.append((self._thread.submit(self._target.write, batch), whole))

    def _finish_oldest(self) -> None:
        written, whole = self._pending.pop(0)
        written.result()
        self._free.append(whole)


def _blocks(source: Source, size: int) -> Iterator[tuple[memoryview, bool]]:
    """Yield blocks of `size` bytes, the last one shorter or equal, and whether it is the last.

    A block is valid until the next one is requested.
    """
    buffers, ahead = memoryview(bytearray(size)), memoryview(bytearray(size))
    filled = _fill(source, buffers)
    while filled == size and (following := _fill(source, ahead)):
        yield buffers, False
        buffers, ahead, filled = ahead, buffers, following
    yield buffers[:filled], True


def _split(block: memoryview, size: int) -> list[memoryview]:
    """Split `block` into pieces of `size`; one empty piece for an empty block."""
    return [block[i : i + size] for i in range(0, max(len(block), 1), size)]


def _fill(source: Source, buffer: memoryview) -> int:
    """Fill `buffer`, less only at the end: a pipe or socket may return less per read."""
    filled = 0
    while filled < len(buffer) and (got := _read_into(source, buffer[filled:])):
        filled += got
    return filled


def _read_into(source: Source, room: memoryview) -> int:
    if isinstance(source, io.BufferedReader | io.BytesIO):
        return source.readinto(room)
    data = source.read(len(room))
    room[: len(data)] = data
    return len(data)


def _cut() -> SealChangedError:
    return _changed("its end is missing", code="seal-payload-cut")


def _changed(reason: str, *, code: str) -> SealChangedError:
    return SealChangedError(
        f"The payload of this file was changed after it was sealed: {reason}.",
        "Fetch it again; if that does not help, ask its sender to seal it again.",
        code=code,
    )
