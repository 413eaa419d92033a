"""Files are whole or absent, and a new one never replaces another."""

from pathlib import Path

import pytest

from phtlab.train.durable_file import create_durably, replaced_durably, write_durably


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole_and_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"first", 0o640)
    assert path.stat().st_mode & 0o777 == 0o640
    write_durably(path, b"second")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"second", 0o600)
    assert names(tmp_path) == ["file"]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")
    with pytest.raises(RuntimeError, match="half"), replaced_durably(path) as target:
        target.write(b"half")
        raise RuntimeError("half")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_is_created_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    create_durably(path, b"first")
    with pytest.raises(FileExistsError):
        create_durably(path, b"second")
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["file"]
