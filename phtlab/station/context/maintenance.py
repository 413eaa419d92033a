"""When nothing new begins at a station: a pause, a maintenance window, a trial of the sandbox that
has no answer yet, or what a self-test found.

What runs goes on, what has run is sealed and told, and whoever decides can decide: only no order
is admitted and no run begins. Orders wait meanwhile, and lapse when they expire. It is looked up
each time that a stop could go on, so that a pause is heeded at once and by whichever daemon.
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
    """Nothing new begins from `since` until `until`, or until someone resumes.

    `held` names what must be done before anyone can resume; empty for an ordinary pause.
    `contradicted` are journeys of which this station's key signed two records: somebody has to end
    the copy of this folder first, and say so.
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
    """Why nothing new begins now. `reason` may be read by researchers, `sentence` may not."""

    cause: Literal["pause", "window", "trial", "self-test"]
    sentence: str
    reason: str


def pause(station: StationContext, *, by: str, reason: str, until: datetime | None = None) -> Pause:
    """Let nothing new begin. A second pause takes the first one's place.

    Raises StationError if `until` is over (``pause-over``), the reason is none (``pause-reason``),
    or the station is held by something that must be done first (``pause-held``).
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
    """A pause that ends only once `held` was done: `release_hold`."""
    _keep(station.folder, Pause(by=by, since=station.now(), reason=reason, held=held))


def pause_contradicted(station: StationContext, journey: str, *, record: str) -> None:
    """Let nothing new begin, since `record` of `journey` contradicts another one of this station.

    It takes the place of an ordinary pause, and ends with ``resume(copy_ended=True)`` only.
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
    """What the pause was held by is done: it is an ordinary pause from now on."""
    if kept := pause_of(station.folder):
        _keep(station.folder, kept.model_copy(update={"held": ""}))


def require_settled(folder: StationFolder) -> None:
    """Raises StationError (``pause-held``) if something must be done before it may begin.

    A contradicted station may: it is paused, and its daemon listens.
    """
    kept = pause_of(folder)
    if kept is not None and kept.held:
        raise _still_held(kept)


def resume(station: StationContext, *, by: str, copy_ended: bool = False) -> None:
    """End the pause. Raises StationError (``pause-none``, ``pause-held``) if it cannot end.

    After two records of one journey it ends only if somebody says that the copy was ended.
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
    """The pause that was last begun, also when its time is over; None if there is none.

    Raises StationError (``pause``) if the file is damaged: nobody knows then what was meant.
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
    """Why nothing new begins just now; None if it may.

    Raises StationError (``pause``) if that cannot be read.
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
    """Whether `local` lies in a window such as "sun 02:00-04:30" or "daily 23:00-01:00"."""
    match = re.fullmatch(WINDOW, window)
    if match is None:
        raise ValueError(f"not a maintenance window: {window}")  # the settings hold no other
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
    """The journeys whose run has begun here and that are not sent yet; those that wait for a
    person are not at work."""
    return [stop.journey for stop in stops if stop.state in ("running", "airlock", "sealed")]


def _keep(folder: StationFolder, made: Pause) -> None:
    write_durably(folder.pause, canonical(made.model_dump(mode="json")))


def _still_held(kept: Pause) -> StationError:
    return StationError(f"{kept.reason}.", kept.first, code="pause-held")
