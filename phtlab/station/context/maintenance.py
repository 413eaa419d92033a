"""Conditions under which no new run starts: a pause, a maintenance window, a trial, a self-test.

While one applies, the station admits no order and starts no run; running stops continue, ended runs
are sealed and reported, and people can decide. Orders wait, and lapse when they expire. Every
transition reads the conditions again, so that a pause takes effect at once, in every daemon.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Final, Literal, NamedTuple

from pydantic import AwareDatetime, ValidationError

from phtlab.errors import StationError
from phtlab.files.durable_file import write_durably
from phtlab.governance.text import Line, line_of
from phtlab.station.context.self_test_result import last_report
from phtlab.station.context.station_context import StationContext
from phtlab.station.executor.unfinished_trial import unfinished_trial
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import WINDOW
from phtlab.station.stops.stop import Stops
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical

TWO_RECORDS: Final = "Two different records of one journey were signed with this station's key"
_END_THE_COPY: Final = (
    "Another station runs from a copy of this folder, or somebody has its key. Find it and end it, "
    "then: phtlab station resume --copy-ended"
)
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Pause(StrictModel):
    """Nothing new starts from `since` until `until`, or until somebody resumes.

    `held` says what must be done before anyone can resume; empty for an ordinary pause.
    `contradicted` are journeys with two records signed by this station's key: somebody has to end
    the copy of this folder first, and confirm it.
    """

    by: Line
    since: AwareDatetime
    until: AwareDatetime | None = None
    reason: Line
    held: Line = ""
    contradicted: tuple[Digest, ...] = ()

    @property
    def first(self) -> str:
        """What must be done before anyone can resume; empty if nothing must."""
        return self.held or (_END_THE_COPY if self.contradicted else "")


class Closed(NamedTuple):
    """Why nothing new starts now. Researchers may read `reason`, but not `sentence`."""

    cause: Literal["pause", "window", "trial", "self-test"]
    sentence: str
    reason: str


def pause(station: StationContext, *, by: str, reason: str, until: datetime | None = None) -> Pause:
    """Pause the station: nothing new starts. A second pause replaces the first.

    Raises StationError if `until` is past (``pause-over``), the reason is empty (``pause-reason``),
    or the current pause has something that must be done first (``pause-held``).
    """
    kept = pause_of(station.folder)
    if kept and kept.first:
        raise _still_held(kept)
    now = station.now()
    if not reason.strip():
        raise StationError("Say why, in a line: researchers read it.", code="pause-reason")
    if until is not None and until <= now:
        raise StationError(
            f"{until:%Y-%m-%d %H:%M} is over.",
            "Name a later time, or none: 'phtlab station resume' ends the pause then.",
            code="pause-over",
        )
    made = Pause(by=by, since=now, until=until, reason=line_of(reason.strip()))
    _keep(station.folder, made)
    station.audit.append(
        actor=by,
        action="station-paused",
        details={"reason": made.reason, "until": f"{until.isoformat()}" if until else ""},
    )
    return made


def hold(station: StationContext, *, by: str, reason: str, held: str) -> None:
    """Pause the station until `release_hold`, because `held` must be done first."""
    _keep(station.folder, Pause(by=by, since=station.now(), reason=reason, held=held))


def pause_contradicted(station: StationContext, journey: str, *, record: str) -> None:
    """Pause the station, since `record` of `journey` contradicts another one of this station.

    It replaces an ordinary pause, and ends only with ``resume(copy_ended=True)``.
    """
    kept = pause_of(station.folder)
    before = kept.contradicted if kept else ()
    if journey in before:
        return
    made = Pause(
        by=station.settings.name,
        since=station.now(),
        reason=TWO_RECORDS,
        held=kept.held if kept else "",
        contradicted=(*before, journey),
    )
    _keep(station.folder, made)
    station.audit.append(
        actor=station.settings.name,
        action="record-contradicted",
        subject=journey,
        digest=record,
        details={"reason": "the station is paused: its folder was copied, or its key is known"},
    )


def release_hold(station: StationContext) -> None:
    """Turn a held pause into an ordinary one: what had to be done first is done."""
    if kept := pause_of(station.folder):
        _keep(station.folder, kept.model_copy(update={"held": ""}))


def require_settled(folder: StationFolder) -> None:
    """Raise StationError (``pause-held``) if something must be done before the daemon may start.

    A station with contradicted records may start: it is paused, and its daemon answers. Raises
    StationError (``stops-version``) if stops of an earlier version of phtlab are in the folder.
    """
    Stops(folder.stops).require_readable()
    kept = pause_of(folder)
    if kept is not None and kept.held:
        raise _still_held(kept)


def resume(station: StationContext, *, by: str, copy_ended: bool = False) -> None:
    """End the pause. Raises StationError (``pause-none``, ``pause-held``) if it cannot end.

    After two records of one journey, it ends only if `copy_ended` confirms that the copy was ended.
    """
    kept = pause_of(station.folder)
    if kept is None:
        raise StationError(
            f"{station.settings.name} is not paused.",
            "'phtlab station status' says what it does.",
            code="pause-none",
        )
    if kept.held or (kept.contradicted and not copy_ended):
        raise _still_held(kept)
    station.folder.pause.unlink()
    details = {"reason": kept.reason}
    if kept.contradicted:
        details["copy-ended"] = f"{len(kept.contradicted)} contradicted journeys"
    station.audit.append(actor=by, action="station-resumed", details=details)


def pause_of(folder: StationFolder) -> Pause | None:
    """Return the newest pause, even after its end time; None if there is none.

    Raises StationError (``pause``) if the file is damaged, since its content is then unknown.
    """
    try:
        return Pause.model_validate_json(folder.pause.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise StationError(
            f"{folder.pause} is damaged, so nothing new begins.",
            "Remove it to go on, or pause again with 'phtlab station pause'.",
            code="pause",
        ) from None


def closed(station: StationContext) -> Closed | None:
    """Return why nothing new may start now; None if it may.

    Raises StationError (``pause``) if the pause cannot be read.
    """
    now = station.now()
    kept = pause_of(station.folder)
    if kept and (kept.first or kept.until is None or now < kept.until):
        until = f" until {kept.until:%Y-%m-%d %H:%M} UTC" if kept.until else ""
        sentence = f"{station.settings.name} is paused{until}: {kept.reason}"
        and_first = f". {kept.first}" if kept.first else ""
        return Closed("pause", f"{sentence}{and_first}", f"Paused{until}: {kept.reason}")
    local = now.astimezone()
    for window in station.settings.maintenance:
        if within(window, local):
            sentence = f"It is within the maintenance window {window} of {station.settings.name}."
            return Closed("window", sentence, f"Maintenance, {window} local time")
    if (trial := unfinished_trial(station.folder)) is not None:
        return Closed(
            "trial",
            f"Whether the sandbox holds is not known. {trial.sentence} The running station tries "
            "again by itself; or: phtlab station check",
            "Whether its sandbox holds is being tried",
        )
    if (report := last_report(station.folder)) and (stopping := report.stopping):
        first = stopping[0]
        return Closed(
            "self-test",
            f"The self-test of {report.at:%Y-%m-%d %H:%M} UTC found something broken: "
            f"{first.name}: {first.sentence} {first.advice}. Then: phtlab station check",
            "Its self-test found something broken",
        )
    return None


def within(window: str, local: datetime) -> bool:
    """Whether `local` is in a window such as "sun 02:00-04:30" or "daily 23:00-01:00"."""
    match = re.fullmatch(WINDOW, window)
    if match is None:
        raise ValueError(f"not a maintenance window: {window}")  # the settings allow no other form
    begins, ends = time.fromisoformat(match["begins"]), time.fromisoformat(match["ends"])
    for day in (local.date(), local.date() - timedelta(days=1)):
        if match["day"] not in ("daily", _DAYS[day.weekday()]):
            continue
        first = datetime.combine(day, begins, local.tzinfo)
        last = datetime.combine(day, ends, local.tzinfo)
        if ends <= begins:
            last += timedelta(days=1)
        if first <= local < last:
            return True
    return False


def running_stops(stops: Stops) -> list[str]:
    """Journeys whose run has started and that are not sent yet, without held ones."""
    return [stop.journey for stop in stops if stop.state in ("running", "airlock", "sealed")]


def _keep(folder: StationFolder, made: Pause) -> None:
    write_durably(folder.pause, canonical(made.model_dump(mode="json")))


def _still_held(kept: Pause) -> StationError:
    return StationError(f"{kept.reason}.", kept.first, code="pause-held")
