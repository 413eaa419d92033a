"""Rounds: whose instruction is followed, whose record is combined, and what a whole series shows.

Each refusal is reached by one change of documents that are otherwise right.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from phtlab.errors import (
    NotOnRosterError,
    OrderError,
    RecordError,
    RosterStaleError,
    SignatureError,
)
from phtlab.train.canonical import canonical, parse_canonical
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import RoundsDone
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import Instruction, RoundRecord
from phtlab.train.verify import verify_records
from tests.raising import raises_code
from tests.train.conftest import NOW, Documents, member
from tests.train.rounds import MOST, RoundsJourney, Series, signed_again

OTHER: Final = "sha256:" + "d" * 64


@pytest.fixture(scope="module")
def key() -> Identity:
    """The key of one journey."""
    return Identity.generate("journey")


@pytest.fixture
def roster(roster: Roster, people: dict[str, Identity]) -> Roster:
    """Two researchers, two stations and an aggregator."""
    return roster.model_copy(
        update={"members": (*roster.members, member(people["adder"], "aggregator"))}
    )


@pytest.fixture
def journey(documents: Documents, key: Identity) -> RoundsJourney:
    return RoundsJourney.made(documents, key)


@pytest.fixture
def aggregated(documents: Documents, key: Identity) -> RoundsJourney:
    """A journey whose rounds the aggregator combines."""
    return RoundsJourney.made(documents, key, aggregator="adder")


@pytest.fixture
def heard(journey: RoundsJourney) -> dict[str, Envelope]:
    """The records of round 1."""
    return first_records(journey)


def first_records(journey: RoundsJourney) -> dict[str, Envelope]:
    return {station: journey.record(station, 1) for station in journey.order.stations}


# The documents themselves


def test_an_ending_instruction_sends_no_values(
    journey: RoundsJourney, heard: dict[str, Envelope]
) -> None:
    with pytest.raises(ValidationError):
        journey.instruction_value(2, None, heard, ends=True, values=journey.values(2))


@pytest.mark.parametrize(
    ("number", "links"),
    [(1, {"instruction": OTHER}), (1, {"previous": OTHER}), (2, {"instruction": None})],
    ids=["first by an instruction", "first after another", "second by none"],
)
def test_instructions_start_all_rounds_but_the_first(
    journey: RoundsJourney, number: int, links: dict[str, Any]
) -> None:
    right = journey.record_value("zurich", 1, None, None).model_dump()
    if number > 1:
        right |= {"number": number, "instruction": OTHER}
    RoundRecord.model_validate(right)
    with pytest.raises(ValidationError):
        RoundRecord.model_validate(right | links)


def test_an_order_asks_for_no_more_stations_than_it_has(journey: RoundsJourney) -> None:
    order = journey.order.model_dump()
    for quorum in (1, 2):
        Order.model_validate(order | {"rounds": order["rounds"] | {"quorum": quorum}})
    with pytest.raises(ValidationError):
        Order.model_validate(order | {"rounds": order["rounds"] | {"quorum": 3}})


# Instructions


def test_an_instruction_of_the_journey_s_key_is_followed(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    envelope = journey.instruction(2, None, heard)
    found = journey.verify_instruction(
        envelope,
        roster,
        2,
        journey.journey,
        station="cleveland",
        own=heard["cleveland"].digest,
    )
    assert found == journey.instruction_value(2, None, heard)


def test_an_instruction_of_the_aggregator_is_followed(
    aggregated: RoundsJourney, roster: Roster
) -> None:
    envelope = aggregated.instruction(2, None, first_records(aggregated))
    assert aggregated.verify_instruction(envelope, roster, 2, aggregated.journey).number == 2


def test_an_instruction_of_anyone_but_the_journey_s_key_refused(
    journey: RoundsJourney,
    heard: dict[str, Envelope],
    roster: Roster,
    people: dict[str, Identity],
) -> None:
    """Of another journey's key, of the researcher, a station, the aggregator, and of nobody."""
    others = [Identity.generate("journey"), *(people[name] for name in people)]
    for signer in others:
        envelope = journey.instruction(2, None, heard, signer=signer)
        with raises_code(NotOnRosterError, "not-on-roster"):
            journey.verify_instruction(envelope, roster, 2, journey.journey)


def test_an_instruction_of_another_than_the_order_s_aggregator_refused(
    aggregated: RoundsJourney, roster: Roster, people: dict[str, Identity], key: Identity
) -> None:
    second = Identity.generate("basel")
    members = (*roster.members, member(second, "aggregator"))
    both = roster.model_copy(update={"members": members})
    records = first_records(aggregated)
    for signer in (second, key, people["mara"], people["zurich"], people["mallory"]):
        envelope = aggregated.instruction(2, None, records, signer=signer)
        with raises_code(NotOnRosterError, "not-on-roster"):
            aggregated.verify_instruction(envelope, both, 2, aggregated.journey)


def test_an_instruction_of_a_member_that_lost_the_aggregator_s_role_refused(
    aggregated: RoundsJourney, roster: Roster, people: dict[str, Identity]
) -> None:
    envelope = aggregated.instruction(2, None, first_records(aggregated))
    left = roster.without("adder", until=0)
    station = left.model_copy(update={"members": (*left.members, member(people["adder"]))})
    with raises_code(OrderError, "instruction-signer"):
        aggregated.verify_instruction(envelope, station, 2, aggregated.journey)


def test_an_aggregator_that_left_is_followed_no_more_and_read_still(
    aggregated: RoundsJourney, roster: Roster
) -> None:
    envelope = aggregated.instruction(2, None, first_records(aggregated))
    left = roster.without("adder", until=4).model_copy(update={"version": 5})
    with raises_code(NotOnRosterError, "not-on-roster"):
        aggregated.verify_instruction(envelope, left, 2, aggregated.journey)
    found = aggregated.verify_instruction(envelope, left, 2, aggregated.journey, over=True)
    assert found.number == 2
    stolen = roster.without("adder", until=0)
    with raises_code(NotOnRosterError, "not-on-roster"):
        aggregated.verify_instruction(envelope, stolen, 2, aggregated.journey, over=True)


def test_both_keys_of_an_aggregator_that_rotated_them_are_read(
    aggregated: RoundsJourney, roster: Roster
) -> None:
    new = Identity.generate("adder")
    left = roster.without("adder", until=4)
    rotated = left.model_copy(
        update={"members": (*left.members, member(new, "aggregator")), "version": 5}
    )
    series = Series.computed(aggregated)
    assert series.verify(rotated)
    records = first_records(aggregated)
    envelope = aggregated.instruction(2, None, records, signer=new)
    assert aggregated.verify_instruction(envelope, rotated, 2, aggregated.journey).number == 2


def test_an_instruction_with_other_fields_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster, key: Identity
) -> None:
    envelope = journey.instruction(2, None, heard)
    for changes in (
        {"more": True},
        {"number": 1},
        {"number": "two"},
        {"heard": {"Zurich!": OTHER}},
        {"ends": True},
        {"issued": "1066-10-14T00:00:00Z"},
        {"journey": "mine"},
    ):
        with raises_code(OrderError, "instruction-form"):
            wrong = signed_again(envelope, key, **changes)
            journey.verify_instruction(wrong, roster, 2, journey.journey)


def test_an_instruction_of_another_journey_refused(
    journey: RoundsJourney,
    documents: Documents,
    heard: dict[str, Envelope],
    roster: Roster,
    key: Identity,
) -> None:
    """Of a journey that was signed with the same key."""
    other = RoundsJourney.made(documents, key)
    elsewhere = other.instruction(2, None, first_records(other))
    right = journey.instruction(2, None, heard)
    about = signed_again(right, key, {"journey": other.journey})
    more = signed_again(right, key, {"journey": journey.journey, "order": journey.journey})
    for envelope in (elsewhere, about, more):
        with raises_code(OrderError, "instruction-journey"):
            journey.verify_instruction(envelope, roster, 2, journey.journey)


def test_an_instruction_replayed_or_before_its_turn_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    second = journey.instruction(2, None, heard)
    with raises_code(OrderError, "instruction-number"):
        journey.verify_instruction(second, roster, 3, second.digest)
    third = journey.instruction(3, second, heard)
    with raises_code(OrderError, "instruction-number"):
        journey.verify_instruction(third, roster, 2, journey.journey)


def test_an_instruction_that_follows_another_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    second = journey.instruction(2, None, heard)
    other = journey.instruction(2, None, heard, values=None)
    third = journey.instruction(3, other, heard)
    assert journey.verify_instruction(third, roster, 3, other.digest)
    with raises_code(OrderError, "instruction-chain"):
        journey.verify_instruction(third, roster, 3, second.digest)


def test_no_round_after_the_most_that_the_order_allows(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    last = journey.instruction(MOST, None, heard)
    assert journey.verify_instruction(last, roster, MOST, journey.journey)
    after = MOST + 1
    with raises_code(OrderError, "instruction-rounds"):
        more = journey.instruction(after, last, heard)
        journey.verify_instruction(more, roster, after, last.digest)
    end = journey.instruction(after, last, heard, ends=True)
    assert journey.verify_instruction(end, roster, after, last.digest).ends
    with raises_code(OrderError, "instruction-rounds"):
        again = journey.instruction(after + 1, end, heard, ends=True)
        journey.verify_instruction(again, roster, after + 1, end.digest)


def test_an_order_of_no_rounds_has_no_instructions(
    journey: RoundsJourney, documents: Documents, heard: dict[str, Envelope], roster: Roster
) -> None:
    parallel = RoundsJourney(
        journey.people, documents.order_value(), journey.journey, journey.combiner
    )
    envelope = journey.instruction(2, None, heard)
    with raises_code(OrderError, "instruction-rounds"):
        parallel.verify_instruction(envelope, roster, 2, journey.journey)
    with raises_code(RecordError, "round-number"):
        parallel.verify_record(heard["zurich"], roster, "zurich", 1, None, None)


def test_an_instruction_outside_of_the_order_s_time_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    order, second = journey.order, timedelta(seconds=1)
    earliest = order.issued - timedelta(minutes=5)
    for issued in (earliest, order.expires - second):
        right = journey.instruction(2, None, heard, issued=issued)
        assert journey.verify_instruction(right, roster, 2, journey.journey)
    for issued in (earliest - second, order.expires):
        wrong = journey.instruction(2, None, heard, issued=issued)
        with raises_code(OrderError, "instruction-time"):
            journey.verify_instruction(wrong, roster, 2, journey.journey)


def test_an_instruction_that_heard_too_few_refused(
    documents: Documents, key: Identity, roster: Roster
) -> None:
    both = RoundsJourney.made(documents, key, quorum=2)
    records = first_records(both)
    assert both.verify_instruction(both.instruction(2, None, records), roster, 2, both.journey)
    few = {"zurich": records["zurich"]}
    with raises_code(OrderError, "instruction-heard"):
        both.verify_instruction(both.instruction(2, None, few), roster, 2, both.journey)
    ending = both.instruction(2, None, few, ends=True)
    assert both.verify_instruction(ending, roster, 2, both.journey).ends


def test_an_instruction_that_heard_another_than_the_journey_s_stations_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    envelope = journey.instruction(2, None, {**heard, "basel": heard["zurich"]})
    with raises_code(OrderError, "instruction-heard"):
        journey.verify_instruction(envelope, roster, 2, journey.journey)


def test_a_station_follows_no_instruction_that_heard_another_record_of_it(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    other = journey.record("zurich", 1, finished=NOW + timedelta(hours=1))
    envelope = journey.instruction(2, None, heard)
    for own in (other.digest, heard["cleveland"].digest, None):
        with raises_code(OrderError, "instruction-heard"):
            journey.verify_instruction(
                envelope, roster, 2, journey.journey, station="zurich", own=own
            )


def test_a_station_that_was_late_follows_an_instruction_that_did_not_hear_it(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster
) -> None:
    envelope = journey.instruction(2, None, {"cleveland": heard["cleveland"]})
    for own in (heard["zurich"].digest, None):
        found = journey.verify_instruction(
            envelope, roster, 2, journey.journey, station="zurich", own=own
        )
        assert set(found.heard) == {"cleveland"}


def test_values_of_another_round_or_journey_refused(
    journey: RoundsJourney, documents: Documents, heard: dict[str, Envelope], roster: Roster
) -> None:
    other = RoundsJourney.made(documents, journey.combiner)
    for values in (journey.values(3), other.values(2), journey.update("zurich", 2)):
        envelope = journey.instruction(2, None, heard, values=values.model_dump())
        with raises_code(OrderError, "instruction-context"):
            journey.verify_instruction(envelope, roster, 2, journey.journey)


# Records


@pytest.fixture
def second(journey: RoundsJourney, heard: dict[str, Envelope]) -> Envelope:
    """The instruction of round 2."""
    return journey.instruction(2, None, heard)


def test_records_of_rounds_follow_each_other(
    journey: RoundsJourney, heard: dict[str, Envelope], second: Envelope, roster: Roster
) -> None:
    first = heard["zurich"]
    found = journey.verify_record(first, roster, "zurich", 1, None, None)
    assert found == journey.record_value("zurich", 1, None, None)
    then = journey.record("zurich", 2, second, first)
    assert journey.verify_record(then, roster, "zurich", 2, second, first).number == 2


def test_a_record_that_another_member_signed_refused(
    journey: RoundsJourney, roster: Roster, people: dict[str, Identity]
) -> None:
    for name in ("cleveland", "mara", "adder"):
        envelope = journey.record("zurich", 1, signer=people[name])
        with raises_code(RecordError, "record-signer"):
            journey.verify_record(envelope, roster, "zurich", 1, None, None)
    for signer in (people["mallory"], journey.combiner):
        envelope = journey.record("zurich", 1, signer=signer)
        with raises_code(NotOnRosterError, "not-on-roster"):
            journey.verify_record(envelope, roster, "zurich", 1, None, None)


def test_a_record_of_a_member_that_is_no_station_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster, people: dict[str, Identity]
) -> None:
    left = roster.without("zurich", until=0)
    changed = left.model_copy(update={"members": (*left.members, member(people["zurich"]))})
    with raises_code(RecordError, "record-role"):
        journey.verify_record(heard["zurich"], changed, "zurich", 1, None, None)


def test_a_record_with_other_fields_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster, people: dict[str, Identity]
) -> None:
    for changes in (
        {"more": True},
        {"number": 0},
        {"number": 2},
        {"previous": OTHER},
        {"instruction": OTHER},
        {"roster_version": 0},
        {"outputs": [{"name": "model"}]},
    ):
        envelope = signed_again(heard["zurich"], people["zurich"], **changes)
        with raises_code(RecordError, "record-form"):
            journey.verify_record(envelope, roster, "zurich", 1, None, None)


def test_a_record_about_something_else_than_it_names_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster, people: dict[str, Identity]
) -> None:
    for subject in ({"update": OTHER}, {"journey": journey.journey}, {}):
        envelope = signed_again(heard["zurich"], people["zurich"], subject)
        with raises_code(RecordError, "record-form"):
            journey.verify_record(envelope, roster, "zurich", 1, None, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"station": "cleveland"}, "record-station"),
        ({"journey": OTHER}, "record-journey"),
        ({"train": OTHER}, "record-train"),
        ({"roster_version": 3}, "record-roster"),
        ({"finished": NOW - timedelta(minutes=6)}, "record-time"),
    ],
)
def test_a_record_of_something_else_refused(
    journey: RoundsJourney, roster: Roster, changes: dict[str, Any], code: str
) -> None:
    value = journey.record_value("zurich", 1, None, None).model_copy(update=changes)
    envelope = value.sign(journey.people["zurich"])
    with raises_code(RecordError, code):
        journey.verify_record(envelope, roster, "zurich", 1, None, None)


def test_a_record_of_a_newer_roster_waits_for_a_refresh(
    journey: RoundsJourney, roster: Roster
) -> None:
    envelope = journey.record("zurich", 1, roster_version=5)
    with raises_code(RosterStaleError, "roster-behind"):
        journey.verify_record(envelope, roster, "zurich", 1, None, None)


def test_a_record_of_a_station_that_is_not_on_the_route_refused(
    journey: RoundsJourney, roster: Roster
) -> None:
    basel = Identity.generate("basel")
    more = roster.model_copy(update={"members": (*roster.members, member(basel, "station"))})
    envelope = journey.record("basel", 1, signer=basel)
    with raises_code(RecordError, "record-station"):
        journey.verify_record(envelope, more, "basel", 1, None, None)


def test_a_record_replayed_in_a_later_round_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], second: Envelope, roster: Roster
) -> None:
    first = heard["zurich"]
    with raises_code(RecordError, "round-number"):
        journey.verify_record(first, roster, "zurich", 2, second, first)


def test_a_record_of_more_rounds_than_the_order_allows_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], second: Envelope, roster: Roster
) -> None:
    first = heard["zurich"]
    last = journey.record("zurich", MOST, second, first)
    assert journey.verify_record(last, roster, "zurich", MOST, second, first)
    more = journey.record("zurich", MOST + 1, second, first)
    with raises_code(RecordError, "round-number"):
        journey.verify_record(more, roster, "zurich", MOST + 1, second, first)


def test_a_record_by_another_instruction_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], second: Envelope, roster: Roster
) -> None:
    first = heard["zurich"]
    other = journey.instruction(2, None, heard, values=None)
    split = journey.record("zurich", 2, other, first)
    for expected in (second, None):
        with raises_code(RecordError, "round-split"):
            journey.verify_record(split, roster, "zurich", 2, expected, first)


def test_a_record_that_follows_another_refused(
    journey: RoundsJourney, heard: dict[str, Envelope], second: Envelope, roster: Roster
) -> None:
    """A round was computed twice, or a record of one dropped."""
    first = heard["zurich"]
    again = journey.record("zurich", 1, finished=NOW + timedelta(hours=1))
    for previous in (again, None):
        envelope = journey.record("zurich", 2, second, previous)
        with raises_code(RecordError, "record-chain"):
            journey.verify_record(envelope, roster, "zurich", 2, second, first)


def test_an_update_of_another_round_station_or_journey_refused(
    journey: RoundsJourney, documents: Documents, roster: Roster
) -> None:
    other = RoundsJourney.made(documents, journey.combiner)
    for update in (
        journey.update("zurich", 2),
        journey.update("cleveland", 1),
        other.update("zurich", 1),
        journey.values(2),
    ):
        envelope = journey.record("zurich", 1, update=update.model_dump())
        with raises_code(RecordError, "record-context"):
            journey.verify_record(envelope, roster, "zurich", 1, None, None)


def test_a_record_of_a_station_that_left_keeps_its_value(
    journey: RoundsJourney, heard: dict[str, Envelope], roster: Roster, people: dict[str, Identity]
) -> None:
    left = roster.without("zurich", until=4).model_copy(update={"version": 5})
    assert journey.verify_record(heard["zurich"], left, "zurich", 1, None, None)
    with raises_code(NotOnRosterError, "signer-left"):
        after = journey.record("zurich", 1, roster_version=5)
        journey.verify_record(after, left, "zurich", 1, None, None)
    with raises_code(NotOnRosterError, "not-on-roster"):
        stolen = roster.without("zurich", until=0)
        journey.verify_record(heard["zurich"], stolen, "zurich", 1, None, None)
    new = Identity.generate("zurich")
    rotated = left.model_copy(update={"members": (*left.members, member(new, "station"))})
    assert journey.verify_record(heard["zurich"], rotated, "zurich", 1, None, None)
    by_the_new = journey.record("zurich", 1, signer=new, roster_version=5)
    assert journey.verify_record(by_the_new, rotated, "zurich", 1, None, None)


# Stop records of rounds


def test_a_departed_stop_of_rounds_says_how_many_it_computed(
    journey: RoundsJourney, documents: Documents, roster: Roster
) -> None:
    made, order = journey.journey, journey.order
    done = RoundsDone(count=2, last=OTHER)
    right = documents.record(made, order, cargos=(), rounds=done.model_dump())
    found = verify_records({"cleveland": right}, journey=made, order=order, roster=roster)
    assert found["cleveland"].rounds == done
    silent = documents.record(made, order)
    with raises_code(RecordError, "record-cargo"):
        verify_records({"cleveland": silent}, journey=made, order=order, roster=roster)


# A whole series


@pytest.fixture
def series(journey: RoundsJourney) -> Series:
    return Series.computed(journey)


def test_a_series_is_read_whole(journey: RoundsJourney, roster: Roster) -> None:
    for rounds in range(1, MOST + 1):
        found = Series.computed(journey, rounds).verify(roster)
        numbers = tuple(range(1, rounds + 1))
        assert {s: tuple(r.number for r in records) for s, records in found.items()} == {
            "cleveland": numbers,
            "zurich": numbers,
        }


def test_stations_that_were_late_leave_gaps(journey: RoundsJourney, roster: Roster) -> None:
    series = Series.computed(journey, 3, late={1: "zurich", 2: "cleveland"})
    found = series.verify(roster)
    assert [record.number for record in found["cleveland"]] == [1, 3]
    assert [record.number for record in found["zurich"]] == [2, 3]


def test_a_station_that_computed_nothing_has_no_records(
    journey: RoundsJourney, roster: Roster
) -> None:
    series = Series.computed(journey, 2, late={1: "zurich", 2: "zurich"})
    assert series.verify(roster)["zurich"] == ()
    only = {"cleveland": series.records["cleveland"]}
    assert set(Series(journey, series.instructions, only).verify(roster, series.done)) == set(only)


def test_a_journey_that_was_cut_short_is_read_as_far_as_it_went(
    journey: RoundsJourney, roster: Roster
) -> None:
    whole = Series.computed(journey, 3)
    cut = Series(journey, whole.instructions[:2], whole.records)
    assert [record.number for record in cut.verify(roster)["zurich"]] == [1, 2, 3]


def test_a_split_view_is_found(
    journey: RoundsJourney, series: Series, roster: Roster, key: Identity
) -> None:
    """The researcher signed two instructions of round 2, and each station was sent one."""
    first = series.records["zurich"][0]
    shown = {"zurich": first}
    other = journey.instruction(2, None, shown)
    split = journey.record("zurich", 2, other, first)
    two = series.with_records("zurich", (first, split))
    with raises_code(RecordError, "round-split"):
        two.verify(roster)


def test_an_instruction_after_the_end_refused(series: Series, roster: Roster) -> None:
    made = series.of
    heard = {station: records[-1] for station, records in series.records.items()}
    after = made.instruction(4, series.instructions[-1], heard, ends=True)
    longer = Series(made, (*series.instructions, after), series.records)
    with raises_code(OrderError, "instruction-ended"):
        longer.verify(roster)


def test_a_round_after_the_end_refused(series: Series, roster: Roster) -> None:
    first, second = series.records["zurich"]
    after = series.of.record("zurich", 3, series.instructions[-1], second)
    with raises_code(RecordError, "round-number"):
        series.with_records("zurich", (first, second, after)).verify(roster)


def test_a_series_of_more_rounds_than_ordered_refused(
    documents: Documents, key: Identity, roster: Roster
) -> None:
    made = RoundsJourney.made(documents, key)
    with raises_code(OrderError, "instruction-rounds"):
        Series.computed(made, MOST + 1).verify(roster)


def test_instructions_left_out_or_exchanged_refused(series: Series, roster: Roster) -> None:
    first, second = series.instructions
    for shown, code in (
        ((second,), "instruction-number"),
        ((second, first), "instruction-number"),
        ((first, first), "instruction-number"),
    ):
        with raises_code(OrderError, code):
            Series(series.of, shown, series.records).verify(roster)
    with raises_code(RecordError, "round-number"):
        Series(series.of, (), series.records).verify(roster)


def test_records_left_out_refused(series: Series, roster: Roster) -> None:
    first, second = series.records["zurich"]
    done = series.done
    with raises_code(RecordError, "record-chain"):
        series.with_records("zurich", (second,)).verify(roster, done)
    for shown in ((first,), ()):
        with raises_code(RecordError, "round-missing"):
            series.with_records("zurich", shown).verify(roster, done)
    without = Series(series.of, series.instructions, {"cleveland": series.records["cleveland"]})
    with raises_code(RecordError, "round-missing"):
        without.verify(roster, done)


def test_a_station_that_closed_with_other_rounds_refused(series: Series, roster: Roster) -> None:
    right = series.done["zurich"]
    for closed in (
        RoundsDone(count=3, last=right.last),
        RoundsDone(count=2, last=OTHER),
        RoundsDone(count=0),
    ):
        with raises_code(RecordError, "round-missing"):
            series.verify(roster, {**series.done, "zurich": closed})


def test_records_repeated_or_out_of_order_refused(series: Series, roster: Roster) -> None:
    first, second = series.records["zurich"]
    for shown in ((second, first), (first, first, second)):
        with raises_code(RecordError, "record-chain"):
            series.with_records("zurich", shown).verify(roster)


def test_a_round_that_a_station_computed_twice_refused(series: Series, roster: Roster) -> None:
    """Its records follow each other, and each round may be in them once."""
    first, second = series.records["zurich"]
    again = series.of.record("zurich", 2, series.instructions[0], second)
    with raises_code(RecordError, "round-missing"):
        series.with_records("zurich", (first, second, again)).verify(roster)


def test_an_update_that_was_combined_and_is_not_there_refused(
    journey: RoundsJourney, roster: Roster
) -> None:
    """The stop's record agrees with what is shown, but the instruction names another."""
    series = Series.computed(journey, 1)
    other = journey.record("zurich", 1, finished=NOW + timedelta(hours=1))
    for shown in ((other,), ()):
        with raises_code(RecordError, "round-missing"):
            series.with_records("zurich", shown).verify(roster)


def test_records_of_a_station_that_is_not_on_the_route_refused(
    series: Series, roster: Roster
) -> None:
    with raises_code(RecordError, "record-station"):
        series.with_records("basel", series.records["zurich"]).verify(roster, {})


def test_a_series_is_read_after_its_stations_left(series: Series, roster: Roster) -> None:
    left = roster.without("zurich", until=4).without("cleveland", until=4)
    assert series.verify(left.model_copy(update={"version": 5}))
    with raises_code(NotOnRosterError, "not-on-roster"):
        series.verify(roster.without("zurich", until=0))


# Any change


MARA: Final = Identity.generate("mara")
CLEVELAND: Final = Identity.generate("cleveland")
ZURICH: Final = Identity.generate("zurich")
KEY: Final = Identity.generate("journey")
ROSTER: Final = Roster(
    consortium="hearts",
    version=5,
    members=(
        member(MARA),
        Member(name="cleveland", roles=("station",), keys=CLEVELAND.public),
        Member(name="zurich", roles=("station",), keys=ZURICH.public),
    ),
)
JOURNEY: Final = RoundsJourney.made(
    Documents({"mara": MARA, "cleveland": CLEVELAND, "zurich": ZURICH}), KEY, quorum=2
)
FIRST: Final = first_records(JOURNEY)
SECOND: Final = JOURNEY.instruction(2, None, FIRST)
THEN: Final = JOURNEY.record("zurich", 2, SECOND, FIRST["zurich"])


def read_instruction(envelope: Envelope) -> Instruction:
    own = FIRST["zurich"].digest
    return JOURNEY.verify_instruction(
        envelope, ROSTER, 2, JOURNEY.journey, station="zurich", own=own
    )


def read_record(envelope: Envelope) -> RoundRecord:
    return JOURNEY.verify_record(envelope, ROSTER, "zurich", 2, SECOND, FIRST["zurich"])


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10_005) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=4,
)


def leaves(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    """The places of all values within a document, objects included."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = [path] if path else []
    return found + [place for at, part in inner for place in leaves(part, *path, at)]


def with_payload(envelope: Envelope, body: bytes) -> Envelope:
    return envelope.model_copy(update={"payload": base64.b64encode(body).decode()})


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_change_of_a_field_after_signing_is_refused(data: st.DataObject) -> None:
    envelope, read = data.draw(st.sampled_from([(SECOND, read_instruction), (THEN, read_record)]))
    assert read(envelope)
    statement = parse_canonical(envelope.body)
    *within, last = data.draw(st.sampled_from(leaves(statement)))
    place = statement
    for at in within:
        place = place[at]
    place[last] = data.draw(JSON.filter(lambda new: canonical(new) != canonical(place[last])))
    with raises_code(SignatureError, "signature"):
        read(with_payload(envelope, canonical(statement)))


BOUND: Final = {
    **dict.fromkeys(("journey", "number", "previous", "heard", "values"), SECOND),
    **dict.fromkeys(("train", "station", "instruction", "update"), THEN),
}
"""Fields that say what a document is about, and a document that has each."""
ELSEWHERE: Final = (
    st.just(OTHER)
    | st.just(dict.fromkeys(JOURNEY.order.stations, OTHER))
    | st.just({"digest": OTHER, "size": 1, "context": OTHER})
)


@settings(max_examples=200, deadline=None)
@given(field=st.sampled_from(sorted(BOUND)), data=st.data())
def test_a_signer_changes_no_field_that_binds_a_document(field: str, data: st.DataObject) -> None:
    """Even whoever may sign it moves it to no other journey, round, train or station."""
    envelope = BOUND[field]
    signer, read = (KEY, read_instruction) if envelope is SECOND else (ZURICH, read_record)
    right: Any = read(envelope)
    new = data.draw(JSON | ELSEWHERE)
    assume(not (field == "values" and new is None))
    assume(not reads_as(right, field, new))
    with pytest.raises((OrderError, RecordError)):
        read(signed_again(envelope, signer, None, **{field: new}))


def reads_as(right: BaseModel, field: str, new: Any) -> bool:
    """Whether a document with `new` says the same as `right`: "2" is the number 2."""
    try:
        return type(right).model_validate(right.model_dump() | {field: new}) == right
    except ValidationError:
        return False
