"""Requests of a round: what the run is given for it, and how it learns of it."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from phtlab.errors import SandboxError
from phtlab.files.durable_file import replaced_at_once, write_durably
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.received import give_file_to_run, give_to_run
from phtlab.station.pipeline.rounds.round_files import (
    RestartedRun,
    RoundFiles,
    RoundFolder,
    RoundMarker,
)
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import RunOutcome, Timestamp
from phtlab.station.stops.stop import Stop

_TICK: Final = 0.004
"""Seconds between two looks for what the run left."""


def request(stop: Stop, folder: RoundFolder, now: datetime) -> None:
    """Put the round's values and then its number where the run sees them.

    Without a sync: a power cut ends the run too, and a new one gets them again.
    """
    _give_values(stop, folder)
    if folder.has(RoundMarker.VALUES):
        request = json.dumps({"number": folder.number, "ends": False}).encode()
        with replaced_at_once(stop.job / "rounds" / "next.json", 0o644) as target:
            target.write(request)
    folder.write_whole(RoundMarker.REQUESTED, Timestamp(at=now))


def _give_values(stop: Stop, folder: RoundFolder) -> None:
    """Put what the round works on, and what the rounds before kept, where the run sees it.

    At a station the first round has nothing of either.
    """
    given = stop.job / "rounds"
    given.mkdir(mode=0o755, exist_ok=True)
    given.chmod(0o755)
    for path in given.iterdir():
        if path.name.isdecimal() and path.name != str(folder.number):
            shutil.rmtree(path)  # of a round that is finished
    target = given / str(folder.number)
    if not folder.has(RoundMarker.VALUES) or target.exists():
        return
    draft = given / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    give_to_run(folder.path_of(RoundMarker.VALUES), draft, durably=False)
    if (kept := RoundFiles.of(stop).kept()) is not None:
        give_file_to_run(kept, draft / RoundMarker.KEPT, durably=False)
    draft.rename(target)


def restart(stop: Stop, station: DaemonContext, folder: RoundFolder) -> None:
    """Have the next start of the run begin with the round in `folder`; the run is gone."""
    job = json.loads((stop.job / "job.json").read_bytes())
    job["rounds"]["first"] = folder.number
    write_durably(stop.job / "job.json", json.dumps(job, sort_keys=True).encode(), 0o644)
    shutil.rmtree(stop.job / "rounds", ignore_errors=True)  # a power cut may have torn it
    _give_values(stop, folder)
    before = folder.restarted()
    times = before.times + before.started if before else 1
    again = RestartedRun(at=folder.first_requested().at, times=times, started=False)
    folder.write(RoundMarker.RESTARTED, again)
    folder.path_of(RoundMarker.REQUESTED).unlink(missing_ok=True)


def note_started(folder: RoundFolder) -> None:
    """Remember that the run which `restart` prepared has started: if it is lost, that counts."""
    restarted = folder.restarted()
    if restarted is not None:
        folder.write(RoundMarker.RESTARTED, restarted.model_copy(update={"started": True}))


def requested_since(folder: RoundFolder | None) -> datetime | None:
    """Since when the run computes the round; None while it waits for one."""
    if folder is None or not folder.has(RoundMarker.REQUESTED) or folder.has(RoundMarker.OUTPUTS):
        return None
    return folder.requested().at


def end_rounds(stop: Stop, station: DaemonContext) -> None:
    """The rounds are over: what they released has left, and the run is not needed any more."""
    status = station.executor.status(stop.job_id)
    started = status.started.replace(microsecond=0) if status.started else None
    now = station.now().replace(microsecond=0)
    stop.write(stop_files.OUTCOME, RunOutcome(code="", error=None, started=started, finished=now))


def computed_round(
    stop: Stop, station: DaemonContext, folder: RoundFolder, wait: float
) -> Path | None:
    """Return the folder that the run leaves files in, once it computed the round in `folder`.

    Waits up to `wait` seconds for it. None if it has not, or if the run is lost: its status says so
    too.
    """
    try:
        left = station.executor.outputs(stop.job_id)
    except SandboxError:
        return None
    done = left / "rounds" / str(folder.number) / "run.json"
    until = time.monotonic() + wait
    while not os.path.lexists(done):
        if time.monotonic() >= until:
            return None
        time.sleep(_TICK)
    return left
