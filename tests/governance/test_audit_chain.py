"""A chain that somebody has seen: no entry can be taken away, moved or changed without showing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import START, Checkpoint, Entry, Head, following, verify_chain
from phtlab.governance.audit.filter import EntryFilter
from tests.raising import raises_code

BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def chain(actors: list[str], log: str = "ulm") -> list[Entry]:
    entries: list[Entry] = []
    head = START
    for hour, actor in enumerate(actors):
        at = BEGAN + timedelta(hours=hour)
        entry = following(head, log=log, at=at, actor=actor, action="acted", subject=f"s-{hour}")
        entries.append(entry)
        head = Head(entry.number, entry.name)
    return entries


def seen(entries: list[Entry], number: int) -> Checkpoint:
    entry = entries[number - 1]
    return Checkpoint(
        log=entry.log, number=number, head=entry.name, witness="mainz", roster_version=1, at=BEGAN
    )


actors = st.lists(st.sampled_from(["ada", "bob", "ulm"]), min_size=2, max_size=12)


@given(actors, st.data())
def test_whatever_is_done_to_what_was_seen_shows(names: list[str], data: st.DataObject) -> None:
    entries = chain(names)
    at = data.draw(st.integers(1, len(entries)))
    witness = seen(entries, at)
    assert verify_chain(entries, [witness], log="ulm").number == len(entries)
    which = data.draw(st.integers(0, at - 1))
    what = data.draw(st.sampled_from(["remove", "repeat", "rewrite", "cut", "chain anew"]))
    changed = list(entries)
    if what == "remove":
        del changed[which]
    elif what == "repeat":
        changed.insert(which, changed[which])
    elif what == "rewrite":
        changed[which] = changed[which].model_copy(update={"actor": "eve"})
    elif what == "cut":
        del changed[which:]
    else:
        names = [*names[:which], "eve", *names[which + 1 :]]
        changed = chain(names)
    with pytest.raises(AuditError) as refused:
        verify_chain(changed, [witness], log="ulm")
    assert refused.value.code.startswith("audit-")


@given(actors, st.data())
def test_a_chain_goes_on_from_where_it_was_verified(names: list[str], data: st.DataObject) -> None:
    entries = chain(names)
    at = data.draw(st.integers(1, len(entries)))
    start = Head(at, entries[at - 1].name)
    whole = verify_chain(entries, log="ulm")
    assert verify_chain(entries[at:], log="ulm", start=start) == whole
    if at < len(entries):
        with pytest.raises(AuditError):
            verify_chain(entries[at:], log="ulm", start=Head(at, DIGEST))


def test_an_entry_of_another_log_is_none_of_this_one() -> None:
    with pytest.raises(AuditError) as refused:
        verify_chain(chain(["ada"], log="mainz"), log="ulm")
    assert refused.value.code == "audit-log"
    other = seen(chain(["ada", "bob"], log="mainz"), 2)
    assert verify_chain(chain(["ada"]), [other], log="ulm").number == 1


@given(st.binary(max_size=80))
def test_a_line_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(AuditError) as refused:
        Entry.from_line(line)
    assert refused.value.code == "audit-form"


@pytest.mark.parametrize(
    ("change", "into"),
    [
        (b'"ada"', b'"ada" '),
        (b'"number":1', b'"number":1.0'),
        (b'"details":{}', b'"details":{},"more":1'),
        (b'{"action"', b'{"action":"x","action"'),
        (b"12:00:00Z", b"13:00:00+01:00"),
    ],
)
def test_a_line_has_one_form_only(change: bytes, into: bytes) -> None:
    """Else two lines could have one meaning and two digests."""
    line = chain(["ada"])[0].to_line()
    assert change in line and Entry.from_line(line).to_line() == line
    changed = line.replace(change, into)
    try:
        assert Entry.from_line(changed).to_line() == changed
    except AuditError as refused:
        assert refused.code == "audit-form"
    else:
        assert into == b"13:00:00+01:00", "another time zone is another entry"


def test_entries_are_looked_for_as_people_write() -> None:
    entry = chain(["ada", "bob"])[1].model_copy(update={"digest": DIGEST})

    def matches(**words: str) -> bool:
        return EntryFilter.of(**words).matches(entry)

    assert matches() and matches(actor="bob", action="acted", subject="s-")
    assert matches(digest="AAAA") and matches(digest="sha256:aaa") and not matches(digest="b")
    assert matches(since="2026-11-25", until="2026-11-25")
    assert matches(since="2026-11-25T13:00") and not matches(since="2026-11-25T13:00:01")
    assert matches(until="2026-11-25T14:00+01:00") and not matches(until="2026-11-24")
    assert not matches(actor="ada") and not matches(subject="S-1")
    for wrong in ("yesterday", "2026-13-01", "2026-11-25T99:00"):
        with raises_code(AuditError, "audit-moment"):
            EntryFilter.of(since=wrong)
