"""Admitted to airlock: start the run once, watch it, and record its outcome."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from phtlab.errors import (
    AirlockError,
    DataSetError,
    EngineMissingError,
    SandboxError,
    StationError,
    TrialUnfinishedError,
)
from phtlab.files.durable_file import replaced_durably, write_durably
from phtlab.station.airlock.errors.error_sentence import Vocabulary, vocabulary
from phtlab.station.airlock.formats import strict_json
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.data.datasets import DataSet
from phtlab.station.executor.contract import Job, JobStatus
from phtlab.station.executor.untrusted_files import list_untrusted, open_untrusted, read_untrusted
from phtlab.station.pipeline.combining import follow as combining
from phtlab.station.pipeline.rounds import follow as rounds
from phtlab.station.pipeline.rounds import requests
from phtlab.station.pipeline.rounds.round_files import RoundFiles, RoundFolder
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import RunOutcome, RunStopped, Timestamp
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.run_verdict import MAX_RECORD_BYTES, RunVerdict, judge
from phtlab.station.stops.sentences import run_failed
from phtlab.station.stops.stop import Stop
from phtlab.wire.api.journeys import StopUpdate

_MAX_PROGRESS_BYTES = 4096
_MAX_NAMES = 4096


def claim(stop: Stop, station: DaemonContext) -> None:
    """Admitted to running: from now on a run may exist."""
    stop.write(stop_files.STARTING, Timestamp(at=station.now()))


def watch(stop: Stop, station: DaemonContext, wait: float = 0.0) -> bool:
    """Start the run if it has not started, stop it at its time limit, and record its end.

    Of a stop of rounds, take the next step of its rounds, waiting for it up to `wait` seconds, and
    return whether there was one.

    An engine that does not answer is waited for, as is a trial of the sandbox that was cut off;
    if the run never began, only for the settings' patience.
    """
    if stop.of_rounds and stop.has(Marker.STARTED):
        return _watch_rounds(stop, station, wait)
    try:
        status = station.executor.status(stop.job_id)
        if status.state == "absent":
            _begin(stop, station)
            return False
    except EngineMissingError:
        if stop.has(Marker.STARTED) or station.now() < _patience_ends(stop, station):
            raise
        raise StationError("The engine stayed away.", code="engine-missing") from None
    except TrialUnfinishedError:
        if station.now() < _patience_ends(stop, station):
            raise
        raise StationError("No trial came to an end.", code="trial-unfinished") from None
    if not stop.has(Marker.STARTED):
        stop.write(stop_files.STARTED, Timestamp())
    elif status.state == "running":
        _stop_in_time(stop, station, status)
    else:
        _finish(stop, station, status)
    return False


def _watch_rounds(stop: Stop, station: DaemonContext, wait: float) -> bool:
    """Take the next step of the rounds; judge the run only while one is computed."""
    follow = combining.follow if stop.combines else rounds.follow
    if follow(stop, station, wait):
        return True
    folder = RoundFiles.of(stop).in_work()
    since = requests.requested_since(folder)
    if folder is None or since is None:
        return False
    status = station.executor.status(stop.job_id)
    if status.state == "running":
        return _stop_round_in_time(stop, station, since)
    if status.state == "exited" and not _is_lost(stop, station, status, folder):
        _finish(stop, station, status)
    elif stop.has(Marker.STOPPING):
        stop.write(stop_files.ENDING, run_failed("out-of-time"))
    elif not folder.may_restart:
        stop.write(stop_files.ENDING, run_failed("run-restarts"))
    else:
        station.executor.remove(stop.job_id)
        requests.restart(stop, station, folder)
        _start(stop, station)
        requests.note_started(folder)
    return True


def _is_lost(stop: Stop, station: DaemonContext, status: JobStatus, folder: RoundFolder) -> bool:
    """Whether the run, or its kernel, was ended from outside: without a record of its own.

    A kernel that ends itself looks the same, so its own record counts once it is not started anew.
    """
    if status.oom_killed or stop.has(Marker.STOPPING):
        return False
    try:
        outputs = station.executor.outputs(stop.job_id)
        record = read_untrusted(outputs, "run.json", limit=MAX_RECORD_BYTES)
    except AirlockError:
        return True
    verdict = judge(record, status, out_of_time=False, lines=cell_lines(stop))
    return verdict.code == "kernel-died" and folder.may_restart


def _stop_round_in_time(stop: Stop, station: DaemonContext, since: datetime) -> bool:
    """Stop a run whose round takes too long; return whether it does."""
    limits = stop.read(stop_files.ADMITTED).limits
    if (station.now() - since).total_seconds() < limits.seconds + limits.grace_seconds:
        return False
    if not stop.has(Marker.STOPPING):
        stop.write(stop_files.STOPPING, RunStopped(why="out-of-time"))
    station.executor.stop(stop.job_id)
    return True


def progress(stop: Stop, station: DaemonContext) -> StopUpdate | None:
    """Return the run's progress as far as it may be reported; for display only.

    The run chooses when it ends a cell, so with many cells the progress can encode data. So
    progress of a run on real data is reported only if the policy allows it.
    """
    if stop.of_rounds:
        return StopUpdate(state="running")
    if not stop.read(stop_files.ADMITTED).twin and station.policy().progress != "cells":
        return StopUpdate(state="running")
    with suppress(AirlockError, SandboxError, EngineMissingError, OSError):
        content = read_untrusted(
            station.executor.outputs(stop.job_id), "progress.json", limit=_MAX_PROGRESS_BYTES
        )
        progress_file = strict_json.parse(content, limit=_MAX_PROGRESS_BYTES, depth=1)
        if not isinstance(progress_file, dict):
            return None
        done, cells = progress_file.get("done"), progress_file.get("cells")
        if not isinstance(done, int) or not isinstance(cells, int):
            return None
        # Only values that agree with what the station knows, so that they carry nothing else.
        if 0 <= done <= cells == len(cell_lines(stop)):
            return StopUpdate(state="running", cell=min(done + 1, cells), cells=cells)
    return None


def cell_lines(stop: Stop) -> dict[int, int]:
    """Number of lines of each dispatched cell, by its number in the author's notebook."""
    return {number: len(source.splitlines()) or 1 for number, source in _cells(stop).items()}


def _cells(stop: Stop) -> dict[int, str]:
    """Source of each dispatched cell, by its number in the author's notebook."""
    notebook = json.loads((stop.train / "notebook.ipynb").read_bytes())
    return {
        cell["metadata"]["phtlab"]["cell"]: "".join(cell["source"]) for cell in notebook["cells"]
    }


def _vocabulary(stop: Stop, station: DaemonContext) -> Vocabulary:
    """What an error's sentence may be made of: the train's words, and what is published here."""
    manifest = stop.verified_offer().train.manifest
    published: dict[str, DataSet] = {}
    with suppress(DataSetError, OSError):  # for a declaration broken since, no column names
        published = station.declared()
    return vocabulary(
        _cells(stop).values(),
        datasets={
            name: published[name].schema.column_types() if name in published else ()
            for name in manifest.datasets
        },
        outputs=[output.name for output in manifest.outputs],
    )


def _begin(stop: Stop, station: DaemonContext) -> None:
    if stop.has(Marker.STARTED):
        stop.write(stop_files.ENDING, run_failed("run-lost"))
        return
    _start(stop, station)
    stop.write(stop_files.STARTED, Timestamp())


def _start(stop: Stop, station: DaemonContext) -> None:
    offer = stop.verified_offer()
    admitted = stop.read(stop_files.ADMITTED)
    train = offer.train
    job = Job(
        id=stop.job_id,
        image=station.artifacts.reference(train.repository, train.digest),
        inputs=stop.job,
        data={name: Path(path) for name, path in admitted.data.items()},
        limits=admitted.limits,
        environment=station.settings.environment,
    )
    station.executor.start(job, lambda: station.artifacts.authorization(train.repository))


def _patience_ends(stop: Stop, station: DaemonContext) -> datetime:
    claimed = stop.read(stop_files.STARTING).at
    return claimed + timedelta(seconds=station.settings.engine_patience)


def _stop_in_time(stop: Stop, station: DaemonContext, status: JobStatus) -> None:
    limits = stop.read(stop_files.ADMITTED).limits
    began = status.started or stop.read(stop_files.STARTING).at
    wall_clock = (station.now() - began).total_seconds()
    elapsed = station.stopwatch.elapsed(stop.job_id, wall_clock)
    if elapsed < limits.seconds + limits.grace_seconds:
        return
    if not stop.has(Marker.STOPPING):
        stop.write(stop_files.STOPPING, RunStopped(why="out-of-time"))
    station.executor.stop(stop.job_id)


def _finish(stop: Stop, station: DaemonContext, status: JobStatus) -> None:
    outputs = station.executor.outputs(stop.job_id)
    station.stopwatch.forget(stop.job_id)
    record = None
    with suppress(AirlockError, OSError):
        record = read_untrusted(outputs, "run.json", limit=MAX_RECORD_BYTES)
    judgement = judge(
        record,
        status,
        out_of_time=stop.has(Marker.STOPPING),
        lines=cell_lines(stop),
        words=_vocabulary(stop, station),
        twin=stop.read(stop_files.ADMITTED).twin,
    )
    if stop.of_rounds and not judgement.code:
        judgement = RunVerdict("run-record")  # it ended before its rounds did
    elif not judgement.code and (code := _undeclared(stop, outputs)):
        judgement = RunVerdict(code)
    _keep_for_operator(stop, station, outputs, record)
    outcome = RunOutcome(
        code=judgement.code,
        error=judgement.error,
        started=_whole_seconds(status.started),
        finished=_whole_seconds(status.finished),
    )
    stop.write(stop_files.OUTCOME, outcome)


def _undeclared(stop: Stop, outputs: Path) -> str:
    """Return `output-missing`, `output-undeclared` or "", by file names only; opens no file."""
    declared = {output.name for output in stop.verified_offer().train.manifest.outputs}
    try:
        names = list_untrusted(outputs, "outputs", most=_MAX_NAMES)
        found = {name.split(".")[0] for name in names if not name.startswith(".")}
    except FileNotFoundError:
        found = set()
    except OSError:
        return "output-undeclared"  # a link or a file in place of the folder
    if found - declared:
        return "output-undeclared"
    return "output-missing" if declared - found else ""


def _keep_for_operator(
    stop: Stop, station: DaemonContext, outputs: Path, record: bytes | None
) -> None:
    """Store the whole notebook, record and log for the operator.

    Of these, only the run log can leave, if a person releases it (`release/run_log.py`).
    """
    stop.operator.mkdir(mode=0o700, exist_ok=True)
    limits = stop.read(stop_files.ADMITTED).limits
    if record is not None:
        write_durably(stop.operator / "run.json", record)
    with (
        suppress(AirlockError, OSError),
        open_untrusted(outputs, "executed.ipynb", limit=limits.output_bytes) as notebook,
        replaced_durably(stop.operator / "executed.ipynb") as target,
    ):
        shutil.copyfileobj(notebook, target)  # as large as the run made it: never in memory
    write_durably(stop.operator / "log", station.executor.logs(stop.job_id))


def _whole_seconds(moment: datetime | None) -> datetime | None:
    """Drop microseconds, since a run's exact duration can disclose something about the data."""
    return moment.replace(microsecond=0) if moment else None
