"""The transitions of a stop: what a daemon does next, by the newest file of its folder.

`Transitions` takes them; `docs/reference/stops.md` draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop


@dataclass(frozen=True)
class Transition:
    """What follows once `after` is there, and nothing that stands before it in the table is.

    `writes` are the markers that it may come to. It `may_lapse` if a stop that was admitted ends
    instead because its order expired or its approval does not hold any more.
    """

    after: Marker
    does: str
    writes: tuple[Marker, ...]
    may_lapse: bool = True


TRANSITIONS: Final = (
    Transition(Marker.RECORD, "send the record to central", (Marker.REPORTED,), may_lapse=False),
    Transition(Marker.ENDING, "sign how it ended", (Marker.RECORD,), may_lapse=False),
    # Before a cancellation is looked for: no cargo lies in the registry without its record.
    Transition(Marker.PUSHED, "sign that it departed", (Marker.RECORD,), may_lapse=False),
    Transition(Marker.CANCEL, "end it as cancelled", (Marker.ENDING,), may_lapse=False),
    Transition(Marker.SEALED, "push the cargo into the registry", (Marker.PUSHED,)),
    Transition(Marker.RELEASE, "seal what people released", (Marker.SEALED, Marker.ENDING)),
    Transition(Marker.AIRLOCK_HELD, "count the votes on held outputs", (Marker.RELEASE,)),
    Transition(
        Marker.OUTCOME,
        "check the outputs, and seal what may leave",
        (Marker.SEALED, Marker.AIRLOCK_HELD, Marker.ENDING),
    ),
    Transition(
        Marker.STARTING,
        "start the run once, watch it, and note its end",
        (Marker.STARTED, Marker.STOPPING, Marker.OUTCOME, Marker.ENDING),
    ),
    Transition(Marker.ADMITTED, "wait for a free slot", (Marker.STARTING,)),
    Transition(
        Marker.VERIFIED,
        "decide by policy and approvals whether it may run",
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
    """The transition that comes next for a stop whose record central does not have yet."""
    return next(t for t in TRANSITIONS if t.after is Marker.OFFER or stop.has(t.after))
