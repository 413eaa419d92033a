"""What a run left, made up in memory: as the airlock sees it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from phtlab.station.airlock.formats.content import Content, Joined


@dataclass(frozen=True)
class LeftInMemory:
    """`find` gives the file of a name, or raises as the real reader does."""

    find: Callable[[str], bytes]

    def read(self, name: str, limit: int) -> bytes:
        content = self.find(name)
        assert len(content) <= limit
        return content

    def open(self, name: str, limit: int) -> BinaryIO:
        return io.BytesIO(self.read(name, limit))


def leaving(content: Content) -> bytes:
    """All of what leaves."""
    return io.BufferedReader(Joined([content])).read()
