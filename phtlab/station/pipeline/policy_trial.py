"""Trial of a new policy on past journeys, and putting a policy in force.

The trial replays only the policy's decisions on trains and orders that were verified when they
arrived; it does not verify their signatures, the roster and the approvals again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from phtlab.errors import PolicyError, StationError
from phtlab.files.durable_file import write_durably
from phtlab.governance.risk import Risk
from phtlab.station.approvals.coverage import assessed
from phtlab.station.approvals.journey_counts import known_images
from phtlab.station.context.station_context import StationContext
from phtlab.station.data.datasets import load_datasets
from phtlab.station.policy.policy import Decision, Policy, decide, parse_policy
from phtlab.station.release.airlock_replay import AirlockReplay, replay_airlock
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.route_view import RouteView, route_view
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import digest

MOST = 500


@dataclass(frozen=True)
class Replayed:
    """A past journey, and how each policy decides on it."""

    journey: str
    name: str
    researcher: str
    risk: Risk
    route: RouteView
    before: Decision | None
    after: Decision
    airlock: AirlockReplay

    @property
    def changes(self) -> bool:
        """Whether the decision changes beyond its text; False if the policy in force is invalid."""
        if self.before is None:
            return False
        changed = (self.before.verdict, self.before.code) != (self.after.verdict, self.after.code)
        return changed or bool(self.airlock.changes)


@dataclass(frozen=True)
class PolicyTrial:
    """What a new policy would have done. `left_out` counts older, unreplayed journeys."""

    journeys: tuple[Replayed, ...]
    left_out: int = 0

    @property
    def changed(self) -> tuple[Replayed, ...]:
        return tuple(journey for journey in self.journeys if journey.changes)

    @property
    def outputs(self) -> int:
        """Number of outputs on which the airlock was replayed."""
        return sum(journey.airlock.replayed for journey in self.journeys)

    @property
    def lost(self) -> int:
        """Number of outputs not replayed, since their released content is not stored."""
        return sum(journey.airlock.lost for journey in self.journeys)


def current_text(station: StationContext) -> str:
    """Return the text of the policy in force; empty if there is none."""
    try:
        return station.folder.policy.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def try_policy(station: StationContext, text: str) -> PolicyTrial:
    """Replay the newest journeys under the policy `text`, newest first.

    Raises PolicyError (``policy-invalid``) if `text` is not a valid policy.
    """
    new = parse_policy(text)
    try:
        old = parse_policy(current_text(station))
    except PolicyError:
        old = None
    present = load_datasets(station.folder)
    known = known_images(station.stops.path)
    stops = [stop for stop in station.stops if stop.has(Marker.VERIFIED)]
    stops.sort(key=lambda stop: stop.path.stat().st_mtime, reverse=True)
    found = tuple(_replayed(stops[:MOST], old, new, station, present, known))
    return PolicyTrial(found, max(0, len(stops) - MOST))


def put_in_force(station: StationContext, text: str, *, by: str, instead_of: str) -> Policy:
    """Put `text` in force from the next order on. `instead_of` names the policy that `by` saw.

    Raises PolicyError (``policy-invalid``), or StationError (``policy-changed``) if another policy
    is in force by now.
    """
    policy = parse_policy(text)
    if named(current_text(station)) != instead_of:
        raise StationError(
            "The policy was changed meanwhile, by someone else or in its file.",
            "Nothing was written: load the page again, and make your change there.",
            code="policy-changed",
        )
    content = text if text.endswith("\n") else text + "\n"
    # Log the change before it takes effect.
    station.audit.append(
        actor=by, action="policy-changed", subject="policy.toml", digest=named(content)
    )
    write_durably(station.folder.policy, content.encode())
    return policy


def named(text: str) -> str:
    """Return the name of a policy's text: its digest."""
    return digest(text.encode())


def _replayed(
    stops: list[Stop],
    old: Policy | None,
    new: Policy,
    station: StationContext,
    present: Collection[str],
    known: Collection[str],
) -> Iterator[Replayed]:
    for stop in stops:
        try:
            offer = stop.verified_offer()
        except StationError:
            continue  # 'Journeys' reports that it is broken
        manifest = offer.train.manifest
        # A train cannot make its own image known: only admission does that.
        risk = assessed(offer, station, known).risk

        def decision_of(
            policy: Policy, offer: VerifiedOffer = offer, risk: Risk = risk
        ) -> Decision:
            return decide(
                policy,
                offer.order,
                offer.train,
                researcher=offer.researcher,
                station=station.name,
                present=present,
                risk=risk,
            )

        airlock = replay_airlock(
            stop,
            manifest.outputs,
            station.folder.released,
            old.airlock if old else None,
            new.airlock,
        )
        yield Replayed(
            journey=stop.hex,
            name=manifest.name,
            researcher=offer.researcher,
            risk=risk,
            route=route_view(offer, station.name),
            before=decision_of(old) if old else None,
            after=decision_of(new),
            airlock=airlock,
        )
