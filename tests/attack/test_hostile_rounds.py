"""Rounds against whoever combines, a station, a run, or central that bends them.

The station is real but for its sandbox and the registry, central is real, and so is the driver in
the researcher's kernel. Whatever is refused at a station is refused before any cell computes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from phtlab.errors import JourneyError, OrderError, PhtlabError, RecordError
from phtlab.rounds.series import Series as DrivenSeries
from phtlab.runtime.model import encode_tensors
from phtlab.station.executor.untrusted_files import open_untrusted
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.station.pipeline.rounds import follow
from phtlab.station.pipeline.rounds.release import check_round
from phtlab.station.pipeline.rounds.round_files import (
    MOST_RESTARTS,
    RoundFiles,
    RoundFolder,
    RoundMarker,
)
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.record import RoundsDone
from phtlab.train.documents.round import RoundRecord
from phtlab.train.verify import verify_series
from phtlab.train.verify.rounds import verify_round_record
from phtlab.wire.api.rounds import SentRound
from tests.central.conftest import founding, prepared_sqlite, small_central  # noqa: F401 (fixtures)
from tests.central.round_series import RoundSeries
from tests.central.world import World as CentralWorld
from tests.lab.rounds.series_world import STATIONS, SeriesWorld, record_of
from tests.lab.rounds.series_world import identity as member_of_lab
from tests.lab.rounds.series_world import roster as roster_of_lab
from tests.raising import raises_code
from tests.station.pipeline.rounds_series import (
    POLICY,
    RoundsExecutor,
    Series,
    archive_of,
    make_series,
    update_files,
)
from tests.station.station_world import identity

COMBINES, STATION, RESEARCHER = "whoever combines", "hostile station", "hostile researcher"
CENTRAL, RUN = "hostile central", "hostile run"
Refused = Callable[[str, str, str], None]
ELSEWHERE = "sha256:" + 64 * "1"


def executor_of(series: Series) -> RoundsExecutor:
    return cast(RoundsExecutor, series.world.executor)


def computed(series: Series) -> list[int]:
    """The rounds that the run computed."""
    return executor_of(series).computed


def started(folder: Path, **changes: Any) -> Series:
    """A series whose station has answered round 1."""
    series = make_series(folder, **changes)
    series.steps()
    assert len(series.sent()) == 1
    return series


def not_followed(series: Series, envelope: Envelope) -> str:
    """The code with which the station refuses an instruction: it computes nothing, and goes on."""
    before = list(computed(series))
    series.show(envelope)
    with pytest.raises(OrderError) as told:
        follow.follow(series.stop, series.world.station())
    assert computed(series) == before
    assert RoundFiles.of(series.stop).in_work() is None
    series.world.central.instructed.pop()
    return told.value.code


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return started(tmp_path)


@pytest.fixture
def driven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SeriesWorld:
    """A journey of three stations, and the researcher's kernel that combines it."""
    monkeypatch.setenv("PHTLAB_CONFIG", str(tmp_path / "config"))
    return SeriesWorld(tmp_path)


@pytest.fixture
def at_central(small_central: CentralWorld) -> RoundSeries:  # noqa: F811 (a fixture)
    """A real central that has the records of round 1 of both stations."""
    made = RoundSeries.ordered(small_central)
    for station in ("ulm", "mainz"):
        made.compute(station, 1)
    return made


def test_the_honest_series_is_computed_to_its_end(series: Series, refused: Refused) -> None:
    """What the attacks below change is all that is wrong with them."""
    daemon = series.steps()
    series.instruct(10.0)
    series.steps(daemon=daemon)
    series.end()
    series.steps(20, daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0]
    assert series.record().outcome == "departed"
    refused(COMBINES, "an honest series is computed to its end", "departed with every round")


# Instructions at a station.


@dataclass(frozen=True)
class Forged:
    promise: str
    code: str
    changes: Mapping[str, Any]


FORGED = {
    "any key": Forged(
        "cannot instruct with a key of their own",
        "instruction-signer",
        {"signer": Identity.generate("journey")},
    ),
    "researcher's keys": Forged(
        "cannot instruct with the researcher's keys in place of the journey's",
        "instruction-signer",
        {"signer": identity("ada")},
    ),
    "station's keys": Forged(
        "cannot instruct with the keys of a station on the route",
        "instruction-signer",
        {"signer": identity("cleveland")},
    ),
    "gap": Forged("cannot leave out a round", "instruction-number", {"number": 3}),
    "chain": Forged(
        "cannot follow another chain of instructions",
        "instruction-chain",
        {"previous": ELSEWHERE},
    ),
    "another journey": Forged(
        "cannot use another journey's instruction", "instruction-journey", {"journey": ELSEWHERE}
    ),
    "another record": Forged(
        "cannot claim to have combined another record than a station signed",
        "instruction-heard",
        {"heard": {"cleveland": ELSEWHERE}},
    ),
    "nobody": Forged(
        "cannot start a round without the records that it needs", "instruction-heard", {"heard": {}}
    ),
    "not of the journey": Forged(
        "cannot count a station that is not of the journey",
        "instruction-heard",
        {"heard": {"basel": ELSEWHERE}},
    ),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_instruction(forged: str, series: Series, refused: Refused) -> None:
    case = FORGED[forged]
    code = not_followed(series, series.instruct(10.0, shown=False, **case.changes))
    assert code == case.code
    series.instruct(10.0)
    series.steps(20)
    assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0], "the true one is"
    refused(COMBINES, case.promise, code)


def test_an_instruction_of_another_journey_of_the_same_key(
    tmp_path: Path, series: Series, refused: Refused
) -> None:
    """Signed for another journey of the same train, and by the key of this one."""
    other = started(tmp_path / "other")
    code = not_followed(series, other.instruct(10.0, shown=False, signer=series.key))
    assert code == "instruction-journey"
    refused(COMBINES, "cannot sign with this journey's key for another", code)


def test_an_older_instruction_again(series: Series, refused: Refused) -> None:
    older = series.instruct(10.0)
    daemon = series.steps()
    code = not_followed(series, older)
    assert code == "instruction-number"
    series.instruct(20.0)
    series.steps(daemon=daemon)
    assert computed(series) == [1, 2, 3]
    refused(COMBINES, "cannot have a round computed again by its instruction", code)


def test_instructions_beyond_the_order(tmp_path: Path, refused: Refused) -> None:
    series = started(tmp_path, most=2)
    series.instruct(10.0)
    daemon = series.steps()
    code = not_followed(series, series.instruct(20.0, shown=False))
    assert code == "instruction-rounds"
    series.end()
    series.steps(20, daemon=daemon)
    assert (computed(series), series.record().outcome) == ([1, 2], "departed")
    refused(COMBINES, "cannot have more rounds computed than the order has", code)


def test_an_instruction_after_the_end(
    series: Series, at_central: RoundSeries, refused: Refused
) -> None:
    """The station's stop is over, its run is gone; central takes none either."""
    series.end()
    daemon = series.steps(20)
    assert series.record().outcome == "departed"
    series.instruct(10.0)
    series.steps(20, daemon=daemon)
    assert computed(series) == [1]
    assert series.world.scripted.jobs() == frozenset()
    at_central.instruct(ends=True)
    with raises_code(OrderError, "instruction-ended"):
        at_central.instruct()
    refused(COMBINES, "cannot instruct after the end of the rounds", "instruction-ended")


def test_an_end_that_another_instruction_follows_at_once(series: Series, refused: Refused) -> None:
    """A station that was late reads both together, and stops at the end."""
    series.instruct(ends=True)
    series.instruct(10.0, heard={"hungary": ELSEWHERE})
    series.steps(20)
    assert (computed(series), series.record().outcome) == ([1], "departed")
    refused(COMBINES, "cannot have a late station compute after the end", "the series ends")


def test_an_instruction_issued_after_the_order_expired(series: Series, refused: Refused) -> None:
    expires = series.order.expires
    code = not_followed(series, series.instruct(10.0, shown=False, issued=expires))
    assert code == "instruction-time"
    series.instruct(10.0, issued=expires - timedelta(seconds=1))
    series.world.ahead += expires - series.world.now()
    series.steps(20)
    record = series.record()
    assert (record.outcome, record.code, computed(series)) == ("cancelled", "order-expired", [1])
    refused(COMBINES, "cannot instruct once the order has expired", code)
    refused(COMBINES, "cannot have an order that expired computed further", record.code)


@pytest.mark.parametrize("until", [99, 0], ids=["left", "stolen keys"])
def test_instructions_of_a_researcher_who_left(
    until: int, series: Series, refused: Refused
) -> None:
    """The key of the journey is no member's: it is worth what the researcher's membership is."""
    roster = series.world.roster.without("ada", until)
    series.world.roster = roster.model_copy(update={"version": roster.version + 1})
    code = not_followed(series, series.instruct(10.0, shown=False))
    assert code == "instruction-signer"
    refused(RESEARCHER, "cannot go on with rounds after leaving the consortium", code)


# A split view: stations get different instructions of one round.


def test_central_takes_one_instruction_of_a_round(
    at_central: RoundSeries, refused: Refused
) -> None:
    sent = at_central.instruction(values=b"values for all")
    other = at_central.instruction(values=b"values for ulm alone")
    ada = at_central.central.client("ada")
    ada.put_instruction(at_central.id, sent)
    with raises_code(JourneyError, "instruction-exists"):
        ada.put_instruction(at_central.id, other)
    for station in ("ulm", "mainz"):
        shown = at_central.central.client(station).instructions(at_central.id)
        assert shown.instructions == (sent,)
    refused(
        COMBINES, "cannot send stations different instructions of a round", "instruction-exists"
    )


def test_a_station_signs_by_which_instruction_it_computed(tmp_path: Path, refused: Refused) -> None:
    """A station cannot know what another one gets; whoever has the other instruction sees it."""
    series = started(tmp_path)
    for_all = series.instruct(10.0, shown=False)
    only_here = series.instruct(20.0)
    daemon = series.steps()
    assert not_followed(series, for_all) == "instruction-number"
    series.steps(daemon=daemon)
    first, second = series.sent()

    def verified(instruction: Envelope) -> RoundRecord:
        return verify_round_record(
            second.record,
            journey=series.offer.journey,
            order=series.order,
            roster=series.world.roster,
            station="cleveland",
            number=2,
            instruction=instruction.digest,
            previous=first.record.digest,
        )

    assert verified(only_here).instruction == only_here.digest
    with raises_code(RecordError, "round-split"):
        verified(for_all)
    refused(COMBINES, "cannot hide that a station got another instruction", "round-split")


def chains(world: SeriesWorld) -> dict[str, list[Envelope]]:
    """Each station's records, as central keeps them."""
    return {
        name: [s.record for s in world.central.kept if record_of(s.record).station == name]
        for name in STATIONS
    }


def closed(records: Mapping[str, list[Envelope]]) -> dict[str, RoundsDone]:
    return {
        name: RoundsDone(count=len(found), last=found[-1].digest) for name, found in records.items()
    }


def verified_series(world: SeriesWorld, records: Mapping[str, list[Envelope]]) -> Any:
    return verify_series(
        [sent.instruction for sent in world.central.sent],
        records,
        journey=world.journey,
        order=world.order,
        roster=roster_of_lab(),
        done=closed(records),
    )


def test_whoever_verifies_the_ended_journey_sees_a_split(
    driven: SeriesWorld, refused: Refused
) -> None:
    driven.kernel().drive()
    records = chains(driven)
    assert set(verified_series(driven, records)) == set(STATIONS)
    split = record_of(records["ulm"][1]).model_copy(update={"instruction": ELSEWHERE})
    records["ulm"][1:] = [split.sign(member_of_lab("ulm"))]
    with raises_code(RecordError, "round-split"):
        verified_series(driven, records)
    refused(COMBINES, "cannot hide a split view in the ended journey", "round-split")


def test_the_driver_stops_at_a_split_by_central(driven: SeriesWorld, refused: Refused) -> None:
    """Central shows ulm another instruction, and the researcher ulm's record: nothing is sent."""
    central, ulm = driven.central, driven.stations["ulm"]
    take = central.take

    def split(sent: Any) -> None:
        take(sent)
        ulm.awake = False
        central.kept.append(ulm.signed(2, digest(b"what only ulm was sent"), {}))

    central.take = split
    with raises_code(RecordError, "round-split"):
        driven.kernel().drive()
    assert len(central.sent) == 1
    refused(CENTRAL, "cannot have a split round combined", "round-split")


# A series that is too long, or does not stay what its first round was.


def test_more_rounds_than_the_station_allows(tmp_path: Path, refused: Refused) -> None:
    policy = f"{POLICY}[rounds]\nmost = 3\n"
    honest = make_series(tmp_path / "honest", most=3, policy=policy)
    honest.steps(20)
    assert len(honest.sent()) == 1
    series = make_series(tmp_path / "long", most=4, policy=policy)
    series.steps(20)
    record = series.record()
    assert (record.outcome, record.code) == ("refused", "rounds-too-many")
    assert computed(series) == []
    refused(RESEARCHER, "cannot have more rounds computed than a station allows", record.code)


LARGER = {
    "more numbers": (update_files([1.0, 2.0]), "round-amount"),
    "an undeclared array": (
        update_files(1.0)
        | {"update.safetensors": encode_tensors({"g": np.zeros(1), "rows": np.zeros(56)})},
        "airlock-refused",
    ),
    "fewer people": (update_files(1.0, of=30), "round-people"),
    "more people": (update_files(1.0, of=90), "round-people"),
    "one person fewer": (update_files(1.0, of=55), "round-held"),
    "one person more": (update_files(1.0, of=57), "round-held"),
}


@pytest.mark.parametrize("larger", LARGER)
def test_a_small_first_round_and_others_later(
    larger: str, tmp_path: Path, refused: Refused
) -> None:
    """The first round is what the whole series was weighed by; a second one equal to it leaves."""
    files, expected = LARGER[larger]
    series = make_series(tmp_path)
    rounds = [update_files([1.0]), update_files([2.0]), files]
    executor_of(series).compute = lambda number, beta: rounds[number - 1]
    daemon = series.steps()
    series.instruct(1.0)
    series.steps(daemon=daemon)
    assert len(series.sent()) == 2
    series.instruct(2.0)
    series.steps(20, daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", expected)
    assert len(series.sent()) == 2
    assert record.cargos == ()
    refused(RESEARCHER, f"cannot release a later round of {larger}", record.code)


@pytest.mark.parametrize(("most", "code"), [(3, ""), (4, "round-budget")])
def test_many_small_rounds_in_place_of_one(
    most: int, code: str, tmp_path: Path, refused: Refused
) -> None:
    """Three numbers a round, of 56 people: 9 of them may leave, and 12 are as if in one model."""
    series = make_series(tmp_path, most=most)
    executor_of(series).compute = lambda number, beta: update_files([1.0] * 3)
    series.steps(20)
    assert len(series.sent()) == (not code)
    if code:
        assert series.record().code == code
        refused(RESEARCHER, "cannot take a large model out in small rounds", code)


# Values that are chosen to isolate one patient.


def sealed_model(**arrays: Any) -> bytes:
    return archive_of(
        {"beta.safetensors": encode_tensors({n: np.asarray(v) for n, v in arrays.items()})}
    )


ISOLATING: dict[str, dict[str, Any]] = {
    "beyond the highest": {"beta": 1e6 + 1},
    "beyond the lowest": {"beta": -1e300},
    "infinite": {"beta": np.inf},
    "no number": {"beta": np.nan},
    "in more arrays": {"beta": 1.0, "mask": np.ones(56)},
    "under another name": {"mask": np.ones(56)},
}


@pytest.mark.parametrize("isolating", ISOLATING)
def test_values_beyond_what_is_declared_reach_no_cell(
    isolating: str, series: Series, refused: Refused
) -> None:
    series.instruct(content=sealed_model(**ISOLATING[isolating]))
    series.steps(20)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "order-received")
    assert computed(series) == [1]
    assert len(series.sent()) == 1
    refused(COMBINES, f"cannot send values that are {isolating}", record.code)


@pytest.mark.parametrize("beta", [1e6, -1e6])
def test_values_within_the_bounds_are_computed_and_the_airlock_judges_what_leaves(
    beta: float, tmp_path: Path, refused: Refused
) -> None:
    """What is promised is the bounds before, and the airlock after.

    What is NOT promised: that within the bounds no `beta` isolates anybody. A gradient of all
    patients in which `beta` gives all but one of them a tiny weight says that it is of all of them,
    and so it is: nothing tells its numbers from those of another gradient, and it leaves. Against
    this there are narrow bounds that the reviewer of the train sees, the review of who combines,
    the station's limits on the numbers of all rounds, and an aggregator, which opens updates in
    the place of the researcher.
    """
    series = make_series(tmp_path)
    executor_of(series).compute = lambda number, value: update_files(
        (value or 0.0) + 1.0, of=1 if number == 3 else 56
    )
    daemon = series.steps()
    series.instruct(beta)
    series.steps(daemon=daemon)
    assert [series.update(sent) for sent in series.sent()] == [1.0, beta + 1.0]
    series.instruct(beta)
    series.steps(20, daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "airlock-refused")
    assert len(series.sent()) == 2
    refused(COMBINES, "cannot have the update of one patient released in a round", record.code)


def test_values_that_are_sealed_to_another_station(series: Series, refused: Refused) -> None:
    series.instruct(1.0, to=("hungary",))
    series.steps(20)
    record = series.record()
    assert (record.code, computed(series)) == ("order-received", [1])
    refused(COMBINES, "cannot have values used that are sealed to others", record.code)


# Records: late, twice, replayed, of another instruction.


def test_a_record_of_a_round_that_was_combined_is_counted_no_more(
    driven: SeriesWorld, refused: Refused
) -> None:
    """It is verified and kept; the round it is of is not combined again."""
    driven.kernel().drive()
    kept = driven.central.kept
    late = DrivenSeries(driven.journey, driven.order, roster_of_lab())
    late.take_instruction(driven.central.sent[0])
    first = next(sent for sent in kept if record_of(sent.record).number == 1)
    second = next(
        sent
        for sent in kept
        if (record_of(sent.record).number, record_of(sent.record).station)
        == (2, record_of(first.record).station)
    )
    assert late.take_record(first, driven.clock()) is not None
    assert (late.number, late.answers) == (2, {})
    late.take_record(second, driven.clock())
    assert list(late.answers) == [record_of(first.record).station]
    refused(STATION, "cannot change a round that was combined", "not counted")


def test_a_round_that_is_computed_twice(
    at_central: RoundSeries, driven: SeriesWorld, refused: Refused
) -> None:
    """Central keeps the first record, and the driver too if central would not."""
    again = at_central.record("ulm", 1, update=b"another update")
    ulm = at_central.central.client("ulm")
    with raises_code(RecordError, "round-exists"):
        ulm.put_round(at_central.id, "ulm", 1, again)
    known = at_central.central.client("ada").rounds(at_central.id)
    assert again.record.digest not in {sent.record.digest for sent in known.rounds}
    refused(STATION, "cannot exchange its record of a round", "round-exists")

    station, state = (
        driven.stations["ulm"],
        DrivenSeries(driven.journey, driven.order, roster_of_lab()),
    )
    first = station.signed(1, None, {})
    state.take_record(first, driven.clock())
    station.previous = None
    with raises_code(RecordError, "round-number"):
        state.take_record(station.signed(1, None, {}), driven.clock())
    assert state.answers["ulm"].digest == first.record.digest
    refused(CENTRAL, "cannot have a second record of a round counted", "round-number")


def test_a_record_that_names_another_instruction(at_central: RoundSeries, refused: Refused) -> None:
    at_central.instruct()
    with raises_code(RecordError, "round-split"):
        at_central.compute("ulm", 2, instruction=ELSEWHERE)
    at_central.compute("ulm", 2)
    refused(STATION, "cannot answer another instruction than central has", "round-split")


def test_a_record_of_a_round_that_nothing_started(
    at_central: RoundSeries, refused: Refused
) -> None:
    ulm = at_central.central.client("ulm")
    ahead = at_central.record("ulm", 1, number=2, instruction=ELSEWHERE)
    for number in (2, 3):
        with raises_code(RecordError, "round-number"):
            ulm.put_round(at_central.id, "ulm", number, ahead)
    refused(STATION, "cannot answer a round before its instruction", "round-number")


def test_a_record_in_the_name_of_another_station(at_central: RoundSeries, refused: Refused) -> None:
    at_central.instruct()
    forged = at_central.record("ulm", 2, by="mainz")
    with raises_code(RecordError, "record-signer"):
        at_central.central.client("ulm").put_round(at_central.id, "ulm", 2, forged)
    with pytest.raises(PhtlabError) as told:
        at_central.central.client("mainz").put_round(at_central.id, "ulm", 2, forged)
    assert told.value.code == "forbidden"
    refused(STATION, "cannot answer a round in another station's name", "record-signer")


def test_a_late_record_after_the_end(at_central: RoundSeries, refused: Refused) -> None:
    """A record of a round that is late comes while the stop goes on, and not after it."""
    at_central.instruct()
    at_central.compute("mainz", 2)
    of_ulm = at_central.records.pop("ulm")
    at_central.instruct(ends=True)
    at_central.records["ulm"] = of_ulm
    ulm = at_central.central.client("ulm")
    dropped = at_central.record("ulm", 2, previous=None)
    with raises_code(RecordError, "record-chain"):
        ulm.put_round(at_central.id, "ulm", 2, dropped)
    refused(STATION, "cannot drop a record to answer anew", "record-chain")
    late = at_central.record("ulm", 2)
    at_central.depart("ulm")
    with raises_code(RecordError, "round-late"):
        ulm.put_round(at_central.id, "ulm", 2, late)
    refused(STATION, "cannot add a round to a stop that is over", "round-late")


def test_a_late_record_while_the_stop_goes_on(at_central: RoundSeries, refused: Refused) -> None:
    """The honest case of the one above."""
    at_central.instruct()
    at_central.compute("mainz", 2)
    of_ulm = at_central.records.pop("ulm")
    at_central.instruct(ends=True)
    at_central.records["ulm"] = of_ulm
    at_central.compute("ulm", 2)
    at_central.depart("ulm")
    refused(STATION, "an honest record that is late is taken", "taken while the stop goes on")


def test_a_replayed_record(at_central: RoundSeries, driven: SeriesWorld, refused: Refused) -> None:
    """The same again changes nothing: at central, and in what the driver combines."""
    again = at_central.record("ulm", 1, previous=None)
    envelope = at_central.records["ulm"][0]
    ada, ulm = at_central.central.client("ada"), at_central.central.client("ulm")
    known = ada.rounds(at_central.id)
    ulm.put_round(at_central.id, "ulm", 1, SentRound(record=envelope, update=again.update))
    assert ada.rounds(at_central.id) == known

    central, put = driven.central, driven.central.put_round

    def replaying(station: str, number: int, sent: SentRound) -> None:
        put(station, number, sent)
        central.kept.extend([sent, central.kept[0]])

    central.put_round = replaying  # type: ignore[method-assign]
    driven.kernel().drive()
    assert len(central.kept) > 3 * len(central.sent)
    assert driven.finished().tolist() == driven.pooled().tolist()
    refused(CENTRAL, "cannot have a replayed record counted twice", "counted once")


# What lies in a round's folder while the sandbox lives.


class BentRun(RoundsExecutor):
    """A run that bends what lies in the folder of each round, before it says that it is done."""

    def bent_by(self, bend: Callable[[Path, int], None]) -> None:
        self.bend = bend

    def _work(self, job_id: str) -> None:
        before = len(self.computed)
        super()._work(job_id)
        for number in self.computed[before:]:
            self.bend(self.root / job_id / "rounds" / str(number), number)


def bent(folder: Path, bend: Callable[[Path, int], None], **changes: Any) -> Series:
    series = make_series(folder, **changes)
    run = BentRun(series.world.root / "runs", series.world.now)
    run.bent_by(bend)
    series.world.executor = run
    return series


def instead(name: str, make: Callable[[Path, Path], object]) -> Callable[[Path, int], None]:
    """Make something else in place of a file of the round; the file itself lies beside it."""

    def bend(folder: Path, _: int) -> None:
        path, beside = folder / name, folder / "beside"
        path.rename(beside)
        make(path, beside)

    return bend


MODEL, INDEX = "outputs/update.safetensors", "outputs/update.json"
FILES: dict[str, tuple[str, Callable[[Path, Path], object]]] = {
    "a symbolic link to a file": (MODEL, lambda path, beside: path.symlink_to(beside)),
    "a symbolic link to a file of the machine": (
        MODEL,
        lambda path, _: path.symlink_to("/etc/hosts"),
    ),
    "a symbolic link out of the folder": (
        MODEL,
        lambda path, beside: path.symlink_to(Path("..") / ".." / "1" / beside.name),
    ),
    "a hard link": (MODEL, lambda path, beside: path.hardlink_to(beside)),
    "a folder": (MODEL, lambda path, _: path.mkdir()),
    "a named pipe": (MODEL, lambda path, _: os.mkfifo(path)),
    "a symbolic link in place of the index": (
        INDEX,
        lambda path, beside: path.symlink_to(beside),
    ),
    "a folder of outputs that is a link": (
        "outputs",
        lambda path, beside: path.symlink_to(beside),
    ),
}


@pytest.mark.parametrize("bending", FILES)
def test_something_else_than_a_file_in_a_round_s_folder(
    bending: str, tmp_path: Path, refused: Refused
) -> None:
    name, make = FILES[bending]
    series = bent(tmp_path, instead(name, make))
    series.steps(20)
    record = series.record()
    of_links = "output-missing" if name == "outputs" else "airlock-refused"
    assert (record.outcome, record.code) == ("failed", of_links)
    assert series.sent() == []
    refused(RUN, f"cannot have {bending} taken for an output of a round", record.code)


def test_a_run_that_leaves_the_files_as_they_are(tmp_path: Path, refused: Refused) -> None:
    """The honest case of the runs above and below."""
    series = bent(tmp_path, lambda folder, number: None)
    series.steps(20)
    assert [series.update(sent) for sent in series.sent()] == [1.0]
    refused(RUN, "what an honest run leaves of a round is released", "the update leaves")


def test_a_file_larger_than_the_limit(tmp_path: Path, refused: Refused) -> None:
    """A sparse file: it takes no room, and copying it would."""
    limit = 0

    def grow(folder: Path, _: int) -> None:
        os.truncate(folder / MODEL, limit + 1)

    series = bent(tmp_path, grow)
    daemon = series.begin()
    while not series.stop.has(Marker.ADMITTED):
        daemon.step()
    limit = series.stop.read(stop_files.ADMITTED).limits.output_bytes
    series.steps(20, daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "airlock-refused")
    assert series.sent() == []
    refused(RUN, "cannot fill a station with a larger file than it allows", record.code)


def test_a_file_that_is_exchanged_after_it_was_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """Only the copy is judged, and the copy is what leaves."""
    series = make_series(tmp_path)
    exchanged: list[Path] = []

    def exchange(stop: Any) -> None:
        outputs = executor_of(series).root / stop.job_id / "rounds" / "1" / "outputs"
        for name, content in update_files([7.0] * 40, of=1).items():
            (outputs / name).write_bytes(content)
        exchanged.append(outputs)

    def checking(stop: Any, *rest: Any) -> Any:
        exchange(stop)
        return check_round(stop, *rest)

    def sealing(*rest: Any) -> Any:
        exchange(series.stop)
        return open_cargo(*rest)

    monkeypatch.setattr(follow, "check_round", checking)
    monkeypatch.setattr(follow, "open_cargo", sealing)
    series.steps(20)
    assert len(exchanged) == 2, "before the airlock, and after it"
    assert [series.update(sent) for sent in series.sent()] == [1.0]
    refused(RUN, "cannot exchange a file between the airlock and the seal", "the copy leaves")


def test_a_file_that_grows_while_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """No more is read than the station allows, and what is read is judged as a whole."""
    series = make_series(tmp_path)
    daemon = series.begin()
    while not series.stop.has(Marker.ADMITTED):
        daemon.step()
    limit = series.stop.read(stop_files.ADMITTED).limits.output_bytes

    def growing(left: Path, name: str, **rest: Any) -> Any:
        context = open_untrusted(left, name, **rest)
        if name.endswith(".safetensors"):
            source = context.__enter__()
            os.truncate(left / name, limit + 2**20)
            monkeypatch.setattr(follow, "open_untrusted", open_untrusted)

            class Grown:
                def __enter__(self) -> Any:
                    return source

                def __exit__(self, *raised: object) -> None:
                    context.__exit__(None, None, None)

            return Grown()
        return context

    monkeypatch.setattr(follow, "open_untrusted", growing)
    copies: list[int] = []

    def checking(stop: Any, *rest: Any) -> Any:
        copy = RoundFiles.of(stop).in_work()
        assert copy is not None
        copies.append((copy.path_of(RoundMarker.OUTPUTS) / "update.safetensors").stat().st_size)
        return check_round(stop, *rest)

    monkeypatch.setattr(follow, "check_round", checking)
    series.steps(20, daemon=daemon)
    assert copies == [limit]
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "airlock-refused")
    assert series.sent() == []
    refused(RUN, "cannot fill a station with a file that grows while it is copied", record.code)


def test_an_answer_that_is_written_ahead_of_its_round(tmp_path: Path, refused: Refused) -> None:
    """It leaves in no round but the one asked for, and is judged there as any other."""

    def ahead(folder: Path, number: int) -> None:
        later = folder.parent / str(number + 1)
        (later / "outputs").mkdir(parents=True, exist_ok=True)
        for name, content in update_files([7.0] * 40).items():
            (later / "outputs" / name).write_bytes(content)
        (later / "run.json").write_text("{}")

    series = bent(tmp_path, ahead)
    daemon = series.steps(20)
    assert [series.update(sent) for sent in series.sent()] == [1.0]
    series.instruct(10.0)
    series.steps(20, daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "round-held")
    assert len(series.sent()) == 1
    refused(RUN, "cannot get out with an answer ahead of its round", record.code)


class EndingRun(RoundsExecutor):
    """A run that answers round 1, and ends itself whenever it is asked for another."""

    outcome: str | None = None

    def _work(self, job_id: str) -> None:
        status = self.statuses.get(job_id)
        if status is None or status.state != "running":
            return
        if (self.started[-1].inputs / "rounds" / "next.json").exists():
            self.die(outcome=self.outcome)
        else:
            super()._work(job_id)


class EndingOnce(RoundsExecutor):
    """A run that ends itself ten seconds after its first start, without a word."""

    def _work(self, job_id: str) -> None:
        status = self.statuses.get(job_id)
        if len(self.started) != 1 or status is None or status.state != "running":
            super()._work(job_id)
        elif status.started and self.clock() >= status.started + timedelta(seconds=10):
            self.die()


@pytest.mark.parametrize(
    ("outcome", "starts", "code"),
    [
        ("completed", 1, "run-record"),
        ("cell-failed", 1, "cell-failed"),
        ("kernel-died", 1 + MOST_RESTARTS, "kernel-died"),
        (None, 1 + MOST_RESTARTS, "run-restarts"),
    ],
)
def test_a_run_that_ends_itself(
    outcome: str | None, starts: int, code: str, tmp_path: Path, refused: Refused
) -> None:
    """Without a record of its own it may have been killed from outside: it is started anew."""
    series = make_series(tmp_path)
    run = EndingRun(series.world.root / "runs", series.world.now)
    run.outcome = outcome
    series.world.executor = run
    daemon = series.steps(20)
    series.instruct(10.0)
    series.steps(40, daemon=daemon)
    record = series.record()
    assert (record.outcome, record.code) == ("failed", code)
    assert len(run.started) == starts
    assert [series.update(sent) for sent in series.sent()] == [1.0]
    assert record.rounds == RoundsDone(count=1, last=series.sent()[0].record.digest)
    refused(RUN, "cannot end its rounds as if they were done by ending itself", record.code)


# The time of answers.


GRID = f"{POLICY}[rounds]\ninterval = 60\n"


@dataclass
class OnGrid:
    """A series at a station whose answers leave each minute, from the request of round 1 on."""

    series: Series
    daemon: Any
    request: datetime

    @classmethod
    def begun(cls, series: Series) -> OnGrid:
        """Take steps until round 1 is asked for."""
        daemon = series.begin()
        while (folder := _round_in_work(series)) is None or not folder.has(RoundMarker.REQUESTED):
            daemon.step()
        return cls(series, daemon, folder.requested().at)

    def at(self, seconds: float) -> list[SentRound]:
        """What has left so many seconds after the request."""
        self.series.world.ahead += self.request + timedelta(seconds=seconds) - self.now()
        self.series.steps(20, daemon=self.daemon)
        return self.series.sent()

    def now(self) -> datetime:
        return self.series.world.now()

    def sealed(self, copied: float, sealed: float) -> None:
        """Round 1 was copied, and then sealed, so many seconds after the request."""
        folder = RoundFiles.of(self.series.stop).in_work()
        assert folder is not None
        for marker, seconds in ((RoundMarker.OUTPUTS, copied), (RoundMarker.SEALED, sealed)):
            when = self.request.timestamp() + seconds
            os.utime(folder.path_of(marker), (when, when))


def _round_in_work(series: Series) -> RoundFolder | None:
    return RoundFiles.of(series.stop).in_work() if series.stop.has(Marker.STARTED) else None


def test_the_time_of_an_answer_is_on_the_policy_s_grid(tmp_path: Path, refused: Refused) -> None:
    """How long a run computed could tell something of the data: it shows in whole intervals."""
    plain = make_series(tmp_path / "plain")
    plain.steps(20)
    assert len(plain.sent()) == 1
    grid = OnGrid.begun(make_series(tmp_path / "grid", policy=GRID))
    assert grid.at(30) == []
    assert computed(grid.series) == [1]
    grid.sealed(20, 20)
    assert grid.at(59) == []
    assert len(grid.at(60)) == 1
    refused(RUN, "cannot tell by the time of an answer", "answers leave on the policy's grid")


def test_an_answer_that_is_done_just_before_a_moment_of_the_grid(
    tmp_path: Path, refused: Refused
) -> None:
    """Else it would leave when the airlock is done, by so much later as it was done later."""
    grid = OnGrid.begun(make_series(tmp_path, policy=GRID))
    assert grid.at(30) == []
    grid.sealed(59.9, 60.1)
    assert grid.at(60.2) == []
    assert grid.at(119) == []
    assert len(grid.at(120)) == 1
    refused(RUN, "cannot tell by being done just before a moment of the grid", "the next moment")


def test_a_run_that_moves_the_grid_by_ending_itself(tmp_path: Path, refused: Refused) -> None:
    """It is started anew, and its answer leaves on the grid of the first request."""
    series = make_series(tmp_path, policy=GRID)
    run = EndingOnce(series.world.root / "runs", series.world.now)
    series.world.executor = run
    grid = OnGrid.begun(series)
    assert grid.at(17) == []
    assert (len(run.started), run.computed) == (2, [1])
    grid.sealed(18, 18)
    assert grid.at(59) == []
    assert len(grid.at(60)) == 1
    refused(RUN, "cannot tell by when it ends itself and is started anew", "the grid stays")


def test_an_answer_ahead_of_its_round_does_not_leave_sooner(
    tmp_path: Path, refused: Refused
) -> None:
    series = make_series(tmp_path, policy=GRID)
    grid = OnGrid.begun(series)
    grid.at(30)
    outputs = executor_of(series).root / series.stop.job_id / "rounds" / "2"
    (outputs / "outputs").mkdir(parents=True)
    for name, content in update_files(7.0).items():
        (outputs / "outputs" / name).write_bytes(content)
    (outputs / "run.json").write_text("{}")
    assert len(grid.at(61)) == 1
    series.instruct(10.0)
    assert len(grid.at(61)) == 1
    assert len(grid.at(120)) == 1
    assert len(grid.at(122)) == 2
    refused(RUN, "cannot tell by an answer that is there at once", "answers leave on the grid")
