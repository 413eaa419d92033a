"""Records of rounds: what central takes of a station, and how whoever combines gets them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from phtlab.central.context import CentralContext
from phtlab.central.server import serving
from phtlab.errors import CentralError, RecordError, SignatureError
from phtlab.governance.audit.chain import Entry
from phtlab.train.canonical import digest
from phtlab.wire.api.journeys import JourneyEvent
from phtlab.wire.api.rounds import INLINE_BYTES, Rounds, RoundsView, SentRound
from phtlab.wire.central.client import CentralClient
from tests.central.round_series import RoundSeries, inline, outcomes_at_once
from tests.central.world import World
from tests.limits import join
from tests.raising import raises_code


@pytest.fixture
def series(central: World) -> RoundSeries:
    return RoundSeries.ordered(central, recipients=("bob",))


def test_records_come_in_the_order_of_their_arrival(series: RoundSeries) -> None:
    first = series.compute("mainz", 1, update=b"of mainz")
    second = series.compute("ulm", 1, update=b"of ulm")
    ada = series.central.client("ada")
    found = ada.rounds(series.id)
    assert found.rounds == (first, second)
    assert ada.rounds(series.id, after=found.cursor) == Rounds(cursor=found.cursor)
    series.instruct()
    third = series.compute("ulm", 2)
    later = ada.rounds(series.id, after=found.cursor)
    assert later.rounds == (third,)
    assert later.cursor > found.cursor


def test_updates_are_for_who_may_open_the_results(series: RoundSeries) -> None:
    sent = series.compute("ulm", 1)
    for name in ("ada", "bob"):
        assert series.central.client(name).rounds(series.id).rounds == (sent,)
    without = SentRound(record=sent.record)
    for name in ("ulm", "mainz"):
        assert series.central.client(name).rounds(series.id).rounds == (without,)
    for name in ("jena", "vera"):
        with raises_code(CentralError, "not-found"):
            series.central.client(name).rounds(series.id)


def test_the_same_record_again_changes_nothing(series: RoundSeries) -> None:
    sent = series.compute("ulm", 1)
    ada = series.central.client("ada")
    before, entries = ada.rounds(series.id), len(ada.audit.page(0).lines)
    series.central.client("ulm").put_round(series.id, "ulm", 1, sent)
    assert ada.rounds(series.id) == before
    assert len(ada.audit.page(0).lines) == entries
    series.depart("ulm")
    series.central.client("ulm").put_round(series.id, "ulm", 1, sent)


def test_another_record_of_a_round_is_refused(series: RoundSeries) -> None:
    sent = series.compute("ulm", 1)
    other = series.record("ulm", 1, update=b"other")
    with raises_code(RecordError, "round-exists"):
        series.central.client("ulm").put_round(series.id, "ulm", 1, other)
    assert series.central.client("ada").rounds(series.id).rounds == (sent,)


def test_another_record_of_a_round_stays_in_the_audit_log(series: RoundSeries) -> None:
    series.compute("ulm", 1)
    other = series.record("ulm", 1, update=b"other")
    for _ in range(2):
        with raises_code(RecordError, "round-exists"):
            series.central.client("ulm").put_round(series.id, "ulm", 1, other)
    assert noted(series, "round-recorded-twice") == [("ulm", series.id, other.record.digest)]


def noted(series: RoundSeries, action: str) -> list[tuple[str, str, str | None]]:
    lines = series.central.client("ada").audit.page(0).lines
    entries = [Entry.from_line(line.encode()) for line in lines]
    return [(e.actor, e.subject, e.digest) for e in entries if e.action == action]


def test_two_stations_with_one_key_record_a_round_once(series: RoundSeries) -> None:
    sent = [series.record("ulm", 1, update=f"update {number}".encode()) for number in range(6)]

    def put(record: SentRound) -> None:
        series.central.client("ulm").put_round(series.id, "ulm", 1, record)

    outcomes = outcomes_at_once(put, sent)
    assert sorted(outcomes) == ["", *["round-exists"] * 5]
    assert len(series.central.client("ada").rounds(series.id).rounds) == 1


def test_a_late_station_leaves_a_gap(series: RoundSeries) -> None:
    series.compute("ulm", 1)
    series.compute("mainz", 1)
    series.instruct()
    series.compute("ulm", 2)
    series.records["mainz"].clear()
    series.instruct()
    late = series.central.client("ada").rounds(series.id).rounds[1]
    series.records["mainz"].append(late.record)
    series.compute("mainz", 3)
    assert series.central.client("ada").journey(series.id).rounds == RoundsView(
        number=3, heard=("mainz",)
    )


def test_a_record_of_the_round_before_is_taken_after_the_next_instruction(
    series: RoundSeries,
) -> None:
    series.compute("ulm", 1)
    series.instruct()
    series.compute("mainz", 1)
    assert series.central.client("ada").journey(series.id).rounds == RoundsView(number=2)


def test_records_out_of_order_are_refused(series: RoundSeries) -> None:
    for number in (1, 2):
        series.compute("ulm", number)
        series.instruct()
    first = series.compute("mainz", 1)
    series.compute("mainz", 3)
    missed = series.record("mainz", 2, previous=first.record.digest)
    with raises_code(RecordError, "round-number"):
        series.central.client("mainz").put_round(series.id, "mainz", 2, missed)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": 3}, "round-number"),
        ({"instruction": digest(b"other")}, "round-split"),
        ({"previous": digest(b"other")}, "record-chain"),
        ({"previous": None}, "record-chain"),
        ({"journey": digest(b"other")}, "record-journey"),
        ({"train": digest(b"other")}, "record-train"),
        ({"station": "mainz"}, "record-station"),
        ({"by": "mainz"}, "record-signer"),
    ],
)
def test_a_record_that_does_not_follow_is_refused(
    series: RoundSeries, changes: dict[str, Any], code: str
) -> None:
    series.compute("ulm", 1)
    series.instruct()
    with raises_code(RecordError, code):
        series.compute("ulm", 2, **changes)
    assert len(series.central.client("ada").rounds(series.id).rounds) == 1


def test_a_record_that_was_changed_is_refused(series: RoundSeries) -> None:
    sent = series.record("ulm", 1)
    changed = series.record("ulm", 1, update=b"other").record.payload
    forged = sent.record.model_copy(update={"payload": changed})
    with raises_code(SignatureError, "signature"):
        series.central.client("ulm").put_round(series.id, "ulm", 1, SentRound(record=forged))


def test_a_round_that_no_instruction_started_has_no_record(series: RoundSeries) -> None:
    first = series.compute("ulm", 1)
    start: dict[str, Any] = {"instruction": digest(b"none"), "previous": first.record.digest}
    for number in (2, 3):
        signed = series.record("ulm", 1, number=number, **start)
        with raises_code(RecordError, "round-number"):
            series.central.client("ulm").put_round(series.id, "ulm", number, signed)
    series.instruct(ends=True)
    ended = series.record("ulm", 2)
    with raises_code(RecordError, "round-number"):
        series.central.client("ulm").put_round(series.id, "ulm", 2, ended)


def test_a_journey_without_rounds_has_no_record(series: RoundSeries) -> None:
    parallel = series.central.journey("ulm")
    sent = series.record("ulm", 1, journey=parallel.id)
    with raises_code(RecordError, "round-number"):
        series.central.client("ulm").put_round(parallel.id, "ulm", 1, sent)
    assert series.central.client("ada").rounds(parallel.id) == Rounds(cursor=0)


def test_only_the_station_delivers_its_records(series: RoundSeries) -> None:
    sent = series.record("ulm", 1)
    for name in ("mainz", "ada", "jena"):
        with raises_code(CentralError, "forbidden"):
            series.central.client(name).put_round(series.id, "ulm", 1, sent)
    with raises_code(CentralError, "not-found"):
        series.central.client("jena").put_round(series.id, "jena", 1, sent)


@pytest.mark.parametrize("number", [0, 10_001])
def test_numbers_of_rounds_have_bounds(series: RoundSeries, number: int) -> None:
    with raises_code(CentralError, "request"):
        series.central.client("ulm").put_round(series.id, "ulm", number, series.record("ulm", 1))


def test_an_update_is_the_signed_one(series: RoundSeries) -> None:
    ulm = series.central.client("ulm")
    sent = series.record("ulm", 1, update=b"update")
    for update in (inline(b"other!"), inline(b"more of it"), "no base64", ""):
        with raises_code(CentralError, "inline-content"):
            ulm.put_round(series.id, "ulm", 1, sent.model_copy(update={"update": update}))
    large = series.record("ulm", 1, update=bytes(INLINE_BYTES + 1))
    with raises_code(CentralError, "too-large"):
        ulm.put_round(series.id, "ulm", 1, large)
    without = large.model_copy(update={"update": None})
    ulm.put_round(series.id, "ulm", 1, without)
    assert series.central.client("ada").rounds(series.id).rounds == (without,)


def test_an_answer_has_four_mebibytes_of_updates_at_most(central: World) -> None:
    stations = ("ulm", "mainz", "jena")
    series = RoundSeries.ordered(central, stations=stations)
    sent = []
    for number in range(1, 5):
        sent += [series.compute(each, number, update=bytes(INLINE_BYTES)) for each in stations]
        if number < 4:
            series.instruct()
    # Twelve of a quarter of a mebibyte fit; what is stored is made four times as large.
    with central.services.database.note() as session:
        session.execute(text("UPDATE round_record SET size = size * 4"))
    ada = central.client("ada")
    cursor, found = 0, list[SentRound]()
    for expected in (4, 4, 4, 0):
        answer = ada.rounds(series.id, cursor)
        assert len(answer.rounds) == expected
        cursor, found = answer.cursor, [*found, *answer.rounds]
    assert found == sent


def test_a_cursor_of_another_database_is_answered_at_once_with_everything(
    series: RoundSeries,
) -> None:
    ada = series.central.client("ada")
    assert ada.rounds(series.id, after=10**12, wait=50) == Rounds(cursor=0)
    sent = series.compute("ulm", 1)
    found = ada.rounds(series.id, after=10**12, wait=50)
    assert found.rounds == (sent,)
    assert found == ada.rounds(series.id)


def test_whoever_waits_wakes_at_the_next_record(series: RoundSeries) -> None:
    cursor = 0
    ada = series.central.client("ada")
    for station in ("ulm", "mainz"):
        found: list[Rounds] = []
        thread = threading.Thread(
            target=lambda after, into: into.append(ada.rounds(series.id, after, wait=50)),
            args=(cursor, found),
        )
        thread.start()
        while series.central.services.bus.waiting == 0:
            thread.join(0.005)
        assert found == []
        sent = series.compute(station, 1)
        join(thread)
        (answer,) = found
        assert answer.rounds == (sent,)
        cursor = answer.cursor


def test_a_record_at_another_replica_wakes_whoever_waits(series: RoundSeries) -> None:
    """Two servers on one database; with PostgreSQL by a note, else by a poll."""
    central = series.central
    other = CentralContext.of(central.settings, central.clock)
    found: list[Rounds] = []
    with (
        serving(central.settings, other) as url,
        CentralClient(url, central.identity("ada")) as ada,
    ):
        thread = threading.Thread(target=lambda: found.append(ada.rounds(series.id, wait=50)))
        thread.start()
        while other.bus.waiting == 0:
            thread.join(0.005)
        sent = series.compute("ulm", 1)
        join(thread)
    assert found[0].rounds == (sent,)


def test_a_stop_that_goes_on_delivers_on_a_cancelled_and_expired_journey(
    series: RoundSeries,
) -> None:
    """Its stop record, which ends the journey there, names the last of its records."""
    series.central.client("ada").cancel(series.id)
    series.compute("ulm", 1)
    series.central.clock.ahead = timedelta(days=8)
    try:
        sent = series.record("mainz", 1)
        answer = series.central.request(
            "PUT",
            f"/api/v1/journeys/{series.id}/rounds/mainz/1",
            as_="mainz",
            content=sent.model_dump_json(),
        )
    finally:
        series.central.clock.ahead = timedelta(0)
    assert answer.status_code == 204
    assert len(series.central.client("ada").rounds(series.id).rounds) == 2


def test_a_final_stop_has_no_more_records(series: RoundSeries) -> None:
    series.compute("ulm", 1)
    series.instruct()
    series.depart("ulm")
    with raises_code(RecordError, "round-late"):
        series.compute("ulm", 2)
    series.compute("mainz", 1)


def test_a_journey_shows_how_far_its_rounds_are(series: RoundSeries) -> None:
    ada = series.central.client("ada")

    def rounds_of_journey() -> RoundsView | None:
        (listed,) = ada.journeys().journeys
        assert listed.rounds == ada.journey(series.id).rounds
        return listed.rounds

    assert series.journey.rounds == rounds_of_journey() == RoundsView(number=1)
    series.compute("mainz", 1)
    assert rounds_of_journey() == RoundsView(number=1, heard=("mainz",))
    series.compute("ulm", 1)
    assert rounds_of_journey() == RoundsView(number=1, heard=("ulm", "mainz"))
    series.instruct()
    assert rounds_of_journey() == RoundsView(number=2)
    series.compute("ulm", 2)
    series.records.pop("mainz")
    series.instruct(ends=True)
    assert rounds_of_journey() == RoundsView(number=2, ended=True, heard=("ulm",))


def test_rounds_are_announced_by_events(series: RoundSeries) -> None:
    found: list[JourneyEvent] = []

    def follow() -> None:
        for event in series.central.client("ada").events(series.id):
            found.append(event)

    thread = threading.Thread(target=follow)
    thread.start()

    def until(rounds: RoundsView) -> None:
        while not found or found[-1].rounds != rounds:
            thread.join(0.005)
            assert thread.is_alive()

    series.compute("ulm", 1)
    until(RoundsView(number=1, heard=("ulm",)))
    assert found[-1].stop.station == "ulm"
    series.instruct()
    until(RoundsView(number=2))
    series.records.pop("mainz", None)
    series.compute("ulm", 2)
    series.instruct(ends=True)
    until(RoundsView(number=2, ended=True, heard=("ulm",)))
    for station in ("ulm", "mainz"):
        series.depart(station)
    join(thread)
    assert [event.number for event in found] == sorted(event.number for event in found)
    assert [(e.stop.station, e.stop.state) for e in found if e.rounds is None] == [
        ("ulm", "offered"),
        ("mainz", "offered"),
        ("ulm", "departed"),
        ("mainz", "departed"),
    ]


def test_one_event_of_the_rounds_is_kept(series: RoundSeries) -> None:
    for number in (1, 2, 3):
        series.compute("ulm", number)
        series.instruct()
    for station in ("ulm", "mainz"):
        series.depart(station)
    events = list(series.central.client("ada").events(series.id))
    assert [event.rounds for event in events] == [
        None,
        None,
        RoundsView(number=4),
        None,
        None,
    ]
