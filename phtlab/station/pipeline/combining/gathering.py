"""The updates of a round: received while stations compute, and given to the run once it may."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from typing import Final

from phtlab.errors import OrderError, SealFormatError
from phtlab.rounds.received_rounds import ReceivedRounds
from phtlab.rounds.series import Ended, Ready, TooFew, Waiting
from phtlab.rounds.updates import COMBINED
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.combining.combined_values import value_file
from phtlab.station.pipeline.combining.files import (
    GatheredRecords,
    opened_update,
    sent_values,
)
from phtlab.station.pipeline.combining.instruction import sign_end
from phtlab.station.pipeline.combining.updates import open_update
from phtlab.station.pipeline.rounds.round_files import RoundFiles, RoundFolder, RoundMarker
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.manifest import TrainManifest

_VIEW_SECONDS: Final = 5.0
"""How old central's view of the stops may be, by which a station that ended is not waited for."""


def gather(stop: Stop, station: DaemonContext, folder: RoundFolder, wait: float) -> bool:
    """Take the next step until the run can combine the round in `folder`; return whether one was.

    Waits up to `wait` seconds for a record. Raises RecordError and OrderError for what does not
    verify, and what central and the registry raise.
    """
    rounds = _received_rounds(stop, station, folder)
    series = rounds.series
    if rounds.view_ends(_VIEW_SECONDS):
        return True
    if not _open_answers(stop, station, folder, rounds):
        return True
    if rounds.finishing:
        sign_end(stop, station, folder, _records(rounds, series.answers))
        return True
    step = rounds.step()
    match step:
        case Ended():
            raise OrderError("The rounds had ended.", code="instruction-ended")
        case TooFew():
            sign_end(stop, station, folder, _records(rounds, series.answers), code="round-quorum")
        case Ready():
            if step.late and rounds.receive():
                return True  # what came meanwhile is not late
            _give(stop, folder, rounds, step.stations)
        case Waiting():
            seconds = wait if step.seconds is None else min(wait, step.seconds)
            return rounds.receive(max(0.0, seconds))
    return True


def _received_rounds(stop: Stop, station: DaemonContext, folder: RoundFolder) -> ReceivedRounds:
    """Return what central shows of the rounds, which a restart forgets."""
    known = station.received_rounds.get(stop.journey)
    if known is None or known.series.number != folder.number:
        offer = stop.verified_offer()
        known = ReceivedRounds(
            station.central, stop.journey, offer.order, station.roster(), station.now
        )
        known.catch_up()
        finished = RoundFiles.of(stop).finished
        signed = finished.instruction if finished else stop.journey
        if known.series.previous != signed:
            raise OrderError(
                "Central does not show the instructions of this journey that this aggregator "
                "signed.",
                "Ask central's operator whether its database was restored.",
                code="instruction-chain",
            )
        known.receive()
        station.received_rounds[stop.journey] = known
    known.series.roster = station.roster()
    return known


def _open_answers(
    stop: Stop, station: DaemonContext, folder: RoundFolder, rounds: ReceivedRounds
) -> bool:
    """Open the updates that arrived, while others are awaited; return whether all can be used."""
    usable, offer = True, stop.verified_offer()
    for sender, answer in list(rounds.series.answers.items()):
        target = opened_update(folder, sender)
        if target.exists():
            continue
        try:
            open_update(target, station, stop.journey, offer, answer)
        except SealFormatError as error:
            rounds.series.leave_out(sender, error.message)
            usable = False
    return usable


def _give(
    stop: Stop, folder: RoundFolder, rounds: ReceivedRounds, stations: tuple[str, ...]
) -> None:
    """Put the updates of `stations` where the run gets them, with what they had received."""
    records = GatheredRecords(records=_records(rounds, stations))
    folder.write_whole(RoundMarker.GATHERED, records)
    draft = folder.path / "gathering"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    for station in stations:
        for path in opened_update(folder, station).iterdir():
            os.link(path, draft / path.name)
    for name, path in sent_values(stop, folder.number).items():
        os.link(path, draft / f"received.{value_file(name)}")
    manifest = stop.verified_offer().train.manifest
    (draft / "combination.json").write_text(json.dumps(_combination(manifest, stations)))
    draft.rename(folder.path_of(RoundMarker.VALUES))


def _combination(manifest: TrainManifest, stations: tuple[str, ...]) -> Mapping[str, object]:
    """What the runtime reads: the stations, and the kinds of what they published."""
    return {
        "stations": stations,
        "outputs": {
            output.name: output.kind for output in manifest.outputs if output.kind in COMBINED
        },
        "received": [value.name for value in manifest.received],
    }


def _records(rounds: ReceivedRounds, stations: Collection[str]) -> dict[str, str]:
    answers = rounds.series.answers
    return {station: answers[station].digest for station in stations}
