"""Pages' sizes are those of their own headers, not those that the file's metadata says."""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phtlab.lab.results.page_sizes import uncompressed_bytes
from phtlab.lab.results.table_file import error_in


def written(column: pa.Array, **options: object) -> bytes:
    target = BytesIO()
    pq.write_table(pa.table({"a": column, "b": column}), target, compression="zstd", **options)
    return target.getvalue()


def metadata(content: bytes) -> pq.FileMetaData:
    return pq.read_metadata(BytesIO(content))


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize(
    "column", [pa.array([str(n % 99) for n in range(50_000)]), pa.array(range(50_000)), pa.nulls(9)]
)
def test_they_are_what_an_honest_file_says_without_its_headers(column, dictionary, version):
    options = {"use_dictionary": dictionary, "data_page_version": version}
    content = written(column, data_page_size=4096, row_group_size=20_000, **options)
    shape = metadata(content)
    said = sum(shape.row_group(n).total_byte_size for n in range(shape.num_row_groups))
    assert 0.5 * said - 200 < uncompressed_bytes(shape, content) <= said


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.bool_(), pa.null()], ids=str)
def test_a_table_of_no_rows_has_no_pages(kind):
    content = written(pa.array([], kind))
    assert uncompressed_bytes(metadata(content), content) == 0


def _varint(value: int) -> bytes:
    value, made = value << 1, b""
    while value > 0x7F:
        made, value = made + bytes([value & 0x7F | 0x80]), value >> 7
    return made + bytes([value])


def test_metadata_that_says_less_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr("phtlab.lab.results.table_file.MAX_DENSE_BYTES", 2**20)
    content = written(pa.array(["x" * 2**21]), use_dictionary=False, write_statistics=False)
    size = metadata(content).row_group(0).column(0).total_uncompressed_size
    true = _varint(size)
    lie = _varint(2**7)[:1] + b"\x82" + b"\x80" * (len(true) - 3) + b"\x00"
    forged = content.replace(true, lie)
    assert metadata(forged).row_group(0).column(0).total_uncompressed_size < 1000
    assert uncompressed_bytes(metadata(forged), forged) > 2**22
    # (Not even begun: its texts are read by nobody.)
    monkeypatch.setattr("phtlab.lab.results.table_file._is_small", lambda path, texts: 1 / 0)
    (tmp_path / "counts.parquet").write_bytes(forged)
    assert error_in(tmp_path / "counts.parquet") == "a table of at most 1 MiB"


@pytest.mark.parametrize("header", [b"\xff" * 30, b"\x00" * 30, b"\x1c" * 30, b"\x19" * 30])
def test_headers_that_are_none_are_refused(header):
    content = written(pa.array(range(1000)))
    shape = metadata(content)
    with pytest.raises(ValueError):
        uncompressed_bytes(shape, content[:4] + header + content[34:])


def test_a_file_of_countless_pages_is_refused(monkeypatch):
    content = written(pa.array(range(1000)))
    uncompressed_bytes(metadata(content), content)
    monkeypatch.setattr("phtlab.lab.results.page_sizes._MOST_PAGES", 2)
    with pytest.raises(ValueError):
        uncompressed_bytes(metadata(content), content)
