"""Files are whole or absent, and a new one never replaces another."""

import fcntl
from pathlib import Path

import pytest

from phtlab.files.durable_file import (
    create_durably,
    remove_dead_drafts,
    replaced_durably,
    write_durably,
)


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
    with pytest.raises(ZeroDivisionError), replaced_durably(path) as target:
        target.write(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_is_created_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    create_durably(path, b"first")
    with pytest.raises(FileExistsError):
        create_durably(path, b"second")
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")
    dead = tmp_path / ".file.0123456789abcdef.part"
    dead.write_bytes(b"half")
    with replaced_durably(path) as target:
        target.write(b"new")
        assert remove_dead_drafts(tmp_path) == 1
        assert not dead.exists()
    assert (names(tmp_path), path.read_bytes()) == (["file"], b"new")


def test_a_draft_that_was_taken_for_dead_before_its_lock_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if not swept:
            swept.append(True)
            monkeypatch.undo()
            assert remove_dead_drafts(tmp_path) == 1
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_durably(tmp_path / "file", b"whole")
    assert (names(tmp_path), (tmp_path / "file").read_bytes()) == (["file"], b"whole")
