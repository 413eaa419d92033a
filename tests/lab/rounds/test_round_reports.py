"""Reports of rounds as a reader opens them: sealed to the recipients, whoever combined."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import OrderError, SealChangedError, SealFormatError, SealKeyError
from phtlab.lab.rounds import combiner
from phtlab.lab.rounds.payloads import MAX_PAYLOAD, fetch_report
from phtlab.rounds.reports import RoundReport, seal_report
from phtlab.rounds.sealed_values import MAX_NAMES
from phtlab.train.canonical import digest
from phtlab.train.documents.manifest import Received
from phtlab.train.documents.order import context_digest
from phtlab.train.documents.round import Instruction, RoundCargo, round_context
from phtlab.train.sealing import seal
from phtlab.wire.api.rounds import SentInstruction
from tests.lab.rounds.series_world import (
    COMBINE,
    STATIONS,
    SeriesWorld,
    b64,
    identity,
    instruction_of,
    roster,
)
from tests.limits import LIMIT
from tests.raising import raises_code


@pytest.fixture
def ended(world: SeriesWorld) -> SeriesWorld:
    world.kernel().drive()
    return world


def resealed(world: SeriesWorld, at: int, sealed: bytes) -> SentInstruction:
    """The instruction `at` with `sealed` as its report, signed by the journey's key."""
    instruction = instruction_of(world.central.sent[at].instruction)
    context = context_digest(round_context(world.journey, world.order, "report", at + 2))
    cargo = RoundCargo(digest=digest(sealed), size=len(sealed), context=context)
    signed = instruction.model_copy(update={"report": cargo}).sign(world.key)
    return world.central.sent[at].model_copy(update={"instruction": signed, "report": b64(sealed)})


def test_reports_are_read_by_who_combined_none_of_the_rounds(ended: SeriesWorld) -> None:
    reports = ended.reported()
    assert [report.number for report in reports.reports] == list(
        range(1, len(ended.central.sent) + 1)
    )
    assert all(report.stations == STATIONS for report in reports.reports)
    assert (reports.ended, reports.unreadable) == (True, {})
    assert ended.finished().tolist() == ended.pooled().tolist()
    asked = ended.central.asked
    reports.refresh()
    assert ended.central.asked == asked, "nothing follows the end"


def test_an_instruction_without_a_report_has_one_without_numbers(ended: SeriesWorld) -> None:
    first = instruction_of(ended.central.sent[0].instruction)
    bare = first.model_copy(update={"report": None}).sign(ended.key)
    reports = ended.reports()
    reports.take_unverified(SentInstruction(instruction=bare))
    assert reports.reports == (RoundReport(1, STATIONS, {}),)


def test_a_report_that_is_not_sealed_to_the_reader_is_named_and_the_others_are_read(
    world: SeriesWorld,
) -> None:
    world.kernel().drive()
    context = round_context(world.journey, world.order, "report", 2)
    target = io.BytesIO()
    seal(io.BytesIO(b"{}\n"), target, [identity("ulm").public.age], context)
    reports = world.reports()
    reports.take_unverified(resealed(world, 0, target.getvalue()))
    assert reports.reports == (RoundReport(1, STATIONS, {}),)
    assert [error.code for error in reports.unreadable.values()] == ["seal-key"]


HOSTILE = {
    "no json": b"no json\n",
    "another round": b'{"round":9,"stations":[],"reported":{},"combined":true}\n',
    "a station off the route": b'{"round":1,"stations":["basel"],"reported":{},"combined":true}\n',
    "no numbers": b'{"round":1,"stations":[],"reported":{"a":"x"},"combined":true}\n',
    "a list": b"[]\n",
    "unprintable": b'{"round":1,"stations":[],"reported":{"\\u202e":1},"combined":true}\n',
    "no archive": b'{"round":1,"stations":[],"reported":{},"combined":true}\nno archive at all',
}


@pytest.mark.parametrize("head", HOSTILE)
def test_a_malformed_report_is_named(head: str, ended: SeriesWorld) -> None:
    context = round_context(ended.journey, ended.order, "report", 2)
    target = io.BytesIO()
    seal(io.BytesIO(HOSTILE[head]), target, [identity("ada").public.age], context)
    reports = ended.reports()
    reports.take_unverified(resealed(ended, 0, target.getvalue()))
    (error,) = reports.unreadable.values()
    assert isinstance(error, SealFormatError)
    assert error.code in {"report-form", "seal-archive"}


def archive_of(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return target.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        archive_of("../beta.safetensors"),
        archive_of("Not A Name.safetensors"),
        archive_of(*(f"a{n}.safetensors" for n in range(MAX_NAMES + 1))),
        archive_of("beta.safetensors", "beta.safetensors"),
        gzip.compress(archive_of("beta.safetensors")),
    ],
    ids=["path", "name", "many", "twice", "compressed"],
)
def test_a_hostile_archive_of_last_values_is_named(archive: bytes, ended: SeriesWorld) -> None:
    head = b'{"round":1,"stations":[],"reported":{},"combined":true}\n'
    context = round_context(ended.journey, ended.order, "report", 2)
    target = io.BytesIO()
    seal(io.BytesIO(head + archive), target, [identity("ada").public.age], context)
    reports = ended.reports()
    reports.take_unverified(resealed(ended, 0, target.getvalue()))
    (error,) = reports.unreadable.values()
    assert isinstance(error, SealFormatError)


def test_last_values_that_cannot_be_read_are_named_in_the_results(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, aggregated=True)
    assert world.aggregator is not None
    seal_last = combiner.seal_report

    def malformed(report: RoundReport, values: dict[str, bytes], **named: Any) -> bytes:
        return seal_last(report, dict.fromkeys(values, b"no arrays"), **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combiner, "seal_report", malformed)
        journey = world.open_journey().wait(LIMIT)
    with raises_code(SealFormatError, "output-form"):
        journey.results()


def test_a_last_report_for_others_is_named_in_the_results(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, aggregated=True)
    ulm = roster().member("ulm").keys
    other = roster().model_copy(
        update={
            "members": tuple(
                m.model_copy(update={"keys": ulm}) if m.name == "ada" else m
                for m in roster().members
            )
        }
    )
    seal_last = combiner.seal_report

    def elsewhere(report: RoundReport, values: dict[str, bytes], **named: Any) -> bytes:
        return seal_last(report, values, **{**named, "roster": other})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combiner, "seal_report", elsewhere)
        journey = world.open_journey().wait(LIMIT)
    assert "what was reported of round 1, 2" in journey._rounds.text
    assert set(journey.reports.columns) == {"heard"}
    assert 1 in journey.reports.attrs["unreadable"]
    with raises_code(SealKeyError, "seal-key"):
        journey.results()


def test_a_report_of_another_round_does_not_open_as_this_ones(ended: SeriesWorld) -> None:
    report = RoundReport(2, STATIONS, {})
    sealed = seal_report(report, {}, journey=ended.journey, order=ended.order, roster=roster())
    reports = ended.reports()
    reports.take_unverified(resealed(ended, 0, sealed))
    assert [error.code for error in reports.unreadable.values()] == ["seal-context"]


def test_another_report_than_the_instruction_names_is_not_taken(ended: SeriesWorld) -> None:
    first, second = ended.central.sent[:2]
    reports = ended.reports()
    with raises_code(SealChangedError, "seal-changed"):
        reports.take_unverified(first.model_copy(update={"report": second.report}))
    assert not reports.reports
    reports.take_unverified(first)
    assert len(reports.reports) == 1


def test_a_report_that_central_withholds_is_missed(ended: SeriesWorld) -> None:
    with raises_code(SealChangedError, "seal-changed"):
        ended.reports().take_unverified(ended.central.sent[0].model_copy(update={"report": None}))


def test_another_instruction_of_a_known_round_is_refused(ended: SeriesWorld) -> None:
    reports = ended.reports()
    instruction = reports.take_unverified(ended.central.sent[0])
    reports.take(ended.central.sent[0], instruction)
    assert len(reports.reports) == 1
    other = Instruction(**{**instruction.model_dump(), "report": None})
    with raises_code(OrderError, "instruction-chain"):
        reports.take(SentInstruction(instruction=other.sign(ended.key)), other)
    last = ended.central.sent[-1]
    with raises_code(OrderError, "instruction-chain"):
        reports.take(last, instruction_of(last.instruction))


def test_a_report_too_large_for_a_message_goes_through_the_registry(tmp_path: Path) -> None:
    combine = COMBINE.replace("finish(beta=beta)", "finish(beta=beta, pad=np.zeros(40_000))")
    world = SeriesWorld(tmp_path, combine=combine, received=Received(name="beta"))
    world.kernel().drive()
    assert world.central.sent[-1].report is None
    assert instruction_of(world.central.sent[-1].instruction).report is not None
    assert world.finished("pad").shape == (40_000,)


def test_a_report_that_is_too_large_is_not_fetched(ended: SeriesWorld) -> None:
    named = instruction_of(ended.central.sent[0].instruction).report
    assert named is not None
    cargo = named.model_copy(update={"size": MAX_PAYLOAD + 1})
    with raises_code(SealFormatError, "seal-cargo-size"):
        fetch_report(lambda: ended.registry, ended.journey, cargo, None)
