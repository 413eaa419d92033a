"""Uncompressed sizes of a Parquet file's pages, from the pages' own headers.

Nothing verifies the sizes in the file's metadata; a reader allocates what each page's header
states, which is in Thrift's compact protocol (parquet.thrift, PageHeader).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import mmap

    import pyarrow.parquet

# An airlock's file has a few thousand at most.
_MOST_PAGES: Final = 100_000
_UNCOMPRESSED, _COMPRESSED = 2, 3
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 12
_DEEPEST: Final = 4


def uncompressed_bytes(metadata: pyarrow.parquet.FileMetaData, content: bytes | mmap.mmap) -> int:
    """Sum the sizes of all pages. Raises ValueError for invalid headers, or too many."""
    total = 0
    for pages, size in enumerate(_sizes(metadata, content)):
        if pages >= _MOST_PAGES:
            raise ValueError("too many pages")
        total += size
    return total


def _sizes(metadata: pyarrow.parquet.FileMetaData, content: bytes | mmap.mmap) -> Iterator[int]:
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.num_values <= 0:
                continue  # No page is read, and the offset means nothing.
            at = column.data_page_offset
            if column.dictionary_page_offset:
                at = min(at, column.dictionary_page_offset)
            end = at + column.total_compressed_size
            if not 0 <= at <= end <= len(content):
                raise ValueError("pages beyond the file")
            while at < end:
                header = _Header(content, at)
                fields = header.struct()
                size, stored = fields.get(_UNCOMPRESSED, -1), fields.get(_COMPRESSED, -1)
                if size < 0 or stored < 0:
                    raise ValueError("a page of no size")
                yield size
                at = header.at + stored


class _Header:
    """Reader of one header that starts at `at`; afterwards, `at` is the position behind it."""

    def __init__(self, content: bytes | mmap.mmap, at: int) -> None:
        self._content = content
        self.at = at

    def struct(self, depth: int = 0) -> dict[int, int]:
        """Return the integers among the fields. Raises ValueError for what no page header holds."""
        if depth > _DEEPEST:
            raise ValueError("too deep")
        fields: dict[int, int] = {}
        field = 0
        while head := self._byte():
            kind = head & 0x0F
            field = field + (head >> 4) if head >> 4 else self._number()
            if kind in (_I16, _I32, _I64):
                fields[field] = self._number()
            elif kind == _STRUCT:
                self.struct(depth + 1)
            elif kind == _BINARY:
                length = self._varint()
                self.at += length
            elif kind in (_BYTE, _DOUBLE):
                self.at += 1 if kind == _BYTE else 8
            elif kind not in (_TRUE, _FALSE):
                raise ValueError("no field of a page header")
        return fields

    def _byte(self) -> int:
        if self.at >= len(self._content):
            raise ValueError("a header beyond the file")
        self.at += 1
        return self._content[self.at - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 35, 7):  # no number in a header has more than 32 bits
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 2**32:
                    break
                return value
        raise ValueError("no number")

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
