"""A run's log: it stays at the station until a person has viewed it and releases it.

The view is one text, with all characters visible: how the run ended, the whole error, and what the
run printed. A release sends exactly that text, sealed to the order's recipients.
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
"""Name of the log in files of votes; no output has this name."""


def log_text(stop: Stop) -> str:
    """Return the log of `stop` as people view it. Raises StationError (``log-missing``)."""
    if not stop.has(Marker.OUTCOME):
        raise StationError(
            f"The stop {stop.hex[:12]} has no log: its run has not ended, or never began.",
            code="log-missing",
        )
    return "\n".join(_lines(stop)) + "\n"


def view_log(station: StationContext, stop: Stop, *, by: str, most: int | None = None) -> str:
    """Return `log_text`, and log that `by` viewed it. Raises as `log_text` does.

    A page that shows at most `most` characters passes that number: who has seen only a part may not
    release the log.
    """
    text = log_text(stop)
    seen = digest(text.encode())
    station.audit.append(actor=by, action="log-looked-at", subject=stop.journey, digest=seen)
    if most is None or len(text) <= most:
        note_view(stop, LOG, by=by, seen=seen)
    return text


def has_viewed_log(stop: Stop, *, by: str) -> bool:
    """Return whether `by` has seen all of the present log. Raises as `log_text` does."""
    return has_viewed(stop, LOG, by=by, seen=digest(log_text(stop).encode()))


def persons_for_log(words: Sequence[Vote], now: int) -> int:
    """Return how many persons have to agree: the most of `now` (the policy) and earlier votes."""
    return max(now, *(vote.persons for vote in words), 1)


def release_log(station: StationContext, stop: Stop, *, by: str, reason: str) -> Outcome | None:
    """Record the vote of `by` to release the log; None while another person has to agree.

    The daemon seals and sends the log. A log is free text, so it needs two persons where outputs of
    high risk do; a policy that has come to require fewer does not complete an earlier vote. The act
    is logged before it is done.

    Raises StationError: ``log-missing``; ``log-unseen`` if `by` has not seen all of the present
    log, or the person before saw another; and as `require_releaser`, `make_vote` and `outcome_with`
    do.
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
    # The mark first: the daemon keeps a mark without a vote, and checks it again.
    _mark(station.folder, stop)
    return add_vote(stop, LOG, vote, persons)


def require_same_log(words: Sequence[Vote], seen: str) -> None:
    """Raise StationError (``log-unseen``) if a vote of `words` is on another log than `seen`."""
    for vote in words:
        if vote.seen != seen:
            raise StationError(
                f"The log has changed since {vote.by} released it: it does not leave the station.",
                "Look into the station's disk.",
                code="log-unseen",
            )


def marks_of(folder: StationFolder) -> Path:
    """Return the folder with an empty file for each stop whose log is to be sent."""
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
    """Return the whole error as the run recorded it; its content is untrusted."""
    path = stop.operator / "run.json"
    try:
        content = strict_json.parse(path.read_bytes(), limit=MAX_RECORD_BYTES)
    except (AirlockError, FileNotFoundError):
        return {}
    error = content.get("error") if isinstance(content, dict) else None
    return error if isinstance(error, dict) else {}
