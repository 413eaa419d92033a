"""The instruction that follows a combined round: values and report sealed, signed, and sent.

It is signed once: what is signed lies in the stop's folder before it is sent, so that an aggregator
that is killed sends it again, and never signs another one of the same round.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from phtlab.errors import JourneyError
from phtlab.files.durable_file import replaced_whole
from phtlab.rounds.reports import RoundReport, seal_report
from phtlab.rounds.sealed_values import seal_values
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.combining.combined_values import read_combined, value_file
from phtlab.station.pipeline.combining.files import (
    EarlyEnd,
    GatheredRecords,
    forget_sent_values,
    keep_sent_values,
    sealed_report,
    sealed_values,
    sent_values,
)
from phtlab.station.pipeline.rounds.round_files import (
    FinishedRounds,
    RoundFiles,
    RoundFolder,
    RoundMarker,
)
from phtlab.station.stops import stop_files
from phtlab.station.stops.sentences import cancelled, run_failed
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.stop_files import broken
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.round import Instruction, RoundCargo, RoundCargoKind, round_context
from phtlab.wire.api.rounds import SentInstruction, inline_of


def sign_next(stop: Stop, station: DaemonContext, folder: RoundFolder) -> None:
    """Sign the instruction after the round in `folder`, by what its combine cells decided."""
    order = stop.verified_offer().order
    manifest = stop.verified_offer().train.manifest
    outputs = folder.path_of(RoundMarker.OUTPUTS)
    try:
        combined = read_combined(outputs)
    except (OSError, ValueError):
        raise broken(outputs) from None
    ends = combined.finished or (order.rounds is not None and folder.number >= order.rounds.most)
    sent = {name: (outputs / value_file(name)).read_bytes() for name in combined.sent}
    # A value that is not sent again stays as it was sent last.
    values = _last_values(stop, folder) | sent
    if manifest.received and not values and not ends:
        # The next round would be this one again.
        stop.write(stop_files.ENDING, run_failed("combined-form"))
        return
    records = folder.read(RoundMarker.GATHERED, GatheredRecords).records
    report = RoundReport(folder.number, tuple(records), combined.reported)
    _sign(stop, station, folder, records, report, values, ends=ends)


def sign_end(
    stop: Stop,
    station: DaemonContext,
    folder: RoundFolder,
    records: Mapping[str, str],
    code: str = "",
) -> None:
    """Sign the instruction that ends the rounds before that in `folder` is combined.

    The values that were sent last are the result. `code` is why the stop fails, if it does.
    """
    report = RoundReport(folder.number, tuple(records), {}, combined=False)
    folder.write_whole(RoundMarker.ENDED_EARLY, EarlyEnd(code=code))
    _sign(stop, station, folder, records, report, _last_values(stop, folder), ends=True)


def _last_values(stop: Stop, folder: RoundFolder) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in sent_values(stop, folder.number).items()}


def _sign(
    stop: Stop,
    station: DaemonContext,
    folder: RoundFolder,
    records: Mapping[str, str],
    report: RoundReport,
    values: Mapping[str, bytes],
    *,
    ends: bool,
) -> None:
    order, roster = stop.verified_offer().order, station.roster()
    number, finished = folder.number + 1, RoundFiles.of(stop).finished
    cargo, reported = None, None
    if not ends:
        keep_sent_values(stop, number, values)
        if values:
            sealed = seal_values(
                values,
                journey=stop.journey,
                order=order,
                number=number,
                roster=roster,
                combiner=station.identity,
            )
            cargo = _keep(stop, folder, "values", sealed_values(folder), sealed)
    if ends or report.reported:
        last = values if ends else {}
        sealed = seal_report(report, last, journey=stop.journey, order=order, roster=roster)
        reported = _keep(stop, folder, "report", sealed_report(folder), sealed)
    envelope = Instruction(
        journey=stop.journey,
        number=number,
        previous=finished.instruction if finished else stop.journey,
        heard=dict(records),
        values=cargo,
        report=reported,
        ends=ends,
        issued=station.now().replace(microsecond=0),
    ).sign(station.identity)
    folder.write(RoundMarker.RECORD, envelope)


def _keep(
    stop: Stop, folder: RoundFolder, kind: RoundCargoKind, path: Path, sealed: bytes
) -> RoundCargo:
    with replaced_whole(path) as target:
        target.write(sealed)
    order = stop.verified_offer().order
    context = round_context(stop.journey, order, kind, folder.number + 1)
    return RoundCargo.of(sealed, context)


def send_signed(stop: Stop, station: DaemonContext, folder: RoundFolder) -> None:
    """Send the signed instruction, and close the round. Idempotent."""
    files, envelope = RoundFiles.of(stop), folder.record()
    instruction = Instruction.model_validate(peek(envelope).predicate)
    sent = SentInstruction(
        instruction=envelope,
        values=_inline(stop, station, instruction.values, sealed_values(folder)),
        report=_inline(stop, station, instruction.report, sealed_report(folder)),
    )
    try:
        station.central.put_instruction(stop.journey, sent)
    except JourneyError as error:
        if error.code != "journey-over":
            raise
        # Cancelled meanwhile, or no station is left to be instructed.
        over = station.central.journey(stop.journey).cancelled
        stop.write(stop_files.ENDING, cancelled() if over else run_failed("round-quorum"))
        return
    known = station.received_rounds.get(stop.journey)
    if known is not None and known.series.number == folder.number:
        known.series.take_instruction(sent)
    ended_early = folder.has(RoundMarker.ENDED_EARLY)
    early = folder.read(RoundMarker.ENDED_EARLY, EarlyEnd) if ended_early else None
    forget_sent_values(stop, instruction.number)
    files.finish(
        folder,
        FinishedRounds(
            count=folder.number,
            number=folder.number,
            instruction=envelope.digest,
            record=envelope.digest,
            ends=instruction.ends,
            code=early.code if early else "",
        ),
    )


def _inline(stop: Stop, station: DaemonContext, cargo: RoundCargo | None, path: Path) -> str | None:
    """Return sealed content for the message; if it is too large for one, deliver it."""
    if cargo is None:
        return None
    inline = inline_of(path.read_bytes())
    if inline is None:
        station.artifacts.deliver_values(stop.journey, path)
    return inline
