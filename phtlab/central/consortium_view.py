"""What the page shows to one hub user: values for its template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from phtlab.central.access import Sender
from phtlab.central.hub import DISPATCH, GOVERN, OPERATE, READ, TEACH
from phtlab.central.journeys import visible_journeys
from phtlab.central.publication import Published
from phtlab.central.services import Services
from phtlab.central.stations import stations_of
from phtlab.errors import RosterError
from phtlab.wire.api import JourneyView, StationView

_JOURNEYS: Final = 20
# What a state means to someone who looks at a list; docs/outcomes.md has them all.
_WORKING: Final = frozenset({"running", "airlock", "sealed"})


@dataclass(frozen=True)
class JourneyLine:
    """One of one's journeys, in words."""

    id: str
    train: str
    researcher: str
    submitted: datetime
    words: str
    mark: str


@dataclass(frozen=True)
class ConsortiumView:
    """Everything on the page. `published` is None before the officers' first publication."""

    consortium: str
    user: str
    member: bool
    hub_url: str
    now: datetime
    reads: bool
    published: Published | None
    stations: tuple[StationView, ...] = ()
    journeys: tuple[JourneyLine, ...] = ()
    sends: bool = False
    operates: bool = False
    governs: bool = False
    teaches: bool = False

    @property
    def officers(self) -> tuple[str, ...]:
        roster = self.published.roster if self.published else None
        return tuple(member.name for member in roster.with_role("officer")) if roster else ()

    @property
    def expires_soon(self) -> bool:
        """Whether the officers should sign again: within two days nobody runs anything."""
        return bool(self.published and self.published.expires - self.now < timedelta(days=2))

    def since(self, moment: datetime | None) -> str:
        """How long ago, as people say it."""
        if moment is None:
            return "never seen"
        seconds = max(0, int((self.now - moment).total_seconds()))
        for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
            if seconds >= size:
                number = seconds // size
                return f"{number} {word}{'' if number == 1 else 's'} ago"
        return "just now"


def consortium_view(services: Services, sender: Sender) -> ConsortiumView:
    """What `sender` may see now."""
    try:
        published = services.publication.current()
    except RosterError:
        published = None
    reads = sender.may(READ)
    stations: tuple[StationView, ...] = ()
    journeys: tuple[JourneyLine, ...] = ()
    if published is not None and reads:
        with services.database.read() as session:
            stations = stations_of(session, published.roster, services.clock(), services.online)
            if sender.member is not None:
                page = visible_journeys(session, sender.member, _JOURNEYS, None)
                journeys = tuple(map(_line, page.journeys))
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
        sends=sender.may(DISPATCH),
        operates=sender.may(OPERATE),
        governs=sender.may(GOVERN),
        teaches=sender.may(TEACH),
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
