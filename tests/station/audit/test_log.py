"""A station's log: what was appended stays, whoever is killed and however many write."""

from __future__ import annotations

import errno
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import FIRST, Entry, Head, verify_chain
from phtlab.station.audit.log import Log
from tests.limits import LIMIT

DIGEST = "sha256:" + "a" * 64


def log_in(folder: Path, at: str = "2026-11-25") -> Log:
    return Log(folder / "audit", "charite", lambda: datetime.fromisoformat(f"{at}T12:00:00+00:00"))


def append(log: Log, subject: str = "j-1") -> Entry:
    return log.append(
        actor="charite",
        action="stop-offered",
        subject=subject,
        digest=DIGEST,
        details={"code": "none"},
    )


def files(log: Log) -> list[str]:
    return sorted(path.name for path in log.folder.glob("*.jsonl"))


def test_entries_are_a_chain_that_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    assert log.head() == Head(0, FIRST) and list(log.entries()) == []
    written = [append(log, f"j-{n}") for n in range(5)]
    assert list(log.entries()) == written
    assert list(log.entries(after=3)) == written[3:]
    assert verify_chain(log.entries(), log="charite") == log.head() == Head(5, written[4].name)


def test_nobody_but_its_owner_may_read_it(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    append(log)
    for path in (log.folder, *log.folder.iterdir()):
        assert path.stat().st_mode & 0o077 == 0 or path.name == "lock"


def test_a_month_has_a_file_and_the_chain_goes_on(tmp_path: Path) -> None:
    append(log_in(tmp_path, "2026-11-30"))
    log = log_in(tmp_path, "2026-12-01")
    append(log)
    assert files(log) == ["2026-11.jsonl", "2026-12.jsonl"]
    assert verify_chain(log.entries(), log="charite").number == 2


def test_a_clock_set_back_writes_into_no_older_file(tmp_path: Path) -> None:
    append(log_in(tmp_path, "2026-12-01"))
    log = log_in(tmp_path, "2026-11-30")
    append(log)
    assert files(log) == ["2026-12.jsonl"]
    assert verify_chain(log.entries(), log="charite").number == 2


def test_words_of_others_are_made_visible_and_short(tmp_path: Path) -> None:
    entry = append(log_in(tmp_path), "\x1b[2Jgone\u202e" + "x" * 500)
    assert entry.subject.startswith("\\x1b[2Jgone\\u202exxx") and len(entry.subject) == 200


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 400), zeros=st.integers(0, 40))
def test_a_writer_killed_anywhere_in_an_entry_loses_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, zeros: int
) -> None:
    log = log_in(tmp_path_factory.mktemp("log"))
    whole = [append(log, f"j-{n}") for n in range(3)]
    path = log.folder / "2026-11.jsonl"
    content = path.read_bytes()
    *_, last, _ = content.split(b"\n")
    kept = min(cut, len(last))
    path.write_bytes(content[: len(content) - len(last) - 1 + kept] + b"\0" * zeros)
    before = list(log.entries())
    assert before == whole[:2]
    following = append(log, "j-next")
    entries = list(log.entries())
    assert verify_chain(entries, log="charite") == Head(following.number, following.name)
    assert entries[:2] == whole[:2] and entries[-1] == following
    torn = last[:kept] + b"\0" * zeros
    if torn == last:
        assert entries[2] == whole[2]
    elif torn:
        assert [entry.action for entry in entries[2:]] == ["log-mended", "stop-offered"]
        (kept_file,) = (log.folder / "torn").iterdir()
        assert kept_file.read_bytes() == torn and entries[2].digest == f"sha256:{kept_file.name}"
    else:
        assert len(entries) == 3


def test_a_disk_without_room_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_in(tmp_path)
    append(log)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, content: real(fd, content[:20]))
    with pytest.raises(OSError) as caught:
        append(log)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    append(log)
    assert verify_chain(log.entries(), log="charite").number == 2
    assert not (log.folder / "torn").exists()


def test_a_file_that_is_none_of_ours_is_not_appended_to(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    append(log)
    path = log.folder / "2026-11.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"charite"', b'"Charite" '))
    before = path.read_bytes()
    with pytest.raises(AuditError) as refused:
        append(log)
    assert refused.value.code == "audit-form" and path.read_bytes() == before


def _writes(folder: Path, name: str) -> None:
    for number in range(20):
        append(log_in(folder), f"{name}-{number}")


def test_processes_and_threads_write_one_chain(tmp_path: Path) -> None:
    several = multiprocessing.get_context("spawn")
    processes = [several.Process(target=_writes, args=(tmp_path, f"p{n}")) for n in range(3)]
    for process in processes:
        process.start()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: _writes(tmp_path, f"t{n}"), range(4)))
    for process in processes:
        process.join(LIMIT)
        assert process.exitcode == 0
    entries = list(log_in(tmp_path).entries())
    assert verify_chain(entries, log="charite").number == 140
    assert len({entry.subject for entry in entries}) == 140


def test_a_copy_without_its_lock_can_be_read(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    append(log)
    (log.folder / "lock").unlink()
    assert len(list(log.entries())) == 1 and log.head().number == 1
    assert not (log.folder / "lock").exists()


def test_moments_are_kept_in_utc(tmp_path: Path) -> None:
    assert append(log_in(tmp_path)).at == datetime(2026, 11, 25, 12, tzinfo=UTC)
