"""Check the size in memory of a table file from a hostile station, before reading it.

A few hundred bytes of Parquet can become gigabytes: a cell may be a list of millions, every row may
repeat a text that is stored once, and the sizes in the file's metadata bound neither.
"""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from phtlab.lab.results.page_sizes import uncompressed_bytes

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet

MAX_CELLS: Final = 50_000_000
MAX_DENSE_BYTES: Final = 512 * 2**20
_BATCH_ROWS: Final = 1024
# Bytes of any cell in pandas: a number, or a reference to a text.
_CELL_BYTES: Final = 8
# Bytes that Python adds where pandas keeps an object: a date, a time, bytes.
_OBJECT_BYTES: Final = 56
# A text that every row repeats is small in the file, but read again with every batch.
_MAX_READ_BYTES: Final = 32 * MAX_DENSE_BYTES
_NUMBERS: Final = frozenset({"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE"})


def error_in(path: Path) -> str | None:
    """Return what the file at `path` should have been, or None if it is a readable table.

    Raises pyarrow.ArrowException, ValueError or OSError if it is not a Parquet file.
    """
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        shape = file.metadata
        if shape.num_rows * shape.num_columns > MAX_CELLS:
            return f"a table of at most {MAX_CELLS:,} cells"
        if not _is_plain(file):
            return "a table of numbers, texts and dates"
        texts = [
            column.path
            for column in map(file.schema.column, range(shape.num_columns))
            if column.physical_type == "BYTE_ARRAY"
        ]
    with path.open("rb") as stored, mmap(stored.fileno(), 0, access=ACCESS_READ) as content:
        pages = uncompressed_bytes(shape, content)
    if pages > MAX_DENSE_BYTES or not _is_small(path, texts):
        return f"a table of at most {MAX_DENSE_BYTES // 2**20} MiB"
    return None


def _is_plain(file: pyarrow.parquet.ParquetFile) -> bool:
    """Whether each column has one value per cell, whose size is known before it is expanded."""
    types = file.schema_arrow.types
    # A Parquet column is a leaf: more leaves than columns mean nested cells.
    return len(types) == file.metadata.num_columns and all(
        file.schema.column(number).physical_type in ({"BYTE_ARRAY"} if _is_text(kind) else _NUMBERS)
        and (_is_text(kind) or _is_number(kind))
        for number, kind in enumerate(types)
    )


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as of

    if of.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        of.is_string(kind)
        or of.is_large_string(kind)
        or of.is_string_view(kind)
        or of.is_binary(kind)
        or of.is_large_binary(kind)
    )


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as of

    return bool(of.is_null(kind) or (of.is_primitive(kind) and not of.is_decimal(kind)))


def _is_small(path: Path, texts: list[str]) -> bool:
    """Whether all cells together are within the limit; reads in batches and keeps none."""
    import pyarrow.parquet

    dense = read = 0
    # Texts stay dictionary-encoded, each stored once: one per row would be the attack.
    with pyarrow.parquet.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
            dense += sum(_dense_bytes(column) for column in batch.columns)
            read += batch.nbytes
            if dense > MAX_DENSE_BYTES or read > _MAX_READ_BYTES:
                return False
    return True


def _dense_bytes(column: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute
    import pyarrow.types as of

    kind = column.type.value_type if of.is_dictionary(column.type) else column.type
    boxed = of.is_temporal(kind) or of.is_binary(kind) or of.is_large_binary(kind)
    size = len(column) * (_CELL_BYTES + (_OBJECT_BYTES if boxed else 0))
    if _is_text(column.type):
        if isinstance(column, pa.DictionaryArray):
            lengths = pa.compute.binary_length(column.dictionary).take(column.indices)
        else:
            lengths = pa.compute.binary_length(column)
        size += pa.compute.sum(lengths.cast(pa.int64())).as_py() or 0
    return size
