"""Journeys whose rounds an aggregator combines: its stop, its instructions, and how they end."""

from __future__ import annotations

import threading

import pytest

from phtlab.errors import CentralError, JourneyError, NotOnRosterError, OrderError, RecordError
from phtlab.governance.audit.chain import Entry
from phtlab.train.documents.record import Outcome
from phtlab.wire.api.journeys import Offer, StopUpdate
from phtlab.wire.api.rounds import INLINE_BYTES, Rounds, RoundsView, SentInstruction, SentRound
from phtlab.wire.central.client import CentralClient
from tests.central.round_series import KEY, RoundSeries, inline
from tests.central.world import World
from tests.limits import join
from tests.raising import raises_code


@pytest.fixture
def series(central: World) -> RoundSeries:
    """A journey that adder combines, whose stations computed round 1."""
    series = RoundSeries.ordered(central, recipients=("bob",), aggregator="adder")
    series.compute("ulm", 1)
    series.compute("mainz", 1)
    return series


def _offers(series: RoundSeries, name: str) -> tuple[Offer, ...]:
    return series.central.client(name).inbox().offers


def _entries(central: World) -> list[tuple[str, str, dict[str, str]]]:
    lines = central.client("ada").audit.page(0).lines
    entries = [Entry.from_line(line.encode()) for line in lines]
    return [(e.actor, e.action, dict(e.details)) for e in entries]


def test_an_aggregator_has_the_last_stop_of_the_journey(series: RoundSeries) -> None:
    stops = [(stop.number, stop.station, stop.state) for stop in series.journey.stops]
    assert stops == [(0, "ulm", "offered"), (1, "mainz", "offered"), (2, "adder", "offered")]
    (offer,) = _offers(series, "adder")
    assert offer.journey == series.id
    adder = series.central.client("adder")
    assert adder.train(series.journey.train).digest == series.journey.train
    running = StopUpdate(state="running")
    assert adder.update_stop(series.id, "adder", running).state == "running"
    assert _offers(series, "tally") == ()
    ordered = [details for _, action, details in _entries(series.central) if "ordered" in action]
    assert ordered == [{"stations": "ulm, mainz", "aggregator": "adder"}]


def test_an_aggregator_speaks_for_its_own_stop_only(series: RoundSeries) -> None:
    running = StopUpdate(state="running")
    adder = series.central.client("adder")
    with raises_code(CentralError, "forbidden"):
        adder.update_stop(series.id, "ulm", running)
    with raises_code(CentralError, "forbidden"):
        series.central.client("ulm").update_stop(series.id, "adder", running)
    with raises_code(CentralError, "not-found"):
        series.central.client("tally").update_stop(series.id, "tally", running)
    with raises_code(CentralError, "forbidden"):
        adder.cancel(series.id)


def test_an_aggregator_computes_no_rounds(series: RoundSeries) -> None:
    with raises_code(RecordError, "record-station"):
        series.compute("adder", 1)


def test_an_aggregator_reads_updates_and_whoever_else_does_not_open_results_none(
    series: RoundSeries,
) -> None:
    found = series.central.client("ada").rounds(series.id).rounds
    assert all(sent.update for sent in found)
    for name in ("adder", "bob"):
        assert series.central.client(name).rounds(series.id).rounds == found
    without = tuple(SentRound(record=sent.record) for sent in found)
    assert series.central.client("ulm").rounds(series.id).rounds == without
    for name in ("tally", "jena", "vera"):
        with raises_code(CentralError, "not-found"):
            series.central.client(name).rounds(series.id)


def test_only_the_aggregator_instructs(series: RoundSeries) -> None:
    sent = series.instruction()
    for name in ("ada", "bob", "ulm"):
        with raises_code(CentralError, "forbidden"):
            series.central.client(name).put_instruction(series.id, sent)
    with raises_code(CentralError, "not-found"):
        series.central.client("tally").put_instruction(series.id, sent)
    series.instruct()
    entry = ("adder", "round-instructed", {"round": "2"})
    assert _entries(series.central)[-1] == entry


@pytest.mark.parametrize("signer", ["ada", "tally", "journey"])
def test_the_aggregator_sends_what_it_signed_itself(series: RoundSeries, signer: str) -> None:
    key = KEY if signer == "journey" else series.central.identity(signer)
    with raises_code(NotOnRosterError, "not-on-roster"):
        series.instruct(by=key)


def test_an_aggregator_instructs_no_journey_of_another_combiner(series: RoundSeries) -> None:
    others = (
        RoundSeries.ordered(series.central, aggregator="tally"),
        RoundSeries.ordered(series.central),
    )
    for other in others:
        other.compute("ulm", 1)
        with raises_code(CentralError, "not-found"):
            series.central.client("adder").put_instruction(other.id, other.instruction())


def test_a_recipient_that_aggregates_elsewhere_instructs_nothing(central: World) -> None:
    series = RoundSeries.ordered(central, recipients=("tally",), aggregator="adder")
    series.compute("ulm", 1)
    with raises_code(CentralError, "forbidden"):
        central.client("tally").put_instruction(series.id, series.instruction())


def test_reports_are_for_who_may_open_the_results(series: RoundSeries) -> None:
    first = series.instruct(values=b"values of round 2", report=b"report of round 1")
    series.compute("ulm", 2)
    series.records.pop("mainz")
    second = series.instruct(values=b"values of round 3", report=b"report of round 2")
    without_values = first.model_copy(update={"values": None})
    for name in ("ada", "bob"):
        found = series.central.client(name).instructions(series.id).instructions
        assert found == (without_values, second)
    hidden = tuple(sent.model_copy(update={"report": None}) for sent in (without_values, second))
    for name in ("ulm", "mainz", "adder"):
        assert series.central.client(name).instructions(series.id).instructions == hidden


def test_reports_of_a_researcher_s_kernel_are_stored_too(central: World) -> None:
    series = RoundSeries.ordered(central)
    series.compute("ulm", 1)
    sent = series.instruct(ends=True, report=b"report and values")
    assert central.client("ada").instructions(series.id).instructions == (sent,)


def test_a_report_is_the_signed_one(series: RoundSeries) -> None:
    adder = series.central.client("adder")
    sent = series.instruction(report=b"report")
    for report in (inline(b"other!"), inline(b"more of it"), "no base64", ""):
        with raises_code(CentralError, "inline-content"):
            adder.put_instruction(series.id, sent.model_copy(update={"report": report}))
    unsigned = series.instruction(values=b"values").model_copy(update={"report": inline(b"report")})
    with raises_code(CentralError, "inline-content"):
        adder.put_instruction(series.id, unsigned)
    large = series.instruction(report=bytes(INLINE_BYTES + 1))
    with raises_code(CentralError, "too-large"):
        adder.put_instruction(series.id, large)
    without = SentInstruction(instruction=large.instruction)
    adder.put_instruction(series.id, without)
    assert series.central.client("ada").instructions(series.id).instructions == (without,)


def test_an_answer_has_four_mebibytes_of_reports_at_most(
    series: RoundSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phtlab.central.journeys.rounds.ANSWER_BYTES", 2 * INLINE_BYTES)
    sent = []
    for number in (2, 3, 4):
        sent.append(series.instruct(report=bytes(INLINE_BYTES)))
        series.compute("ulm", number)
        series.records.pop("mainz", None)
    ada = series.central.client("ada")
    assert ada.instructions(series.id).instructions == tuple(sent[:2])
    assert ada.instructions(series.id, after=3).instructions == tuple(sent[2:])
    assert len(series.central.client("ulm").instructions(series.id).instructions) == 3


def test_the_rounds_of_a_journey_are_counted_without_its_aggregator(series: RoundSeries) -> None:
    ada = series.central.client("ada")
    assert ada.journey(series.id).rounds == RoundsView(number=1, heard=("ulm", "mainz"))
    for station in ("ulm", "mainz"):
        series.depart(station)
    with raises_code(JourneyError, "journey-over"):
        series.instruct()
    series.depart("adder")
    assert ada.journey(series.id).done


def test_the_aggregator_ends_before_its_stations_once_it_ended_the_rounds(
    series: RoundSeries,
) -> None:
    series.instruct(ends=True)
    series.depart("adder")
    journey = series.central.client("ada").journey(series.id)
    assert not journey.cancelled
    for station in ("ulm", "mainz"):
        series.depart(station)
    assert series.central.client("ada").journey(series.id).done


@pytest.mark.parametrize("outcome", ["refused", "failed", "cancelled"])
def test_without_its_aggregator_a_journey_is_cancelled(
    series: RoundSeries, outcome: Outcome
) -> None:
    series.depart("mainz")
    before = series.central.client("ulm").inbox().cursor
    record = series.central.record(series.journey, "adder", outcome)
    series.central.client("adder").put_record(series.id, "adder", record)
    inbox = series.central.client("ulm").inbox(after=before)
    assert inbox.cursor > before
    assert [offer.cancelled for offer in inbox.offers] == [True]
    journey = series.central.client("ada").journey(series.id)
    assert journey.cancelled
    ulm, mainz, adder = journey.stops
    assert (ulm.state, mainz.state, adder.state) == ("offered", "departed", outcome)
    assert f"adder ended ({outcome})" in ulm.sentence
    assert mainz.sentence == ""
    actor, action, details = _entries(series.central)[-1]
    assert (actor, action) == ("central of pht", "journey-cancelled")
    assert details == {"aggregator": "adder", "outcome": outcome}
    with raises_code(JourneyError, "journey-over"):
        series.instruct()
    series.depart("ulm")
    assert series.central.client("ada").journey(series.id).done


def test_an_aggregator_that_departs_before_the_rounds_end_leaves_a_cancelled_journey(
    series: RoundSeries,
) -> None:
    series.instruct()
    series.depart("adder")
    assert [offer.cancelled for offer in _offers(series, "ulm")] == [True]


def test_an_aggregator_that_fails_after_its_stations_ended_cancels_nothing(
    series: RoundSeries,
) -> None:
    for station in ("ulm", "mainz"):
        series.depart(station)
    record = series.central.record(series.journey, "adder", "failed")
    series.central.client("adder").put_record(series.id, "adder", record)
    journey = series.central.client("ada").journey(series.id)
    assert (journey.cancelled, journey.done) == (False, True)


def test_a_station_that_fails_cancels_nothing(series: RoundSeries) -> None:
    record = series.central.record(series.journey, "ulm", "failed")
    series.central.client("ulm").put_record(series.id, "ulm", record)
    assert not series.central.client("ada").journey(series.id).cancelled


def test_the_researcher_cancels_the_aggregator_s_stop_too(series: RoundSeries) -> None:
    series.central.client("ada").cancel(series.id)
    for name in ("ulm", "mainz", "adder"):
        assert [offer.cancelled for offer in _offers(series, name)] == [True]
    record = series.central.record(series.journey, "adder", "cancelled")
    series.central.client("adder").put_record(series.id, "adder", record)
    actions = [action for _, action, _ in _entries(series.central)]
    assert actions.count("journey-cancelled") == 1


def test_the_researcher_asks_the_aggregator_to_end_the_rounds(series: RoundSeries) -> None:
    ada, adder = series.central.client("ada"), series.central.client("adder")
    known = adder.rounds(series.id)
    assert not known.finishing
    assert ada.finish_rounds(series.id).id == series.id
    entries = len(_entries(series.central))
    assert ada.finish_rounds(series.id) == ada.journey(series.id)
    assert len(_entries(series.central)) == entries
    assert _entries(series.central)[-1] == ("ada", "rounds-finishing", {})
    asked = adder.rounds(series.id, known.cursor, wait=50)
    assert asked == Rounds(cursor=known.cursor, finishing=True)
    assert adder.rounds(series.id, known.cursor, finishing=True) == asked
    series.instruct(ends=True)
    series.depart("adder")
    assert not ada.journey(series.id).cancelled


def test_an_aggregator_that_waits_wakes_when_it_is_asked_to_finish(series: RoundSeries) -> None:
    adder = series.central.client("adder")
    cursor = adder.rounds(series.id).cursor
    thread, found = _waiting(adder, series, cursor)
    series.central.client("ada").finish_rounds(series.id)
    join(thread)
    assert found == [Rounds(cursor=cursor, finishing=True)]


def test_an_aggregator_that_knows_of_the_end_waits_for_records(series: RoundSeries) -> None:
    adder = series.central.client("adder")
    series.central.client("ada").finish_rounds(series.id)
    series.instruct()
    cursor = adder.rounds(series.id).cursor
    thread, found = _waiting(adder, series, cursor, finishing=True)
    series.central.services.bus.notify_all()
    assert found == []
    sent = series.compute("ulm", 2)
    join(thread)
    (answer,) = found
    assert (answer.rounds, answer.finishing) == ((sent,), True)


def test_a_client_of_a_restored_database_waits_too(series: RoundSeries) -> None:
    """It knows of an end that central has forgotten: it must not ask again and again."""
    adder = series.central.client("adder")
    cursor = adder.rounds(series.id).cursor
    thread, found = _waiting(adder, series, cursor, finishing=True)
    series.instruct()
    sent = series.compute("ulm", 2)
    join(thread)
    assert [(answer.rounds, answer.finishing) for answer in found] == [((sent,), False)]


def test_a_lost_notice_of_the_end_is_made_good(series: RoundSeries) -> None:
    """As another replica's: the poll of the database finds it."""
    database = series.central.services.database
    adder = series.central.client("adder")
    cursor = adder.rounds(series.id).cursor
    report, database._report = database._report, lambda topics: None
    try:
        thread, found = _waiting(adder, series, cursor)
        series.central.client("ada").finish_rounds(series.id)
        join(thread)
    finally:
        database._report = report
    assert found == [Rounds(cursor=cursor, finishing=True)]


def test_only_the_researcher_asks_to_end_the_rounds(series: RoundSeries) -> None:
    for name in ("bob", "ulm", "adder"):
        with raises_code(CentralError, "forbidden"):
            series.central.client(name).finish_rounds(series.id)
    for name in ("tally", "jena", "vera"):
        with raises_code(CentralError, "not-found"):
            series.central.client(name).finish_rounds(series.id)
    assert not series.central.client("adder").rounds(series.id).finishing


def test_only_rounds_that_an_aggregator_combines_end_on_request(series: RoundSeries) -> None:
    central = series.central
    for journey in (RoundSeries.ordered(central).id, central.journey("ulm").id):
        with raises_code(JourneyError, "rounds-not-aggregated"):
            central.client("ada").finish_rounds(journey)


def test_rounds_that_are_over_do_not_end_on_request(series: RoundSeries) -> None:
    ada = series.central.client("ada")
    ada.cancel(series.id)
    with raises_code(JourneyError, "journey-over"):
        ada.finish_rounds(series.id)
    for name in ("ulm", "mainz", "adder"):
        series.depart(name)
    with raises_code(JourneyError, "journey-done"):
        ada.finish_rounds(series.id)


def test_rounds_that_have_ended_need_no_request(series: RoundSeries) -> None:
    series.instruct(ends=True)
    ada = series.central.client("ada")
    assert ada.finish_rounds(series.id) == ada.journey(series.id)
    assert "rounds-finishing" not in [action for _, action, _ in _entries(series.central)]
    with raises_code(OrderError, "instruction-ended"):
        series.instruct()


def _waiting(
    client: CentralClient, series: RoundSeries, cursor: int, *, finishing: bool = False
) -> tuple[threading.Thread, list[Rounds]]:
    """Poll for rounds in a thread; return it once it waits, and where its answer comes."""
    found: list[Rounds] = []
    thread = threading.Thread(
        target=lambda: found.append(client.rounds(series.id, cursor, wait=50, finishing=finishing))
    )
    thread.start()
    while series.central.services.bus.waiting == 0:
        thread.join(0.005)
    return thread, found
