"""Record of who viewed which content of a stop: a person releases only what they saw in full.

One file for each person and output (or log), replaced at that person's next view.
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
    """Record that `by` saw all of `what`, an output or the log, whose digest is `seen`."""
    stop.write(_view_file(what, by), ReviewView(by=by, digest=seen))


def has_viewed(stop: Stop, what: str, *, by: str, seen: str) -> bool:
    """Return whether `by` saw all of `what` with the digest `seen`."""
    file = _view_file(what, by)
    if not stop.path_of(file.name).exists():
        return False
    view = stop.read(file)
    return view.by == by and view.digest == seen


def _view_file(what: str, by: str) -> StopFile[ReviewView]:
    # A digest, since the person's name may have any characters.
    return StopFile(f"looked-{what}-{digest(by.encode())[-16:]}", _VIEW)
