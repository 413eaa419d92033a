"""Who looked at what of a stop, and at what exactly: each person lets go only what they saw whole.

One file a person and thing, replaced by that person's next look.
"""

from __future__ import annotations

from phtlab.station.stops.stop import Stop, now_text
from phtlab.train.canonical import digest


def note_look(stop: Stop, what: str, *, by: str, seen: str) -> None:
    """`by` was shown all of `what`, an output or the log, whose digest is `seen`."""
    stop.write(_name(what, by), {"by": by, "digest": seen, "at": now_text()})


def has_looked(stop: Stop, what: str, *, by: str, seen: str) -> bool:
    """Whether `by` looked at all of it, and it is the same still."""
    name = _name(what, by)
    if not stop.has(name):
        return False
    look = stop.read(name)
    return bool(look["by"] == by and look["digest"] == seen)


def _name(what: str, by: str) -> str:
    # By a digest: whoever looks may have any name.
    return f"looked-{what}-{digest(by.encode())[-16:]}"
