"""Instructions of rounds: who may send which, and who gets them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from phtlab.errors import CentralError, JourneyError, NotOnRosterError, OrderError, SignatureError
from phtlab.governance.audit.chain import Entry
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, Signature
from phtlab.wire.api.rounds import INLINE_BYTES, Instructions, RoundsView, SentInstruction
from phtlab.wire.central.problem import error_of
from tests.central.round_series import KEY, RoundSeries, inline, outcomes_at_once
from tests.central.world import World
from tests.limits import join
from tests.raising import raises_code


@pytest.fixture
def series(central: World) -> RoundSeries:
    """A journey whose stations computed round 1."""
    series = RoundSeries.ordered(central, recipients=("bob",))
    series.compute("ulm", 1)
    series.compute("mainz", 1)
    return series


def test_stations_get_instructions_in_order_and_the_newest_values(series: RoundSeries) -> None:
    first = series.instruct(values=b"values of round 2")
    ulm = series.central.client("ulm")
    assert ulm.instructions(series.id) == Instructions(instructions=(first,))
    for station in ("ulm", "mainz"):
        series.compute(station, 2)
    second = series.instruct(values=b"values of round 3")
    without = first.model_copy(update={"values": None})
    assert ulm.instructions(series.id).instructions == (without, second)
    assert ulm.instructions(series.id, after=2).instructions == (second,)
    assert ulm.instructions(series.id, after=3).instructions == ()
    for name in ("mainz", "ada", "bob"):
        assert series.central.client(name).instructions(series.id, after=2).instructions == (
            second,
        )


def test_the_newest_values_stay_with_their_instruction(series: RoundSeries) -> None:
    """Stations that were late, and another kernel after the end, read what was sent last."""
    first = series.instruct(values=b"values of round 2")
    series.compute("ulm", 2)
    series.records.pop("mainz")
    last = series.instruct(ends=True)
    assert series.central.client("ada").instructions(series.id).instructions == (first, last)


def test_the_same_instruction_again_changes_nothing(series: RoundSeries) -> None:
    sent = series.instruct(values=b"values")
    ada = series.central.client("ada")
    before, entries = ada.journey(series.id), len(ada.audit.page(0).lines)
    ada.put_instruction(series.id, sent)
    assert ada.journey(series.id) == before
    assert len(ada.audit.page(0).lines) == entries
    assert ada.instructions(series.id).instructions == (sent,)


def test_an_instruction_again_is_answered_after_the_journey_is_over(series: RoundSeries) -> None:
    sent = series.instruct(ends=True)
    for station in ("ulm", "mainz"):
        series.depart(station)
    series.central.client("ada").put_instruction(series.id, sent)


def test_another_instruction_of_a_round_is_refused(series: RoundSeries) -> None:
    sent = series.instruct(values=b"values")
    other = series.instruction(number=2, previous=series.id, values=b"other values")
    ada = series.central.client("ada")
    for _ in range(2):
        with raises_code(JourneyError, "instruction-exists"):
            ada.put_instruction(series.id, other)
    assert ada.instructions(series.id).instructions == (sent,)
    entries = [Entry.from_line(line.encode()) for line in ada.audit.page(0).lines]
    noted = [(e.actor, e.subject, e.digest) for e in entries if e.action.endswith("-twice")]
    assert noted == [("ada", series.id, other.instruction.digest)]


def test_two_kernels_that_instruct_at_once_start_one_round(series: RoundSeries) -> None:
    sent = [series.instruction(values=f"values {number}".encode()) for number in range(6)]

    def put(instruction: SentInstruction) -> None:
        series.central.client("ada").put_instruction(series.id, instruction)

    outcomes = outcomes_at_once(put, sent)
    assert sorted(outcomes) == ["", *["instruction-exists"] * 5]
    (stored,) = series.central.client("ada").instructions(series.id).instructions
    assert stored in sent


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": 3}, "instruction-number"),
        ({"previous": digest(b"other")}, "instruction-chain"),
        ({"journey": digest(b"other")}, "instruction-journey"),
        ({"heard": {}}, "instruction-heard"),
        ({"heard": {"jena": digest(b"r")}}, "instruction-heard"),
        ({"heard": {"ulm": digest(b"unknown")}}, "instruction-heard"),
    ],
)
def test_an_instruction_that_does_not_follow_is_refused(
    series: RoundSeries, changes: dict[str, Any], code: str
) -> None:
    with raises_code(OrderError, code):
        series.instruct(**changes)
    assert series.central.client("ulm").instructions(series.id).instructions == ()


def test_an_instruction_after_a_gap_is_refused(series: RoundSeries) -> None:
    series.instruct()
    for station in ("ulm", "mainz"):
        series.compute(station, 2)
    with raises_code(OrderError, "instruction-number"):
        series.instruct(number=4)


def test_records_of_an_earlier_round_are_not_named_again(series: RoundSeries) -> None:
    series.instruct()
    with raises_code(OrderError, "instruction-heard"):
        series.instruct()


def test_fewer_stations_than_the_quorum_start_no_round(central: World) -> None:
    series = RoundSeries.ordered(central, quorum=2)
    series.compute("ulm", 1)
    with raises_code(OrderError, "instruction-heard"):
        series.instruct()
    series.compute("mainz", 1)
    series.instruct()


def test_only_the_key_of_the_journey_signs(series: RoundSeries) -> None:
    ada = series.central.client("ada")
    for signer in (series.central.identity("ada"), Identity.generate("journey")):
        with raises_code(NotOnRosterError, "not-on-roster"):
            ada.put_instruction(series.id, series.instruction(by=signer))
    sent = series.instruction()
    changed = series.instruction(ends=True).instruction.payload
    forged = sent.instruction.model_copy(update={"payload": changed})
    with raises_code(SignatureError, "signature"):
        ada.put_instruction(series.id, SentInstruction(instruction=forged))
    half = Envelope(
        payload=sent.instruction.payload,
        payloadType="application/vnd.in-toto+json",
        signatures=(Signature(keyid=KEY.public.key_ids()["ed25519"], sig=""),),
    )
    with raises_code(SignatureError, "signature"):
        ada.put_instruction(series.id, SentInstruction(instruction=half))


def test_only_the_researcher_of_the_journey_sends(series: RoundSeries) -> None:
    sent = series.instruction()
    for name in ("bob", "ulm"):
        with raises_code(CentralError, "forbidden"):
            series.central.client(name).put_instruction(series.id, sent)
    for name in ("jena", "vera"):
        with raises_code(CentralError, "not-found"):
            series.central.client(name).put_instruction(series.id, sent)
        with raises_code(CentralError, "not-found"):
            series.central.client(name).instructions(series.id)


def test_values_are_those_that_are_signed(series: RoundSeries) -> None:
    ada = series.central.client("ada")
    sent = series.instruction(values=b"values")
    for values in (inline(b"other!"), inline(b"more values"), "no base64", ""):
        with raises_code(CentralError, "inline-content"):
            ada.put_instruction(series.id, sent.model_copy(update={"values": values}))
    nothing = series.instruction()
    with raises_code(CentralError, "inline-content"):
        ada.put_instruction(series.id, nothing.model_copy(update={"values": inline(b"values")}))


def test_values_of_the_largest_size_come_inline_and_larger_ones_do_not(
    series: RoundSeries,
) -> None:
    ada = series.central.client("ada")
    large = series.instruction(values=bytes(INLINE_BYTES + 1))
    with raises_code(CentralError, "too-large"):
        ada.put_instruction(series.id, large)
    ada.put_instruction(series.id, large.model_copy(update={"values": None}))
    series.instructions.append(large.instruction)
    (stored,) = ada.instructions(series.id).instructions
    assert stored == SentInstruction(instruction=large.instruction)
    series.compute("ulm", 2)
    series.records.pop("mainz")
    largest = series.instruct(values=bytes(INLINE_BYTES))
    assert ada.instructions(series.id, after=2).instructions == (largest,)


def test_an_instruction_that_is_too_large_is_refused(series: RoundSeries) -> None:
    sent = series.instruction().instruction
    padded = sent.model_copy(update={"payload": inline(bytes(256 * 1024 + 1))})
    with raises_code(CentralError, "too-large"):
        series.central.client("ada").put_instruction(series.id, SentInstruction(instruction=padded))


def test_after_the_instruction_that_ends_the_rounds_there_is_none(series: RoundSeries) -> None:
    series.instruct(ends=True)
    with raises_code(OrderError, "instruction-ended"):
        series.instruct()
    assert series.central.client("ada").journey(series.id).rounds == RoundsView(
        number=1, ended=True, heard=("ulm", "mainz")
    )


def test_more_rounds_than_the_order_allows_are_refused(series: RoundSeries) -> None:
    for number in (2, 3, 4):
        series.instruct()
        for station in ("ulm", "mainz"):
            series.compute(station, number)
    with raises_code(OrderError, "instruction-rounds"):
        series.instruct()
    series.instruct(ends=True)


def test_a_cancelled_journey_gets_no_instruction(series: RoundSeries) -> None:
    series.central.client("ada").cancel(series.id)
    with raises_code(JourneyError, "journey-over"):
        series.instruct()


def test_an_expired_journey_gets_no_instruction(series: RoundSeries) -> None:
    # Signed in time, and sent too late.
    sent = series.instruction()
    ada = series.central.client("ada")
    series.central.clock.ahead = timedelta(days=7, seconds=1)
    try:
        with raises_code(JourneyError, "journey-over"):
            _put_later(series, sent)
    finally:
        series.central.clock.ahead = timedelta(0)
    assert ada.instructions(series.id).instructions == ()


def test_a_journey_that_is_done_gets_no_instruction(series: RoundSeries) -> None:
    for station in ("ulm", "mainz"):
        series.depart(station)
    with raises_code(JourneyError, "journey-over"):
        series.instruct()


def test_a_journey_without_rounds_gets_no_instruction(series: RoundSeries) -> None:
    parallel = series.central.journey("ulm")
    sent = series.instruction(journey=parallel.id, previous=parallel.id)
    ada = series.central.client("ada")
    with raises_code(OrderError, "instruction-rounds"):
        ada.put_instruction(parallel.id, sent)
    assert ada.instructions(parallel.id).instructions == ()
    assert parallel.rounds is None


def test_a_waiting_station_wakes_at_the_next_instruction(series: RoundSeries) -> None:
    found: list[Instructions] = []
    ulm = series.central.client("ulm")
    thread = threading.Thread(
        target=lambda: found.append(ulm.instructions(series.id, after=1, wait=50))
    )
    thread.start()
    while series.central.services.bus.waiting == 0:
        thread.join(0.005)
    other = RoundSeries.ordered(series.central)
    other.compute("ulm", 1)
    other.instruct()
    assert series.central.services.bus.waiting == 1
    assert found == []
    sent = series.instruct(values=b"values")
    join(thread)
    assert found == [Instructions(instructions=(sent,))]


def test_a_waiting_station_wakes_at_an_instruction_that_no_notice_announced(
    series: RoundSeries,
) -> None:
    database = series.central.services.database
    report, database._report = database._report, lambda topics: None
    found: list[Instructions] = []
    ulm = series.central.client("ulm")
    thread = threading.Thread(
        target=lambda: found.append(ulm.instructions(series.id, after=1, wait=50))
    )
    try:
        thread.start()
        while series.central.services.bus.waiting == 0:
            thread.join(0.005)
        sent = series.instruct()
        join(thread)
    finally:
        database._report = report
    assert found == [Instructions(instructions=(sent,))]


def test_without_an_instruction_the_answer_is_empty_after_the_wait(series: RoundSeries) -> None:
    ulm = series.central.client("ulm")
    assert ulm.instructions(series.id, after=1, wait=0.05) == Instructions()
    assert ulm.instructions(series.id, after=10**6) == Instructions()


def test_each_instruction_is_in_the_audit_log(series: RoundSeries) -> None:
    first = series.instruct()
    for station in ("ulm", "mainz"):
        series.compute(station, 2)
    last = series.instruct(ends=True)
    entries = _entries(series.central)
    assert entries[-4:] == [
        ("ada", "round-instructed", first.instruction.digest, {"round": "2"}),
        ("ulm", "round-recorded", series.records["ulm"][-1].digest, {"round": "2"}),
        ("mainz", "round-recorded", series.records["mainz"][-1].digest, {"round": "2"}),
        ("ada", "rounds-ended", last.instruction.digest, {"round": "3"}),
    ]


def _put_later(series: RoundSeries, sent: SentInstruction) -> None:
    """Send as ada by central's clock, whatever the client's says."""
    answer = series.central.request(
        "POST",
        f"/api/v1/journeys/{series.id}/instructions",
        as_="ada",
        content=sent.model_dump_json(),
    )
    raise error_of(answer.status_code, answer.content, series.central.url)


def _entries(central: World) -> list[tuple[str, str, str | None, dict[str, str]]]:
    lines = central.client("ada").audit.page(0).lines
    entries = [Entry.from_line(line.encode()) for line in lines]
    return [(e.actor, e.action, e.digest, dict(e.details)) for e in entries]
