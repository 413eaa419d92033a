"""The rounds of a journey read again at its end: verified as a whole, and opened on demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from phtlab.errors import JourneyError, SealKeyError
from phtlab.lab.results.round_results import RoundResults, Updates
from phtlab.lab.rounds.payloads import fetch_update, fetch_values
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.session.session import Session
from phtlab.rounds.sealed_values import open_values
from phtlab.rounds.updates import open_update, read_arrays
from phtlab.runtime.rounds.combine_names import value_of
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.round import Instruction, RoundRecord
from phtlab.train.verify.rounds import verify_series
from phtlab.wire.api.rounds import INLINE_BYTES, SentInstruction


@dataclass(frozen=True)
class _Answer:
    """A station's record of a round, and the cursor after which central gives it."""

    record: Envelope
    after: int


_Verified = Mapping[str, tuple[RoundRecord, ...]]


def round_results(
    session: Session,
    journey: str,
    order: Order,
    manifest: TrainManifest,
    records: Mapping[str, StopRecord],
    reports: RoundReports,
) -> RoundResults:
    """Return the results of the rounds of `journey`, whose verified order and manifest these are.

    `records` are the verified stop records, which close the chains of the stations and of an
    aggregator; `reports` are those of the journey, as far as they were taken. Raises as
    `verify_series`, and SealError for values that do not open.
    """
    instructions = _instructions(session, journey)
    answers = _answers(session, journey)
    envelopes: dict[str, list[Envelope]] = {station: [] for station in order.stations}
    for answer in answers:
        station = str(peek(answer.record).predicate.get("station"))
        envelopes.setdefault(station, []).append(answer.record)
    done = {station: record.rounds for station, record in records.items()}
    verified = verify_series(
        [sent.instruction for sent in instructions],
        envelopes,
        journey=journey,
        order=order,
        roster=session.trusted.roster,
        done={station: closed for station, closed in done.items() if closed is not None},
    )
    for sent in instructions:
        reports.take(sent, _content(sent))
    combined = _combined(session, journey, order, manifest, instructions, reports)
    sender = order.aggregator or session.name
    opened = partial(_opened, session, journey, order, manifest, answers, verified)
    return RoundResults(
        {
            name: value_of(name, read_arrays(content, name, sender))
            for name, content in combined.items()
        },
        reports.reports,
        {station: tuple(r.number for r in records) for station, records in verified.items()},
        opened,
    )


def _instructions(session: Session, journey: str) -> list[SentInstruction]:
    found: list[SentInstruction] = []
    # The first instruction is of round 2, and follows round 1.
    while page := session.central.instructions(journey, 1 + len(found)).instructions:
        found += page
    return found


def _answers(session: Session, journey: str) -> list[_Answer]:
    found: list[_Answer] = []
    after = 0
    while (page := session.central.rounds(journey, after)).rounds:
        found += [_Answer(sent.record, after) for sent in page.rounds]
        after = page.cursor
    return found


def _combined(
    session: Session,
    journey: str,
    order: Order,
    manifest: TrainManifest,
    instructions: list[SentInstruction],
    reports: RoundReports,
) -> Mapping[str, bytes]:
    """Return what the rounds ended with, else what was sent last, as safetensors files.

    Nothing if that was sealed to others: what an aggregator sends is for stations.
    """
    if reports.values is not None:
        return reports.values
    if reports.ended and (unreadable := reports.unreadable.get(reports.number - 1)):
        raise unreadable
    for number, sent in reversed([*enumerate(instructions, 2)]):
        cargo = _content(sent).values
        if cargo is None:
            continue
        if sent.values is None and cargo.size <= INLINE_BYTES:
            break  # central gives values with the last instruction only
        sealed = fetch_values(lambda: session.registry, journey, cargo, sent.values)
        with suppress(SealKeyError):
            return open_values(
                sealed,
                journey=journey,
                order=order,
                number=number,
                combiner=session.identity,
                names=[received.name for received in manifest.received],
            )
        break
    return {}


def _content(sent: SentInstruction) -> Instruction:
    """Return what a verified instruction says."""
    return Instruction.model_validate(peek(sent.instruction).predicate)


def _opened(
    session: Session,
    journey: str,
    order: Order,
    manifest: TrainManifest,
    answers: list[_Answer],
    verified: _Verified,
    number: int,
) -> Updates:
    by_digest = {answer.record.digest: answer for answer in answers}
    found = {}
    for digest, record in _records_of(number, answers, verified):
        # Not kept from before: the updates of all rounds together may be large.
        page = session.central.rounds(journey, by_digest[digest].after).rounds
        inline = next((sent.update for sent in page if sent.record.digest == digest), None)
        sealed = fetch_update(
            lambda: session.registry, journey, record.station, record.update, inline
        )
        found[record.station] = open_update(
            sealed,
            record,
            journey=journey,
            order=order,
            identity=session.identity.age,
            outputs=manifest.outputs,
        )
    if not found:
        raise JourneyError(f"No station computed round {number}.", code="no-such-round")
    return found


def _records_of(
    number: int, answers: list[_Answer], verified: _Verified
) -> Iterator[tuple[str, RoundRecord]]:
    """Yield digest and content of the verified records of round `number`."""
    digests = {
        (predicate.get("station"), predicate.get("number")): answer.record.digest
        for answer in answers
        for predicate in [peek(answer.record).predicate]
    }
    for station, records in verified.items():
        for record in records:
            if record.number == number:
                yield digests[station, number], record
