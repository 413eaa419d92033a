"""A log that was restored says what it lacks; a log that was cut does not hold for saying less."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import (
    LOST,
    START,
    Checkpoint,
    Entry,
    Head,
    after_loss,
    following,
    verify_chain,
)

AT = datetime(2026, 11, 25, tzinfo=UTC)


def chain(count: int, head: Head = START) -> list[Entry]:
    entries = []
    for number in range(count):
        entries.append(following(head, log="ulm", at=AT, actor="grace", action=f"act-{number}"))
        head = Head(entries[-1].number, entries[-1].name)
    return entries


def seen(entry: Entry) -> Checkpoint:
    return Checkpoint(
        log="ulm", number=entry.number, head=entry.name, witness="mainz", roster_version=1, at=AT
    )


def restored(kept: list[Entry], last: int) -> Entry:
    head = Head(kept[-1].number, kept[-1].name)
    return after_loss(head, last, log="ulm", at=AT, actor="grace")


def test_a_restored_log_goes_on_above_what_others_saw_of_it() -> None:
    whole = chain(9)
    kept = whole[:4]
    entry = restored(kept, 9)
    assert (entry.number, entry.details["lost"]) == (10, "5 to 9")
    after = chain(2, Head(entry.number, entry.name))
    witnesses = [seen(whole[2]), seen(whole[6]), seen(whole[8]), seen(after[-1])]
    assert verify_chain([*kept, entry, *after], witnesses, log="ulm").number == 12


def test_what_was_kept_must_still_be_what_others_saw() -> None:
    whole, other = chain(9), chain(4, Head(0, "sha256:" + "1" * 64))
    with pytest.raises(AuditError):
        verify_chain([*other, restored(other, 9)], [seen(whole[2])], log="ulm")


def test_entries_that_were_seen_beyond_those_that_are_said_to_be_lost_are_missed() -> None:
    whole = chain(9)
    kept = whole[:4]
    with pytest.raises(AuditError) as cut:
        verify_chain([*kept, restored(kept, 6)], [seen(whole[8])], log="ulm")
    assert cut.value.code == "audit-cut"


@pytest.mark.parametrize(
    "change",
    [
        {"action": "policy-changed"},
        {"details": {}},
        {"details": {"lost": "6 to 9"}},
        {"details": {"lost": "5 to 8"}},
        {"number": 11},
    ],
)
def test_a_gap_that_the_log_does_not_declare_as_it_is_is_one(change: dict[str, object]) -> None:
    kept = chain(4)
    entry = restored(kept, 9).model_copy(update=change)
    with pytest.raises(AuditError) as gap:
        verify_chain([*kept, entry], log="ulm")
    assert gap.value.code == "audit-gap"


def test_where_nothing_was_lost_nothing_is_left_out() -> None:
    kept = chain(4)
    entry = restored(kept, 4)
    assert (entry.action, entry.number, entry.details) == (LOST, 5, {})
    assert verify_chain([*kept, entry], log="ulm").number == 5
