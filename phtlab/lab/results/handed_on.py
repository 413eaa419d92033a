"""Outputs that stations of a sequential route hand on to the next station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from phtlab.train.documents.manifest import OutputTarget, TrainManifest
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord


@dataclass(frozen=True)
class RouteEnd:
    """The last `station` of a sequential route, and the `outputs` that only it sends.

    The other stations hand these on.
    """

    station: str
    outputs: frozenset[str]

    def sends(self, station: str, output: str) -> bool:
        """Whether `station` sends `output` to the recipients, if it departs."""
        return station == self.station or output not in self.outputs


def route_end(manifest: TrainManifest, order: Order) -> RouteEnd | None:
    """Return the end of the route of `order`; None if the route is not sequential."""
    if order.route != "sequential":
        return None
    only_next = {o.name for o in manifest.outputs if o.to is OutputTarget.NEXT}
    return RouteEnd(order.stations[-1], frozenset(only_next))


def handed_on_by(
    record: StopRecord, manifest: TrainManifest, order: Order, *, twin: bool
) -> Mapping[str, str | None]:
    """Map each output that a departed stop handed on to the next station.

    At a `twin`, map each output that would be handed on to None.
    """
    following = order.next_after(record.station)
    if following is None and not twin:
        return {}
    declared = {output.name for output in manifest.handed_on}
    left = [verdict.name for verdict in record.outputs if verdict.verdict != "refused"]
    return {name: following for name in left if name in declared}


def handed_on_text(station: str | None) -> str:
    """Say that an output was handed on to `station`; None for a dry run."""
    return f"handed on to {station}" if station else "would be handed on to the next station"
