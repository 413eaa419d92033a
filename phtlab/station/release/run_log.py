"""A run's log, which stays at the station: shown to a person, and let go by hand after that.

What is shown is one text: how the run ended, the whole error, and what it printed, all of it
visible. Exactly that text leaves if a person lets it go, sealed to the recipients of the order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from phtlab.errors import AirlockError, StationError
from phtlab.files.durable_file import write_durably
from phtlab.printable import escaped, escaped_lines
from phtlab.station.airlock.formats import strict_json
from phtlab.station.context.station_context import StationContext
from phtlab.station.release.releasers import require_releaser
from phtlab.station.release.view_log import has_viewed, note_view
from phtlab.station.release.votes import Outcome, Vote, add_vote, make_vote, outcome_with, votes_on
from phtlab.station.settings.folder import StationFolder
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.run_verdict import MAX_RECORD_BYTES
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import digest

LOG: Final = "_log"
"""The words on a log are named as those on an output, and no output is called so."""


def log_text(stop: Stop) -> str:
    """The log of `stop` as a person sees it. Raises StationError (``log-missing``)."""
    if not stop.has(Marker.OUTCOME):
        raise StationError(
            f"The stop {stop.hex[:12]} has no log: its run has not ended, or never began.",
            code="log-missing",
        )
    return "\n".join(_lines(stop)) + "\n"


def view_log(station: StationContext, stop: Stop, *, by: str, most: int | None = None) -> str:
    """`log_text`; that `by` looked at it is logged. Raises as that does.

    A page that shows `most` characters says so: who has seen its beginning cannot let it go.
    """
    text = log_text(stop)
    seen = digest(text.encode())
    station.audit.append(actor=by, action="log-looked-at", subject=stop.journey, digest=seen)
    if most is None or len(text) <= most:
        note_view(stop, LOG, by=by, seen=seen)
    return text


def has_viewed_log(stop: Stop, *, by: str) -> bool:
    """Whether `by` has seen all of the log as it is. Raises as `log_text` does."""
    return has_viewed(stop, LOG, by=by, seen=digest(log_text(stop).encode()))


def persons_for_log(words: Sequence[Vote], now: int) -> int:
    """How many have to agree: as many as the policy asks for `now`, or did at any word before."""
    return max(now, *(vote.persons for vote in words), 1)


def release_log(station: StationContext, stop: Stop, *, by: str, reason: str) -> Outcome | None:
    """`by` lets the log go; None if another person has to agree. The daemon seals and sends it.

    A log is free text, so where outputs of high risk need two persons it needs two; and a policy
    that asks for fewer by now completes no word that was half given. Logged before it is done.

    Raises StationError: ``log-missing``; ``log-unseen`` if `by` has not seen all of it as it is, or
    the person before saw another; and as `require_releaser`, `make_vote` and `outcome_with` do.
    """
    seen, before = digest(log_text(stop).encode()), votes_on(stop, LOG)
    if not has_viewed_log(stop, by=by):
        raise StationError(
            f"{by} has not seen the whole of this log.",
            f"It may hold data: read it first, with 'phtlab station log {stop.hex[:12]} --by "
            f"{by}'.",
            code="log-unseen",
        )
    require_same_log(before, seen)
    persons = persons_for_log(before, station.policy().release.persons("high"))
    require_releaser(station, by, persons)
    vote = make_vote("release", None, by, reason, station.now(), seen=seen, persons=persons)
    outcome = outcome_with(before, LOG, vote, persons)
    station.audit.append(
        actor=by,
        action="log-released",
        subject=stop.journey,
        digest=seen,
        details={"decided": "yes" if outcome else "another person has to agree"},
    )
    # The mark before the word: a daemon that finds no word behind a mark comes back to it.
    _mark(station.folder, stop)
    return add_vote(stop, LOG, vote, persons)


def require_same_log(words: Sequence[Vote], seen: str) -> None:
    """Raises StationError (``log-unseen``) if one of `words` is on another log than `seen`."""
    for vote in words:
        if vote.seen != seen:
            raise StationError(
                f"The log is not the one any more that {vote.by} looked at and let go: it stays "
                "here.",
                "Look into the station's disk.",
                code="log-unseen",
            )


def marks_of(folder: StationFolder) -> Path:
    """One empty file for each stop whose log is to be sent."""
    return folder.path / "logs-to-send"


def _mark(folder: StationFolder, stop: Stop) -> None:
    marks = marks_of(folder)
    marks.mkdir(mode=0o700, exist_ok=True)
    write_durably(marks / stop.hex, b"")


def _lines(stop: Stop) -> Iterator[str]:
    offer, outcome = stop.verified_offer(), stop.read(stop_files.OUTCOME)
    name = offer.train.manifest.name
    yield f"Journey {stop.hex[:12]}: {name} of {offer.researcher}"
    yield f"Outcome: {outcome.code or 'the run came to its end'}"
    error = _error(stop)
    if error:
        where = ", ".join(f"{part} {error[part]}" for part in ("cell", "line") if error.get(part))
        yield escaped(f"Error: {error.get('type')} in {where or 'no cell'}")
        for part in ("message", "traceback"):
            if text := error.get(part):
                yield escaped_lines(str(text))
    yield "Printed:"
    log = stop.operator / "log"
    if log.exists():
        yield escaped_lines(log.read_bytes().decode("utf-8", "replace"))


def _error(stop: Stop) -> Mapping[str, Any]:
    """The whole error as the run recorded it: anything may be in it."""
    path = stop.operator / "run.json"
    try:
        content = strict_json.parse(path.read_bytes(), limit=MAX_RECORD_BYTES)
    except (AirlockError, FileNotFoundError):
        return {}
    error = content.get("error") if isinstance(content, dict) else None
    return error if isinstance(error, dict) else {}
