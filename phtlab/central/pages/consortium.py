"""Values for the template of the consortium's page, for one hub user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from phtlab.central.api.access import Requester
from phtlab.central.context import CentralContext
from phtlab.central.delivery.preferences import notifications_of
from phtlab.central.governance.proposals import visible_proposals
from phtlab.central.hub.users import DISPATCH, GOVERN, OPERATE, READ, TEACH
from phtlab.central.journeys.journeys import visible_journeys
from phtlab.central.journeys.stations import stations_of
from phtlab.central.pages.page import since
from phtlab.central.roster.publication import Published
from phtlab.errors import RosterError
from phtlab.wire.api.governance import ProposalSummary
from phtlab.wire.api.journeys import JourneyView, StationView
from phtlab.wire.proposal_words import mark_of

_JOURNEYS: Final = 20
_PROPOSALS: Final = 5
# States that a list shows as "at work"; docs/outcomes.md has all states.
_WORKING: Final = frozenset({"running", "airlock", "sealed"})


@dataclass(frozen=True)
class JourneyLine:
    """A journey of the member, as a line of text."""

    id: str
    train: str
    researcher: str
    submitted: datetime
    words: str
    mark: str


@dataclass(frozen=True)
class ConsortiumView:
    """Values of the page. `published` is None without a publication or without scope read."""

    consortium: str
    user: str
    member: bool
    hub_url: str
    now: datetime
    reads: bool
    published: Published | None
    stations: tuple[StationView, ...] = ()
    journeys: tuple[JourneyLine, ...] = ()
    proposals: tuple[ProposalSummary, ...] = ()
    sends: bool = False
    operates: bool = False
    governs: bool = False
    teaches: bool = False
    unread: int = 0
    mark = staticmethod(mark_of)

    @property
    def officers(self) -> tuple[str, ...]:
        roster = self.published.roster if self.published else None
        return tuple(member.name for member in roster.with_role("officer")) if roster else ()

    @property
    def expires_soon(self) -> bool:
        """Whether the officers should sign again: in two days, no station runs anything."""
        return bool(self.published and self.published.expires - self.now < timedelta(days=2))

    def since(self, moment: datetime | None) -> str:
        """Return how long ago `moment` was, in words."""
        return "never seen" if moment is None else since(moment, self.now)


def consortium_view(services: CentralContext, sender: Requester) -> ConsortiumView:
    """Build the page with what `sender` may see now."""
    try:
        published = services.publication.current()
    except RosterError:
        published = None
    reads = sender.may(READ)
    stations: tuple[StationView, ...] = ()
    journeys: tuple[JourneyLine, ...] = ()
    proposals: tuple[ProposalSummary, ...] = ()
    unread = 0
    if published is not None and reads:
        with services.database.read() as session:
            stations = stations_of(session, published.roster, services.clock(), services.online)
            if sender.member is not None:
                page = visible_journeys(session, sender.member, _JOURNEYS, None)
                journeys = tuple(map(_line, page.journeys))
                proposals = visible_proposals(
                    session,
                    sender.member,
                    published.roster,
                    services.clock(),
                    limit=_PROPOSALS,
                ).proposals
                unread = notifications_of(session, services, sender.name).unread
    return ConsortiumView(
        consortium=services.settings.name,
        user=sender.name,
        member=sender.member is not None,
        hub_url=services.settings.hub_url,
        now=services.clock(),
        reads=reads,
        published=published if reads else None,
        stations=stations,
        journeys=journeys,
        proposals=proposals,
        sends=sender.may(DISPATCH),
        operates=sender.may(OPERATE),
        governs=sender.may(GOVERN),
        teaches=sender.may(TEACH),
        unread=unread,
    )


def _line(journey: JourneyView) -> JourneyLine:
    states = [stop.state for stop in journey.stops]
    departed = states.count("departed")
    words = f"{departed} of {len(states)} departed"
    if journey.done:
        others = sorted({state for state in states if state != "departed"})
        words = "departed everywhere" if not others else f"{words}, else {', '.join(others)}"
    elif working := sum(state in _WORKING for state in states):
        words += f", {working} at work"
    mark = "✓" if departed == len(states) else "✗" if journey.done else "…"
    return JourneyLine(
        id=journey.id,
        train=journey.train_name,
        researcher=journey.researcher,
        submitted=journey.submitted,
        words=words,
        mark=mark,
    )
