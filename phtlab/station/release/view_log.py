"""Who looked at what of a stop, and at what exactly: each person lets go only what they saw whole.

One file a person and thing, replaced by that person's next look.
"""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from phtlab.station.stops.file_contents import ReviewView
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.stop_files import StopFile
from phtlab.train.canonical import digest

_VIEW: Final = TypeAdapter(ReviewView)


def note_view(stop: Stop, what: str, *, by: str, seen: str) -> None:
    """`by` was shown all of `what`, an output or the log, whose digest is `seen`."""
    stop.write(_view_file(what, by), ReviewView(by=by, digest=seen))


def has_viewed(stop: Stop, what: str, *, by: str, seen: str) -> bool:
    """Whether `by` looked at all of it, and it is the same still."""
    file = _view_file(what, by)
    if not stop.path_of(file.name).exists():
        return False
    view = stop.read(file)
    return view.by == by and view.digest == seen


def _view_file(what: str, by: str) -> StopFile[ReviewView]:
    # By a digest: whoever looks may have any name.
    return StopFile(f"looked-{what}-{digest(by.encode())[-16:]}", _VIEW)
