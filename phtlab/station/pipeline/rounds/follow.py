"""Rounds of a running stop, one step at a time: hear, ask, take over, check, sign, send.

Each step is decided by which files exist, and can be repeated after an interruption anywhere. The
kernel computes a round once; if its container is lost, a new one computes the round anew, whose
result nobody has.
"""

from __future__ import annotations

import math
import shutil
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from phtlab.errors import AirlockError, NotOnRosterError, OrderError, SignatureError
from phtlab.files.durable_file import replaced_whole
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.executor.untrusted_files import LeftFiles, copy_bounded, open_untrusted
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.station.pipeline.rounds.kept_values import copy_kept
from phtlab.station.pipeline.rounds.release import check_round
from phtlab.station.pipeline.rounds.requests import computed_round, end_rounds, request
from phtlab.station.pipeline.rounds.round_files import (
    FinishedRounds,
    RoundFiles,
    RoundFolder,
    RoundMarker,
    SealedRound,
)
from phtlab.station.pipeline.rounds.values import keep_values
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import Ending
from phtlab.station.stops.sentences import ORDER_EXPIRED, run_failed
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.order import context_digest
from phtlab.train.documents.round import Instruction, RoundCargo, RoundRecord, round_context
from phtlab.train.sealing import seal
from phtlab.train.verify.rounds import verify_instruction
from phtlab.wire.api.rounds import (
    INLINE_BYTES,
    MAX_ROUNDS_OF_ANSWER,
    SentInstruction,
    SentRound,
    inline_of,
)

_ENDINGS: Final = (
    *(".json", ".table.json", ".scalar.json", ".data.json"),
    *(".png", ".safetensors", ".bin"),
)
"""How names of the files end that the runtime leaves of an output."""
_ENDING_IS_READ: Final = timedelta(days=1)
"""How long after its order expired a station asks central whether the rounds had ended in time."""


def follow(stop: Stop, station: DaemonContext, wait: float = 0.0) -> bool:
    """Take the next step of the stop's rounds; return whether there was one.

    Waits up to `wait` seconds for the kernel or for central. The run itself (started, lost, ended)
    is the caller's matter. Raises what central, the registry and the engine raise; OrderError
    (``instruction-…``) for an instruction that is not followed; OrderStationError
    (``order-received``) for values that are not as declared.
    """
    expires = stop.verified_offer().order.expires
    if station.now() >= expires:
        if station.now() >= expires + _ENDING_IS_READ or not _ended_in_time(stop, station):
            ending = Ending(outcome="cancelled", code="order-expired", sentence=ORDER_EXPIRED)
            stop.write(stop_files.ENDING, ending)
        return True
    files = RoundFiles.of(stop)
    folder = files.in_work()
    if folder is None:
        finished = files.finished
        return finished is not None and _receive_instructions(stop, station, finished, wait)
    if not folder.has(RoundMarker.REQUESTED):
        request(stop, folder, station.now())
        return True
    if not folder.has(RoundMarker.OUTPUTS):
        return _take_over(stop, station, folder, wait)
    if not folder.has(RoundMarker.SEALED) or not folder.update.exists():
        _check(stop, station, folder)
        return True
    if not folder.has(RoundMarker.RECORD):
        return _sign(stop, station, folder, wait)
    _send(stop, station, folder)
    return True


def _receive_instructions(
    stop: Stop, station: DaemonContext, finished: FinishedRounds, wait: float
) -> bool:
    """Fetch instructions after the last round; keep the newest, with its values."""
    offer, files = stop.verified_offer(), RoundFiles.of(stop)
    newest = _newest(stop, station, finished, wait)
    if newest is None:
        return False
    sent, instruction = newest
    if instruction.ends:
        end_rounds(stop, station)
        return True
    with files.begun(instruction.number) as folder:
        folder.write_whole(RoundMarker.INSTRUCTION, sent.instruction)
        keep_values(folder, station, stop.journey, offer, instruction.values, sent.values)
    return True


def _ended_in_time(stop: Stop, station: DaemonContext) -> bool:
    """End the rounds if an instruction ended them before the order expired; return whether so."""
    files = RoundFiles.of(stop)
    finished = files.finished
    if finished is None or files.in_work() is not None:
        return False
    try:
        newest = _newest(stop, station, finished, 0.0)
    except OrderError:
        return False  # it is not followed, and no true one comes any more
    if newest is None or not newest[1].ends:
        return False
    end_rounds(stop, station)
    return True


def _newest(
    stop: Stop, station: DaemonContext, finished: FinishedRounds, wait: float
) -> tuple[SentInstruction, Instruction] | None:
    """Fetch and verify the instructions after the last round; return the newest."""
    number, chain = finished.number, finished.instruction
    newest: tuple[SentInstruction, Instruction] | None = None
    while True:
        answer = station.central.instructions(stop.journey, number, 0.0 if newest else wait)
        for sent in answer.instructions:
            own = finished.record if number == finished.number else None
            instruction = _verified(stop, station, sent, number + 1, chain, own)
            number, chain, newest = number + 1, sent.instruction.digest, (sent, instruction)
            if instruction.ends:
                return newest
        if len(answer.instructions) < MAX_ROUNDS_OF_ANSWER:
            return newest


def _verified(
    stop: Stop,
    station: DaemonContext,
    sent: SentInstruction,
    number: int,
    chain: str,
    own: str | None,
) -> Instruction:
    roster, researcher = station.roster(), stop.verified_offer().researcher
    if researcher not in {member.name for member in roster.members}:
        raise OrderError(
            f"This instruction is not followed: {researcher}, whose journey this is, is no member "
            f"of {roster.consortium} any more.",
            "Cancel the journey.",
            code="instruction-signer",
        )
    try:
        return verify_instruction(
            sent.instruction,
            journey=stop.journey,
            order=stop.verified_offer().order,
            roster=roster,
            number=number,
            previous=chain,
            station=station.name,
            own=own,
        )
    except (NotOnRosterError, SignatureError) as error:
        raise OrderError(
            f"This instruction is not followed: {error.message}",
            "Ask central's operator where it comes from.",
            code="instruction-signer",
        ) from None


def _take_over(stop: Stop, station: DaemonContext, folder: RoundFolder, wait: float) -> bool:
    """Copy what the run left of the round, once it says that the round is computed."""
    left = computed_round(stop, station, folder, wait)
    if left is None:
        return False
    draft = folder.path / "copying"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    limit = stop.read(stop_files.ADMITTED).limits.output_bytes
    names = [output.name for output in stop.verified_offer().train.manifest.outputs]
    found = {name for name in names if _copy_output(left, folder.number, name, draft, limit)}
    if set(names) - found:
        stop.write(stop_files.ENDING, run_failed("output-missing"))
        return True
    try:
        copy_kept(left, folder, limit)
    except AirlockError:
        stop.write(stop_files.ENDING, run_failed("round-kept"))
        return True
    draft.rename(folder.path_of(RoundMarker.OUTPUTS))
    return True


def _copy_output(left: Path, number: int, name: str, target: Path, limit: int) -> bool:
    """Copy the files of an output, each once and at most `limit` bytes; return whether any is.

    The run lives on and may change them: what was copied is judged, and nothing else is read.
    """
    found = False
    for ending in _ENDINGS:
        file = f"{name}{ending}"
        with ExitStack() as stack:
            try:
                source = stack.enter_context(
                    open_untrusted(left, f"rounds/{number}/outputs/{file}", limit=limit)
                )
            except (AirlockError, OSError):
                continue  # it is not there, or nothing that an output may be
            copy = stack.enter_context((target / file).open("xb"))
            found = True
            copy_bounded(source, copy, limit=limit)
    return found


def _check(stop: Stop, station: DaemonContext, folder: RoundFolder) -> None:
    """Pass the copied outputs through the airlock, and seal what leaves."""
    offer, finished = stop.verified_offer(), RoundFiles.of(stop).finished
    with LeftFiles(folder.path, RoundMarker.OUTPUTS) as left_files:
        limits = finished.limits if finished else None
        release = check_round(stop, station, left_files, limits)
        if isinstance(release, Ending):
            stop.write(stop_files.ENDING, release)
            return
        roster = station.roster_cache.now().roster
        readers = [roster.member(name).keys.age for name in offer.order.readers]
        context = round_context(stop.journey, offer.order, "update", folder.number, station.name)
        with (
            open_cargo(stop.journey, station.name, release.outputs) as archive,
            replaced_whole(folder.update) as target,
        ):
            sealed = seal(archive, target, readers, context)
    update = RoundCargo(digest=sealed.digest, size=sealed.size, context=context_digest(context))
    verdicts = tuple(output.verdict for output in release.outputs)
    folder.write_whole(
        RoundMarker.SEALED, SealedRound(update=update, outputs=verdicts, limits=release.limits)
    )


def _sign(stop: Stop, station: DaemonContext, folder: RoundFolder, wait: float) -> bool:
    """Sign the record of the round; not before the policy's grid of time allows it to leave."""
    due, now = _due(station, folder), station.now()
    if now < due:
        time.sleep(min(wait, (due - now).total_seconds()))
        return station.now() >= due
    offer, sealed = stop.verified_offer(), folder.sealed()
    finished, instruction = RoundFiles.of(stop).finished, folder.instruction()
    record = RoundRecord(
        journey=stop.journey,
        train=offer.train.digest,
        station=station.name,
        number=folder.number,
        instruction=instruction.digest if instruction else None,
        previous=finished.record if finished else None,
        outputs=sealed.outputs,
        update=sealed.update,
        roster_version=offer.roster_version,
        finished=max(due, now.replace(microsecond=0)),
    )
    folder.write(RoundMarker.RECORD, record.sign(station.identity))
    return True


def _due(station: DaemonContext, folder: RoundFolder) -> datetime:
    """When the answer may leave: on a grid from the moment at which the round was first asked for.

    The run can move neither end of it: not the beginning by ending itself, after which it is
    started anew, and not the end by being done just before a moment of the grid, as the next
    moment counts once the update is sealed.
    """
    request, interval = folder.first_requested().at, station.policy().rounds.interval
    if not interval:
        return request
    taken = folder.path_of(RoundMarker.SEALED).stat().st_mtime - request.timestamp()
    return request + timedelta(seconds=interval * max(1, math.ceil(taken / interval)))


def _send(stop: Stop, station: DaemonContext, folder: RoundFolder) -> None:
    """Send the record with its update, and close the round."""
    files, sealed, record = RoundFiles.of(stop), folder.sealed(), folder.record()
    inline = None
    if sealed.update.size <= INLINE_BYTES:
        inline = inline_of(folder.update.read_bytes())
    else:
        station.artifacts.deliver(stop.journey, station.name, folder.update)
    sent = SentRound(record=record, update=inline)
    station.central.put_round(stop.journey, station.name, folder.number, sent)
    before, instruction = files.finished, folder.instruction()
    files.finish(
        folder,
        FinishedRounds(
            count=(before.count if before else 0) + 1,
            number=folder.number,
            instruction=instruction.digest if instruction else stop.journey,
            record=record.digest,
            outputs=sealed.outputs,
            limits=sealed.limits,
            kept=before.kept if before else None,
        ),
    )
