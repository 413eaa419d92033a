"""Rounds that an aggregator combines, against the aggregator, stations, a run, or central.

The aggregator's station and the data's station are real but for their sandboxes, central and the
registry.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.errors import OrderError, PhtlabError, RecordError, SealError, SealFormatError
from phtlab.rounds.reports import RoundReport, open_report, seal_report
from phtlab.runtime.model import encode_tensors
from phtlab.station.pipeline.combining import follow as combining
from phtlab.station.pipeline.rounds import follow
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import OrderedRounds
from phtlab.train.documents.record import RoundsDone
from phtlab.train.documents.round import RoundRecord, round_context
from phtlab.train.sealing import open_sealed, seal
from phtlab.train.verify import verify_series
from phtlab.wire.api.rounds import SentRound
from tests.station.pipeline.combining_series import (
    AGGREGATOR,
    STATIONS,
    Combining,
    decided,
    make_combining,
)
from tests.station.pipeline.rounds_series import POLICY, Series, archive_of, make_series
from tests.station.station_world import identity, member

HOSTILE, STATION = "hostile aggregator", "hostile station"
RESEARCHER, CENTRAL, RUN = "hostile researcher", "hostile central", "hostile run"
Refused = Callable[[str, str, str], None]
ELSEWHERE = "sha256:" + 64 * "1"


@pytest.fixture
def at_station(tmp_path: Path) -> Series:
    """A station that has answered round 1 of a journey that the aggregator combines."""
    rounds = OrderedRounds(most=5, aggregator=AGGREGATOR, quorum=1, deadline=60)
    policy = POLICY + f'\n[rounds]\naggregators = ["{AGGREGATOR}"]\n'
    series = make_series(tmp_path, policy=policy, rounds=rounds)
    with_aggregators(series, AGGREGATOR, "basel")
    series.steps()
    assert len(series.sent()) == 1
    return series


@pytest.fixture
def series(tmp_path: Path) -> Combining:
    """A journey at the aggregator that nobody attacks yet."""
    return make_combining(tmp_path)


def with_aggregators(series: Series, *names: str) -> None:
    members = [*series.world.roster.members, *(member(name, "aggregator") for name in names)]
    series.world.roster = series.world.roster.model_copy(update={"members": tuple(members)})


def not_followed(series: Series, signer: Identity, **changes: Any) -> str:
    """The code with which the station refuses an instruction: it computes nothing, and goes on."""
    series.show(series.instruct(10.0, shown=False, signer=signer, **changes))
    with pytest.raises(OrderError) as refusal:
        follow.follow(series.stop, series.world.station())
    series.world.central.instructed.pop()
    series.instruct(10.0, signer=identity(AGGREGATOR))
    series.steps()
    assert len(series.sent()) == 2, "the aggregator's own is followed"
    return refusal.value.code


def refused_at_aggregator(series: Combining, kind: type[PhtlabError] = RecordError) -> str:
    """The code with which the aggregator refuses what central shows: it signs nothing."""
    series.steps()
    with pytest.raises(kind) as refusal:
        combining.follow(series.stop, series.world.station())
    assert not series.world.central.instructed
    return refusal.value.code


# Instructions at a station.


def test_an_instruction_that_the_researcher_signed(at_station: Series, refused: Refused) -> None:
    code = not_followed(at_station, identity("ada"))
    assert code == "instruction-signer"
    refused(RESEARCHER, "cannot instruct stations in an aggregator's place", code)


def test_an_instruction_that_another_aggregator_signed(
    at_station: Series, refused: Refused
) -> None:
    code = not_followed(at_station, identity("basel"))
    assert code == "instruction-signer"
    refused(HOSTILE, "cannot instruct the stations of a journey that names another", code)


def test_an_instruction_that_a_station_signed(at_station: Series, refused: Refused) -> None:
    code = not_followed(at_station, identity("hungary"))
    assert code == "instruction-signer"
    refused(STATION, "cannot instruct other stations", code)


@pytest.mark.parametrize("without", ["role", "membership"])
def test_an_instruction_of_an_aggregator_that_is_none_any_more(
    without: str, at_station: Series, refused: Refused
) -> None:
    roster = at_station.world.roster
    others = tuple(m for m in roster.members if m.name != AGGREGATOR)
    left = (*others, member(AGGREGATOR, "operator")) if without == "role" else others
    at_station.world.roster = roster.model_copy(update={"members": left, "version": 4})
    at_station.show(at_station.instruct(10.0, shown=False, signer=identity(AGGREGATOR)))
    with pytest.raises(OrderError) as refusal:
        follow.follow(at_station.stop, at_station.world.station())
    code = refusal.value.code
    assert code == "instruction-signer"
    assert len(at_station.sent()) == 1
    refused(HOSTILE, f"cannot instruct stations without its {without}", code)


def test_an_instruction_that_names_a_record_that_the_station_did_not_sign(
    at_station: Series, refused: Refused
) -> None:
    code = not_followed(at_station, identity(AGGREGATOR), heard={"cleveland": ELSEWHERE})
    assert code == "instruction-heard"
    refused(HOSTILE, "cannot say that it combined what a station did not publish", code)


def test_an_aggregator_that_the_station_s_policy_does_not_list(
    tmp_path: Path, refused: Refused
) -> None:
    rounds = OrderedRounds(most=5, aggregator="basel", quorum=1, deadline=60)
    policy = POLICY + f'\n[rounds]\naggregators = ["{AGGREGATOR}"]\n'
    series = make_series(tmp_path, policy=policy, rounds=rounds)
    with_aggregators(series, AGGREGATOR, "basel")
    series.steps()
    record = series.record()
    assert (record.outcome, record.code) == ("refused", "rounds-aggregator")
    refused(
        RESEARCHER,
        "cannot have an aggregator read updates whom a station does not accept",
        record.code,
    )


def test_an_order_in_which_the_researcher_s_kernel_takes_an_aggregator_s_place(
    tmp_path: Path, refused: Refused
) -> None:
    policy = POLICY + "\n[rounds]\nrequire_aggregator = true\n"
    series = make_series(tmp_path, policy=policy)
    series.steps()
    record = series.record()
    assert (record.outcome, record.code) == ("refused", "rounds-aggregator")
    refused(RESEARCHER, "cannot combine where a station demands an aggregator", record.code)


# Updates.


def test_an_update_that_another_station_opens(at_station: Series, refused: Refused) -> None:
    """It is sealed to the recipients and the aggregator, and to nobody else."""
    (sent,) = at_station.sent()
    record = RoundRecord.model_validate(peek(sent.record).predicate)
    context = round_context(at_station.offer.journey, at_station.order, "update", 1, "cleveland")
    content = base64.b64decode(sent.update or "")
    assert len(content) == record.update.size
    for reader in ("ada", AGGREGATOR):
        open_sealed(io.BytesIO(content), io.BytesIO(), identity(reader).age, context, 2)
    for other in ("hungary", "basel"):
        with pytest.raises(SealError) as refusal:
            open_sealed(io.BytesIO(content), io.BytesIO(), identity(other).age, context, 2)
    refused(STATION, "cannot read the updates of other stations", refusal.value.code)


def in_another_name(series: Combining) -> None:
    sent = series.answer("cleveland")
    series.world.central.sent_rounds.clear()
    forged = RoundRecord.model_validate(peek(sent.record).predicate)
    envelope = forged.model_copy(update={"station": "cleveland"}).sign(identity("hungary"))
    series.world.central.sent_rounds.append(SentRound(record=envelope, update=sent.update))


def of_another_journey(series: Combining) -> None:
    series.answer("cleveland", journey=ELSEWHERE)


def of_the_aggregator(series: Combining) -> None:
    sent = series.answer("cleveland")
    series.world.central.sent_rounds.clear()
    own = RoundRecord.model_validate(peek(sent.record).predicate)
    envelope = own.model_copy(update={"station": AGGREGATOR}).sign(identity(AGGREGATOR))
    series.world.central.sent_rounds.append(SentRound(record=envelope, update=sent.update))


RECORDS: dict[str, tuple[Callable[[Combining], None], str, str]] = {
    "in another station's name": (
        in_another_name,
        "record-signer",
        "cannot publish an update as another station",
    ),
    "of another journey": (
        of_another_journey,
        "record-journey",
        "cannot have an update of another journey combined",
    ),
    "of the aggregator itself": (
        of_the_aggregator,
        "record-station",
        "cannot publish an update itself",
    ),
}


@pytest.mark.parametrize("case", RECORDS)
def test_a_record_that_is_not_the_station_s(case: str, series: Combining, refused: Refused) -> None:
    attack, code, promise = RECORDS[case]
    attack(series)
    assert refused_at_aggregator(series) == code
    refused(HOSTILE if "aggregator" in case else STATION, promise, code)


def test_a_record_of_an_earlier_round_again(series: Combining, refused: Refused) -> None:
    daemon = series.begin()
    first = series.answer("cleveland", 1.0)
    series.answer("hungary", 2.0)
    series.steps(daemon=daemon)
    series.world.central.sent_rounds.append(first)
    series.steps(daemon=daemon)
    assert len(series.world.central.instructed) == 1
    series.answer("cleveland", 10.0)
    series.answer("hungary", 20.0)
    series.steps(daemon=daemon)
    assert list(series.values()) == [3.0, 33.0]
    refused(CENTRAL, "cannot have an update combined twice", "not counted")


@pytest.mark.parametrize("to", [("cleveland", "hungary"), ("ada", "hungary")])
def test_an_update_that_is_sealed_to_others(
    to: tuple[str, str], tmp_path: Path, refused: Refused
) -> None:
    series = make_combining(tmp_path, quorum=1)
    daemon = series.begin()
    series.answer("cleveland", 5.0)
    series.answer("hungary", 1e6, to=to)
    series.steps(daemon=daemon)
    (instruction,) = series.instructions()
    assert set(instruction.heard) == {"cleveland"}
    refused(STATION, "cannot stop the others by an update that nobody opens", "left out")


def test_an_update_of_another_round(tmp_path: Path, refused: Refused) -> None:
    """What was sealed in round 1 does not open as that of round 2."""
    series = make_combining(tmp_path, quorum=1)
    daemon = series.begin()
    first = RoundRecord.model_validate(peek(series.answer("hungary", 7.0).record).predicate)
    series.answer("cleveland", 1.0)
    series.steps(daemon=daemon)
    series.answer("cleveland", 1.0)
    series.answer("hungary", 1.0, update=first.update)
    with pytest.raises(RecordError) as refusal:
        combining.follow(series.stop, daemon.station)
    assert refusal.value.code == "record-context"
    refused(STATION, "cannot have an update of an earlier round combined again", "record-context")


# What the run leaves.


def linked(folder: Path) -> None:
    (folder / "combined.json").unlink()
    (folder / "combined.json").symlink_to("/etc/passwd")


def linked_value(folder: Path) -> None:
    (folder / "sent.beta.safetensors").unlink()
    os.link(folder / "combined.json", folder / "sent.beta.safetensors")


def as_pipe(folder: Path) -> None:
    (folder / "combined.json").unlink()
    os.mkfifo(folder / "combined.json")


def huge(folder: Path) -> None:
    with (folder / "combined.json").open("r+b") as file:
        file.truncate(2**40)


def deep(folder: Path) -> None:
    (folder / "combined.json").write_bytes(b"[" * 200_000)


def beyond(folder: Path) -> None:
    left = decided(1e12)
    for name, content in left.items():
        (folder / name).write_bytes(content)


def undeclared(folder: Path) -> None:
    for name, content in decided(secret=1.0).items():
        (folder / name).write_bytes(content)


LEFT = [linked, linked_value, as_pipe, huge, deep, beyond, undeclared]


@pytest.mark.parametrize("bend", LEFT, ids=lambda bend: bend.__name__)
def test_a_run_that_leaves_something_else(
    bend: Callable[[Path], None], series: Combining, refused: Refused
) -> None:
    work = series.executor._work

    def bent(job_id: str) -> None:
        before = len(series.executor.combined)
        work(job_id)
        if len(series.executor.combined) > before:
            bend(series.executor.root / job_id / "rounds" / "1" / "outputs")

    series.executor._work = bent  # type: ignore[method-assign]
    daemon = series.begin()
    for station in STATIONS:
        series.answer(station)
    series.steps(daemon=daemon)
    assert not series.world.central.instructed
    record = series.record()
    assert (record.outcome, record.code) == ("failed", "combined-form")
    refused(RUN, "cannot send stations or recipients anything but declared numbers", record.code)


def test_a_run_that_writes_after_its_answer_was_taken(series: Combining, refused: Refused) -> None:
    daemon = series.begin()
    for station in STATIONS:
        series.answer(station)
    while not (series.stop.rounds / "1" / "outputs").exists():
        series.steps(1, daemon)
    left = series.executor.root / series.stop.job_id / "rounds" / "1" / "outputs"
    for name, content in decided(99.0).items():
        (left / name).write_bytes(content)
    series.steps(daemon=daemon)
    assert list(series.values()) == [2.0]
    refused(RUN, "cannot change what it decided once that was copied", "the copy is judged")


# Central between the aggregator and the rest.


def test_central_that_hides_what_the_aggregator_signed(series: Combining, refused: Refused) -> None:
    """It would have a second instruction of one round signed, for another station."""
    daemon = series.begin()
    for station in STATIONS:
        series.answer(station)
    series.steps(daemon=daemon)
    hidden = list(series.world.central.instructed)
    series.world.central.instructed.clear()
    with pytest.raises(OrderError) as refusal:
        combining.follow(series.stop, series.world.station())
    assert refusal.value.code == "instruction-chain"
    assert not series.world.central.instructed
    series.world.central.instructed.extend(hidden)
    assert len(series.instructions()) == 1
    refused(
        CENTRAL, "cannot have an aggregator sign two instructions of one round", "instruction-chain"
    )


def test_central_that_shows_another_s_instruction(series: Combining, refused: Refused) -> None:
    daemon = series.begin()
    for station in STATIONS:
        series.answer(station)
    series.steps(daemon=daemon)
    (sent,) = series.world.central.instructed
    forged = series.instructions()[0].sign(identity("ada"))
    series.world.central.instructed[:] = [sent.model_copy(update={"instruction": forged})]
    with pytest.raises(PhtlabError) as refusal:
        combining.follow(series.stop, series.world.station())
    refused(
        CENTRAL,
        "cannot have an aggregator go on from an instruction that it did not sign",
        refusal.value.code,
    )


# The researcher reads what an aggregator signed.


def report_content(**changes: Any) -> bytes:
    content: dict[str, Any] = {
        "round": 1,
        "stations": ["cleveland"],
        "reported": {"loss": 1.0},
        "combined": True,
    }
    return json.dumps(content | changes).encode() + b"\n"


REPORTS: dict[str, bytes] = {
    "no report": b"\x00\xff\n",
    "a list": b"[]\n",
    "of another round": report_content(round=2),
    "of a station that is not on the route": report_content(stations=["basel"]),
    "of too many numbers": report_content(reported={f"n{n}": 1.0 for n in range(1_001)}),
    "of a name that nobody prints": report_content(reported={"loss\x1b[2J": 1.0}),
    "of text": report_content(reported={"loss": "a patient"}),
    "of deep nesting": b"[" * 100_000 + b"\n",
    "with an archive that is none": report_content() + b"not a tar",
    "with a path": report_content() + archive_of({"../beta.safetensors": b"x"}),
}


@pytest.mark.parametrize("case", REPORTS)
def test_a_report_that_is_not_one(case: str, series: Combining, refused: Refused) -> None:
    target = io.BytesIO()
    context = round_context(series.offer.journey, series.order, "report", 2)
    seal(io.BytesIO(REPORTS[case]), target, [identity("ada").public.age], context)
    with pytest.raises(SealError) as refusal:
        open_report(
            target.getvalue(),
            journey=series.offer.journey,
            order=series.order,
            number=2,
            identity=identity("ada").age,
        )
    assert isinstance(refusal.value, SealFormatError)
    refused(HOSTILE, "cannot report anything but numbers by printable names", refusal.value.code)


def test_a_report_of_another_round_or_journey(
    series: Combining, tmp_path: Path, refused: Refused
) -> None:
    report = RoundReport(1, ("cleveland",), {"loss": 1.0})
    values = {"beta": encode_tensors({"beta": np.ones(1)})}
    sealed = seal_report(
        report,
        values,
        journey=series.offer.journey,
        order=series.order,
        roster=series.world.roster,
    )
    for journey, number in ((series.offer.journey, 3), (ELSEWHERE, 2)):
        with pytest.raises(SealError) as refusal:
            open_report(
                sealed,
                journey=journey,
                order=series.order,
                number=number,
                identity=identity("ada").age,
            )
    with pytest.raises(SealError):
        open_report(
            sealed,
            journey=series.offer.journey,
            order=series.order,
            number=2,
            identity=identity("cleveland").age,
        )
    refused(CENTRAL, "cannot show a report as that of another round or journey", refusal.value.code)


def signed_series(series: Combining) -> tuple[list[Envelope], dict[str, list[Envelope]]]:
    """All instructions and records of a series of two rounds."""
    daemon = series.begin()
    for _ in range(2):
        for station in STATIONS:
            series.answer(station)
        series.steps(daemon=daemon)
    instructions = [sent.instruction for sent in series.world.central.instructed]
    records: dict[str, list[Envelope]] = {station: [] for station in STATIONS}
    for sent in series.world.central.sent_rounds:
        records[str(peek(sent.record).predicate["station"])].append(sent.record)
    return instructions, records


def test_an_ended_journey_with_an_instruction_left_out(tmp_path: Path, refused: Refused) -> None:
    series = make_combining(tmp_path, most=2)
    instructions, records = signed_series(series)
    closed = series.record().rounds
    assert closed is not None
    done = {
        AGGREGATOR: closed,
        **{s: RoundsDone(count=2, last=records[s][-1].digest) for s in STATIONS},
    }
    shown = {
        "journey": series.offer.journey,
        "order": series.order,
        "roster": series.world.roster,
    }
    verify_series(instructions, records, done=done, **shown)
    with pytest.raises(RecordError) as refusal:
        verify_series(instructions[:-1], records, done=done, **shown)
    assert refusal.value.code == "round-missing"
    refused(
        CENTRAL, "cannot hide an instruction of an aggregator that closed its stop", "round-missing"
    )


def test_combined_records_are_named_by_the_aggregator_s_signature(
    tmp_path: Path, refused: Refused
) -> None:
    """Its instruction says whose updates it combined: another record in its place shows."""
    series = make_combining(tmp_path, most=2)
    instructions, records = signed_series(series)
    records["cleveland"] = records["cleveland"][1:]
    with pytest.raises(RecordError) as refusal:
        verify_series(
            instructions,
            records,
            journey=series.offer.journey,
            order=series.order,
            roster=series.world.roster,
            done={},
        )
    refused(HOSTILE, "cannot deny which records it combined", refusal.value.code)
