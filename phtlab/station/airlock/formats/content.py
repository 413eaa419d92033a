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
            raise AirlockError(
                "An output became shorter while it was sealed, and nothing of it leaves.",
                code="output-not-a-file",
            )
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
