"""Transition table of a stop: what the daemon does next, by the newest file of its folder.

`Transitions` executes the transitions; `docs/reference/stops.md` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop


@dataclass(frozen=True)
class Transition:
    """The step that follows once `after` exists, and no `after` of an earlier table row does.

    `writes` are the markers that it may write. It `may_lapse` if an admitted stop ends instead,
    because its order expired or its approval is no longer active.
    """

    after: Marker
    does: str
    writes: tuple[Marker, ...]
    may_lapse: bool = True


TRANSITIONS: Final = (
    Transition(Marker.RECORD, "send the record to central", (Marker.REPORTED,), may_lapse=False),
    Transition(
        Marker.ENDING, "sign a record of how the stop ended", (Marker.RECORD,), may_lapse=False
    ),
    # Before cancellations are checked: cargo in the registry always gets a record.
    Transition(
        Marker.PUSHED, "sign a record that the cargo departed", (Marker.RECORD,), may_lapse=False
    ),
    Transition(Marker.CANCEL, "end the stop as cancelled", (Marker.ENDING,), may_lapse=False),
    Transition(Marker.SEALED, "push the cargo into the registry", (Marker.PUSHED,)),
    Transition(Marker.RELEASE, "seal the released outputs", (Marker.SEALED, Marker.ENDING)),
    Transition(Marker.AIRLOCK_HELD, "count the votes on held outputs", (Marker.RELEASE,)),
    Transition(
        Marker.OUTCOME,
        "check the outputs, and seal those that may leave",
        (Marker.SEALED, Marker.AIRLOCK_HELD, Marker.ENDING),
    ),
    Transition(
        Marker.STARTING,
        "start the run once, monitor it, and record its end",
        (Marker.STARTED, Marker.STOPPING, Marker.OUTCOME, Marker.ENDING),
    ),
    Transition(Marker.ADMITTED, "wait for a free slot", (Marker.STARTING,)),
    Transition(
        Marker.VERIFIED,
        "decide by policy and approvals whether the train may run",
        (Marker.HELD, Marker.ADMITTED, Marker.ENDING),
        may_lapse=False,
    ),
    Transition(
        Marker.OFFER,
        "verify the train and the order",
        (Marker.VERIFIED, Marker.ENDING),
        may_lapse=False,
    ),
)


def next_transition(stop: Stop) -> Transition:
    """Return the next transition of a stop whose record central does not have yet."""
    return next(t for t in TRANSITIONS if t.after is Marker.OFFER or stop.has(t.after))
