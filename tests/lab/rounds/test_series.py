"""Records that are not what they seem: out of order, replayed, of another round or instruction."""

from __future__ import annotations

from pathlib import Path

from phtlab.errors import NotOnRosterError, RecordError
from phtlab.rounds.series import Series
from phtlab.train.canonical import digest
from phtlab.train.documents.round import RoundRecord
from phtlab.wire.api.rounds import SentRound
from tests.lab.rounds.series_world import (
    STATIONS,
    SeriesWorld,
    identity,
    instruction_of,
    record_of,
    roster,
)
from tests.raising import raises_code


def driven(world: SeriesWorld) -> SeriesWorld:
    world.kernel().drive()
    return world


def series_of(world: SeriesWorld, instructions: int) -> Series:
    """The series as a kernel knows it after so many instructions, without any record."""
    series = Series(world.journey, world.order, roster())
    for sent in world.central.sent[:instructions]:
        series.take_instruction(sent)
    return series


def of(world: SeriesWorld, station: str) -> list[SentRound]:
    return [sent for sent in world.central.kept if record_of(sent.record).station == station]


def test_records_out_of_order_are_refused(world: SeriesWorld) -> None:
    series = series_of(driven(world), 2)
    first, second, _ = of(world, "ulm")[:3]
    with raises_code(RecordError, "record-chain"):
        series.take_record(second, world.clock())
    series.take_record(first, world.clock())
    series.take_record(second, world.clock())


def test_a_record_left_out_is_missed(world: SeriesWorld) -> None:
    series = series_of(driven(world), 2)
    first, _, third = of(world, "ulm")[:3]
    series.take_record(first, world.clock())
    with raises_code(RecordError, "record-chain"):
        series.take_record(third, world.clock())


def test_a_replayed_record_is_counted_once(world: SeriesWorld) -> None:
    series = series_of(driven(world), 0)
    first = of(world, "ulm")[0]
    assert series.take_record(first, world.clock()) is not None
    assert series.take_record(first, world.clock()) is None
    assert list(series.answers) == ["ulm"]


def test_a_record_of_an_earlier_round_is_not_counted_in_the_present_one(
    world: SeriesWorld,
) -> None:
    series = series_of(driven(world), 1)
    series.take_record(of(world, "ulm")[0], world.clock())
    assert series.number == 2
    assert not series.answers


def test_a_second_record_of_one_round_is_refused(world: SeriesWorld) -> None:
    series = series_of(world, 0)
    ulm = world.stations["ulm"]
    first = ulm.signed(1, None, {})
    series.take_record(first, world.clock())
    ulm.previous = None
    other = ulm.signed(1, None, {})
    with raises_code(RecordError, "round-number"):
        series.take_record(other, world.clock())


def test_a_record_of_a_round_that_has_not_begun_is_refused(world: SeriesWorld) -> None:
    series = series_of(world, 0)
    sent = world.stations["ulm"].signed(2, digest(b"an instruction"), {})
    assert not series.knows_round_of(sent)
    with raises_code(RecordError, "round-number"):
        series.take_record(sent, world.clock())


def test_a_station_that_computed_by_another_instruction_shows_a_split_view(
    world: SeriesWorld,
) -> None:
    driven(world)
    series = series_of(world, 1)
    ulm = world.stations["ulm"]
    ulm.previous = None
    split = ulm.signed(2, digest(b"what only ulm was sent"), {})
    with raises_code(RecordError, "round-split"):
        series.take_record(split, world.clock())


def test_the_driver_stops_at_a_split_view_and_sends_nothing(world: SeriesWorld) -> None:
    """Central, which is the attacker here, does not verify what it shows to the researcher."""
    central, ulm = world.central, world.stations["ulm"]
    take = central.take

    def other(sent: object) -> None:
        take(sent)  # type: ignore[arg-type]
        ulm.awake = False
        central.kept.append(ulm.signed(2, digest(b"what only ulm was sent"), {}))

    central.take = other
    with raises_code(RecordError, "round-split"):
        world.kernel().drive()
    with raises_code(RecordError, "round-split"):
        world.kernel().drive()
    assert len(central.sent) == 1


def test_a_record_of_another_journey_is_refused(world: SeriesWorld, tmp_path: Path) -> None:
    other = SeriesWorld(tmp_path)
    foreign = other.stations["ulm"].signed(1, None, {})
    with raises_code(RecordError, "record-journey"):
        series_of(world, 0).take_record(foreign, world.clock())


def test_a_record_signed_by_another_station_is_refused(world: SeriesWorld) -> None:
    sent = world.stations["ulm"].signed(1, None, {})
    forged = record_of(sent.record).model_copy(update={"station": "mainz"})
    envelope = RoundRecord.model_validate(forged.model_dump()).sign(identity("ulm"))
    with raises_code(RecordError, "record-signer"):
        series_of(world, 0).take_record(SentRound(record=envelope), world.clock())


def test_a_record_of_nobody_on_the_roster_is_refused(world: SeriesWorld) -> None:
    sent = world.stations["ulm"].signed(1, None, {})
    envelope = record_of(sent.record).sign(identity("somebody-else"))
    with raises_code(NotOnRosterError, "not-on-roster"):
        series_of(world, 0).take_record(SentRound(record=envelope), world.clock())


def test_a_record_of_a_station_off_the_route_is_refused(world: SeriesWorld) -> None:
    sent = world.stations["ulm"].signed(1, None, {})
    envelope = record_of(sent.record).model_copy(update={"station": "ada"}).sign(identity("ada"))
    with raises_code(RecordError, "record-station"):
        series_of(world, 0).take_record(SentRound(record=envelope), world.clock())


def test_what_an_instruction_heard_is_what_was_combined(world: SeriesWorld) -> None:
    driven(world)
    for number, sent in enumerate(world.central.sent, 2):
        heard = instruction_of(sent.instruction).heard
        assert heard == {s: of(world, s)[number - 2].record.digest for s in STATIONS}
