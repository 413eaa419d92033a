"""View of what waits for a decision at this station: one entry each, longest wait first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from phtlab.errors import PhtlabError
from phtlab.governance.risk import Risk
from phtlab.station.approvals import decisions
from phtlab.station.approvals.coverage import assessed
from phtlab.station.approvals.journey_counts import known_images
from phtlab.station.approvals.proposal_limits import crowded_researchers
from phtlab.station.context.station_context import StationContext
from phtlab.station.release import held_outputs
from phtlab.station.settings.people import Role


@dataclass(frozen=True)
class InboxItem:
    """One waiting entry. The button `does` leads to `path`, for people with the role `role`.

    `approvers` have approved already, of the `persons` that are needed.
    """

    kind: Literal["proposal", "train", "output"]
    title: str
    detail: str
    since: datetime
    path: str
    does: str
    role: Role
    risk: Risk | None = None
    approvers: tuple[str, ...] = ()
    persons: int = 1


@dataclass(frozen=True)
class Inbox:
    """All waiting entries. `troubles` are sentences that say why some may be missing."""

    waiting: tuple[InboxItem, ...]
    troubles: tuple[str, ...]


def inbox(station: StationContext) -> Inbox:
    """List all that waits, oldest first."""
    found: list[InboxItem] = []
    troubles: list[str] = []
    for source in _SOURCES:
        try:
            found += source(station)
        except PhtlabError as error:
            troubles.append(str(error))
    troubles += crowded_researchers(station)
    return Inbox(tuple(sorted(found, key=lambda item: item.since)), tuple(troubles))


def _decisions(station: StationContext) -> Iterator[InboxItem]:
    for decision in decisions.pending(station):
        proposal = decision.kind == "proposal"
        hex_ = decision.id.removeprefix("sha256:")
        yield InboxItem(
            kind="proposal" if proposal else "train",
            title=decision.title,
            detail=", ".join(
                [
                    f"of {decision.researcher}",
                    *([] if proposal else [f"journey {hex_[:12]}"]),
                    *([decision.route] if decision.route else []),
                ]
            ),
            since=decision.since,
            path=f"/proposals/{decision.id}" if proposal else f"/review/{hex_}",
            does="Review",
            role="reviewer",
            risk=decision.risk,
            approvers=decision.approvers,
            persons=decision.persons,
        )


def _outputs(station: StationContext) -> Iterator[InboxItem]:
    known = known_images(station.stops.path)
    for held in held_outputs.held_stops(station):
        risk = assessed(held.stop.verified_offer(), station, known).risk
        for output in held.undecided:
            yield InboxItem(
                kind="output",
                title=output.name,
                detail=f"{output.verdict.rule}, from {held.train} of {held.researcher}",
                since=held.since,
                path=f"/outputs/{held.stop.hex}/{output.name}",
                does="Look",
                role="releaser",
                risk=risk,
                persons=held.waiting.persons,
            )


_SOURCES: Final[tuple[Callable[[StationContext], Iterator[InboxItem]], ...]] = (
    _decisions,
    _outputs,
)
