"""Opened cargo comes from a station that may be hostile: only what the train declares is read."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from phtlab.errors import SealFormatError
from phtlab.files.cargo_archive import MAX_INDEX_BYTES, unpack
from phtlab.train.documents.manifest import Output
from tests.raising import raises_code

DECLARED = (Output(name="counts"), Output(name="plot", kind="figure"))


def index(*names: str) -> bytes:
    return json.dumps({"outputs": [{"name": name} for name in names]}).encode()


def archive(tmp_path: Path, *entries: tuple[tarfile.TarInfo | str, bytes]) -> Path:
    path = tmp_path / "cargo.tar"
    with tarfile.open(path, "w") as tar:
        for entry, content in entries:
            info = tarfile.TarInfo(entry) if isinstance(entry, str) else entry
            if info.isreg():
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "opened"
    folder.mkdir()
    return folder


def test_declared_outputs_are_unpacked(tmp_path, target):
    path = archive(tmp_path, ("cargo.json", index("counts")), ("counts.parquet", b"PAR1"))
    assert unpack(path, target, DECLARED) == {"counts": DECLARED[0]}
    assert (target / "counts.parquet").read_bytes() == b"PAR1"


@pytest.mark.parametrize(
    "name",
    ["other.parquet", "../counts.parquet", "/etc/passwd", "counts.json", "counts.parquet/x", "a\n"],
)
def test_undeclared_name_is_refused(tmp_path, target, name):
    path = archive(tmp_path, ("cargo.json", index()), (name, b""))
    with raises_code(SealFormatError, "seal-format") as refused:
        unpack(path, target, DECLARED)
    assert "the station broke its contract" in str(refused.value)
    assert not (tmp_path / "counts.parquet").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE]
)
def test_link_device_and_folder_are_refused(tmp_path, target, kind):
    entry = tarfile.TarInfo("counts.parquet")
    entry.type, entry.linkname = kind, "/etc/passwd"
    path = archive(tmp_path, ("cargo.json", index("counts")), (entry, b""))
    with pytest.raises(SealFormatError):
        unpack(path, target, DECLARED)


def test_sparse_file_is_refused(tmp_path, target):
    """One block in the archive, a gigabyte on the disk."""
    entry = tarfile.TarInfo("counts.parquet")
    entry.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "1073741823,1",
        "GNU.sparse.size": str(2**30),
    }
    path = archive(tmp_path, ("cargo.json", index("counts")), (entry, b"x"))
    with raises_code(SealFormatError, "seal-format"):
        unpack(path, target, DECLARED)
    assert not (target / "counts.parquet").exists()


def test_doubled_name_is_refused(tmp_path, target):
    twice = (("counts.parquet", b"1"), ("counts.parquet", b"2"))
    with pytest.raises(SealFormatError):
        unpack(archive(tmp_path, ("cargo.json", index("counts")), *twice), target, DECLARED)


def test_output_listed_but_absent_is_refused(tmp_path, target):
    path = archive(tmp_path, ("cargo.json", index("plot")), ("plot.png", b"\x89PNG"))
    with raises_code(SealFormatError, "seal-output"):
        unpack(path, target, DECLARED)


def test_missing_index_is_refused(tmp_path, target):
    with raises_code(SealFormatError, "seal-no-index"):
        unpack(archive(tmp_path, ("counts.parquet", b"")), target, DECLARED)


@pytest.mark.parametrize("content", [b"[", b"[]", b"{}", b"[" * 100_000, b'{"outputs": 3}'])
def test_index_of_another_form_is_refused(tmp_path, target, content):
    with raises_code(SealFormatError, "seal-index"):
        unpack(archive(tmp_path, ("cargo.json", content)), target, DECLARED)


def test_huge_index_is_refused_before_it_is_read(tmp_path, target):
    path = archive(tmp_path, ("cargo.json", b" " * (MAX_INDEX_BYTES + 1)))
    with pytest.raises(SealFormatError):
        unpack(path, target, DECLARED)
    assert not list(target.iterdir())


def test_files_that_are_too_much_together_are_refused_before_they_are_written(
    tmp_path, target, monkeypatch
):
    entries = (
        ("cargo.json", index("plot")),
        ("plot.png", b"x" * 600),
        ("plot.parquet", b"x" * 600),
    )
    path = archive(tmp_path, *entries)
    size = sum(len(content) for _, content in entries)
    monkeypatch.setattr("phtlab.files.cargo_archive.MAX_CARGO_BYTES", size - 1)
    with raises_code(SealFormatError, "seal-cargo-size"):
        unpack(path, target, DECLARED)
    assert not (target / "plot.parquet").exists()
    for left in target.iterdir():
        left.unlink()
    monkeypatch.setattr("phtlab.files.cargo_archive.MAX_CARGO_BYTES", size)
    assert unpack(path, target, DECLARED) == {"plot": DECLARED[1]}


def test_what_is_no_archive_is_refused(tmp_path, target):
    path = tmp_path / "cargo.tar"
    path.write_bytes(b"no archive" * 200)
    with raises_code(SealFormatError, "seal-archive"):
        unpack(path, target, DECLARED)


def test_cut_archive_is_refused(tmp_path, target):
    whole = archive(tmp_path, ("cargo.json", index("counts")), ("counts.parquet", b"x" * 4096))
    whole.write_bytes(whole.read_bytes()[:2600])
    with pytest.raises(SealFormatError):
        unpack(whole, target, DECLARED)
