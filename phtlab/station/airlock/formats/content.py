"""Content that leaves, in memory or as a file too large for it, read in constant memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Self

from phtlab.errors import AirlockError

_BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True)
class FileContent:
    """`head`, followed by `rest` bytes of the open `file` from offset `start`."""

    head: bytes
    file: BinaryIO
    start: int
    rest: int

    @classmethod
    def whole(cls, file: BinaryIO) -> Self:
        """All bytes that `file` has now."""
        return cls(b"", file, 0, file.seek(0, io.SEEK_END))

    def __len__(self) -> int:
        return len(self.head) + self.rest


Content = bytes | FileContent
"""Content of one file that leaves. A FileContent is valid as long as its file is open."""


def digest_of(content: Content) -> str:
    """Return the OCI digest of `content`. Raises AirlockError as `Joined` does."""
    hashed, block = hashlib.sha256(), memoryview(bytearray(_BLOCK_BYTES))
    reader = Joined([content])
    while got := reader.readinto(block):
        hashed.update(block[:got])
    return f"sha256:{hashed.hexdigest()}"


def opened(content: Content) -> BinaryIO:
    """Return a reader that can move in `content`. A FileContent is not copied."""
    if isinstance(content, bytes):
        return io.BytesIO(content)
    return io.BufferedReader(_Moving(content), _BLOCK_BYTES)


class _Moving(io.RawIOBase):
    """Reader of a FileContent, at any place of it."""

    def __init__(self, content: FileContent) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        begins = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}
        self._at = begins[whence] + offset
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        room = memoryview(buffer).cast("B")
        head, beyond = self._content.head, self._at - len(self._content.head)
        if beyond < 0:
            part = head[self._at : self._at + len(room)]
            room[: len(part)] = part
            got = len(part)
        else:
            self._content.file.seek(self._content.start + beyond)
            room = room[: max(0, self._content.rest - beyond)]
            got = self._content.file.readinto(room)  # type: ignore[attr-defined]
            if room and not got:
                raise _shorter()
        self._at += got
        return got


class Joined(io.RawIOBase):
    """Reader of several contents in a row.

    Reading raises AirlockError (`output-not-a-file`) if a file has become shorter.
    """

    def __init__(self, contents: Sequence[Content]) -> None:
        self._contents = list(contents)
        self._reader: BinaryIO | None = None
        self._left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        room = memoryview(buffer).cast("B")
        while not self._left:
            if not self._contents:
                return 0
            self._open(self._contents.pop(0))
        got: int = self._reader.readinto(room[: self._left])  # type: ignore[union-attr]
        if not got:
            raise _shorter()
        self._left -= got
        return got

    def _open(self, content: Content) -> None:
        if isinstance(content, bytes):
            self._reader, self._left = io.BytesIO(content), len(content)
            return
        if content.head:
            self._contents.insert(0, FileContent(b"", content.file, content.start, content.rest))
            self._reader, self._left = io.BytesIO(content.head), len(content.head)
            return
        content.file.seek(content.start)
        self._reader, self._left = content.file, content.rest


def _shorter() -> AirlockError:
    return AirlockError(
        "An output became shorter while it was sealed, and nothing of it leaves.",
        code="output-not-a-file",
    )
