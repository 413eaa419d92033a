"""A journey's route as this station sees it: what it receives, hands on, and to whom the rest goes.

All of it stands in the signed train and order, or in records that were verified on admission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from phtlab.errors import StationError
from phtlab.governance.rounds import combined_by, count
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import (
    DeclaredArray,
    OutputTarget,
    Received,
    Route,
    TrainManifest,
)
from phtlab.train.documents.order import OrderedRounds


@dataclass(frozen=True)
class ReceivedValue:
    """A value that the train's cells receive, and the limits that the train declares of it."""

    name: str
    kind: str
    limits: tuple[str, ...]

    @property
    def text(self) -> str:
        """``model (model; w: shape 3; numbers -1 to 1)``."""
        return f"{self.name} ({'; '.join((self.kind, *self.limits))})"


@dataclass(frozen=True)
class OutputDestination:
    """An output, and who gets it from this station."""

    name: str
    kind: str
    to: str


@dataclass(frozen=True)
class RouteView:
    """The route of a journey at one station. `number` counts its stations from 1.

    `sender` is the station that hands `received` on to this one; "" at the start of a route, where
    the cells take their defaults. `following` is the station that gets `handed_on`; "" at the end.
    `to_recipients` are the outputs that the `recipients` get from here. `continues` is the digest
    of the journey that this one continues, if any.
    """

    kind: Route
    stations: tuple[str, ...]
    station: str
    number: int
    sender: str
    received: tuple[ReceivedValue, ...]
    following: str
    handed_on: tuple[OutputDestination, ...]
    to_recipients: tuple[OutputDestination, ...]
    recipients: tuple[str, ...]
    continues: str | None
    rounds: OrderedRounds | None = None

    @property
    def is_sequential(self) -> bool:
        return self.kind == "sequential"

    @property
    def short(self) -> str:
        """A few words for a list: ``sequential, 2nd of 3``; "" for a parallel route."""
        if self.rounds is not None:
            return f"in {count(self.rounds.most, 'round')} at most"
        if not self.is_sequential:
            return ""
        continued = ", continued" if self.continues else ""
        return f"sequential, {ordinal(self.number)} of {len(self.stations)}{continued}"

    @property
    def forecast(self) -> str:
        """`short`, and what goes on to whom: ``sequential, 1st of 2, hands model on to ulm``."""
        if not self.handed_on:
            return self.short
        names = ", ".join(output.name for output in self.handed_on)
        return f"{self.short}, hands {names} on to {self.following}"

    @property
    def sentence(self) -> str:
        """The route in one line: ``sequential: a → b, this station (b) is 2nd of 2``."""
        if self.rounds is not None:
            by = combined_by(self.rounds.aggregator)
            most = count(self.rounds.most, "round")
            return f"rounds: {', '.join(self.stations)}, {most} at most, combined by {by}"
        if not self.is_sequential:
            return f"{self.kind}: {', '.join(self.stations)}, independent of each other"
        place = f"{ordinal(self.number)} of {len(self.stations)}"
        return f"sequential: {' → '.join(self.stations)}, this station ({self.station}) is {place}"

    @property
    def goes_to(self) -> dict[str, str]:
        """Who gets each output from this station, by its name."""
        return {output.name: output.to for output in (*self.to_recipients, *self.handed_on)}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield the route as lines for people, each with its heading."""
        yield "route", self.sentence
        if self.continues is not None:
            after = f", after its stop at {self.sender}" if self.number == 1 and self.sender else ""
            yield "continues", f"the journey {self.continues}{after}"
        if self.rounds is not None:
            yield from self._round_lines(self.rounds)
        if not self.is_sequential:
            return
        for value in self.received:
            yield (
                "receives",
                f"{value.text}, from {self.sender}"
                if self.sender
                else (f"nothing for {value.name}: its cells take their default"),
            )
        for output in self.handed_on:
            yield "hands on", f"{output.name} ({output.kind}), to {self.following}"
        for output in self.to_recipients:
            yield "releases", f"{output.name} ({output.kind}), to {', '.join(self.recipients)}"

    def _round_lines(self, rounds: OrderedRounds) -> Iterator[tuple[str, str]]:
        by = combined_by(rounds.aggregator)
        for value in self.received:
            yield "receives", f"{value.text}, in each round after the first, from {by}"
        for output in self.to_recipients:
            to = ", ".join(self.recipients)
            yield "releases", f"{output.name} ({output.kind}), in each round, to {to}"
        needed = f"{rounds.quorum} of {count(len(self.stations), 'station')}"
        yield "goes on", f"with {needed}, and without a station after {rounds.deadline:,} seconds"

    def as_json(self) -> dict[str, Any]:
        """Return the stable shape of the route in `--json` output."""
        rounds = self.rounds.model_dump(mode="json", exclude={"key"}) if self.rounds else None
        return {**asdict(self), "rounds": rounds, "sentence": self.sentence}


def route_of(stop: Stop, station: str) -> RouteView:
    """Return the route of a verified `stop` at `station`. Raises StationError if it is broken."""
    offer = stop.verified_offer()
    return route_view(offer, station, _sender(stop, offer))


def route_view(offer: VerifiedOffer, station: str, sender: str = "") -> RouteView:
    """Return the route of a verified journey at `station`, to which `sender` hands on."""
    manifest, order = offer.train.manifest, offer.order
    following = order.next_after(station) or ""
    if not sender and offer.previous is not None and order.stop_of(station) > 0:
        sender = order.stations[order.stop_of(station) - 1]
    handed_on = manifest.handed_on if following else ()
    to_recipients = [
        output for output in manifest.outputs if not following or output.to is not OutputTarget.NEXT
    ]
    recipients = ", ".join(order.recipients)
    return RouteView(
        kind=order.route,
        stations=order.stations,
        station=station,
        number=order.stop_of(station) + 1,
        sender=sender,
        received=tuple(_received(value, manifest) for value in manifest.received),
        following=following,
        handed_on=tuple(
            OutputDestination(
                output.name,
                output.kind,
                f"{following}, {recipients}" if output.to is OutputTarget.BOTH else following,
            )
            for output in handed_on
        ),
        to_recipients=tuple(
            OutputDestination(output.name, output.kind, recipients) for output in to_recipients
        ),
        recipients=order.recipients,
        continues=order.continues.journey if order.continues else None,
        rounds=order.rounds,
    )


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``11th``, ``23rd``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def received_text(received: Received, kind: str) -> tuple[str, ...]:
    """Return the limits of a received value as text: of its arrays, numbers and size."""
    limits = [] if kind == "scalar" else [_array_text(array) for array in received.arrays]
    if kind != "scalar" and not limits:
        limits = ["any shapes"]
    limits.append(_bounds_text(received))
    if received.size is not None:
        limits.append(f"at most {received.size:,} bytes")
    return tuple(limits)


def _sender(stop: Stop, offer: VerifiedOffer) -> str:
    """The station of the record that the stop goes on from; "" if it goes on from none."""
    if offer.previous is None:
        return ""
    offered = stop.offer()
    earlier = [record for journey in offered.continued for record in journey.records]
    for record in (*offered.previous, *earlier):
        if record.digest == offer.previous:
            return str(peek(record).predicate.get("station", ""))
    raise StationError(
        f"The stop {stop.hex[:12]} lacks the record that it goes on from.",
        "Its folder was changed: refuse it, and check the folder.",
        code="stop-broken",
    )


def _received(received: Received, manifest: TrainManifest) -> ReceivedValue:
    if manifest.rounds is not None:
        return ReceivedValue(received.name, "model", received_text(received, "model"))
    output = next((o for o in manifest.outputs if o.name == received.name), None)
    kind = "value" if output is None else output.kind
    return ReceivedValue(received.name, kind, received_text(received, kind))


def _array_text(array: DeclaredArray) -> str:
    shape = " × ".join(str(length or "any") for length in array.shape)
    return f"{array.name}: {f'shape {shape}' if shape else 'one number'}"


def _bounds_text(received: Received) -> str:
    if received.lowest is None and received.highest is None:
        return "any numbers"
    lowest, highest = (
        "any" if bound is None else repr(bound).removesuffix(".0")
        for bound in (received.lowest, received.highest)
    )
    return f"numbers {lowest} to {highest}"
