"""State of one console: its station, its sessions, its identity provider and its address."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from phtlab.errors import StationError
from phtlab.station.console.oidc import Provider
from phtlab.station.console.sessions import Sessions
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.people import People, load_people
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop


@dataclass(frozen=True)
class Console:
    """What the routes work with. They read people, policy and data sets again at each request.

    The console has no key: people's decisions are written into the folder, and the daemon signs
    them.
    """

    station: StationContext
    address: str
    port: int
    sessions: Sessions = field(repr=False)
    provider: Provider | None = field(default=None, repr=False)
    closing: threading.Event = field(default_factory=threading.Event, repr=False)

    @classmethod
    def of(cls, station: StationContext, *, port: int | None = None) -> Console:
        """Create the console of `station` from its `people.toml`, or on another `port`.

        Raises SettingsError.
        """
        people = load_people(station.folder)
        settings = people.console
        sessions = Sessions(
            timedelta(seconds=settings.idle), timedelta(seconds=settings.longest), station.now
        )
        console = cls(station, settings.address, port or settings.port, sessions)
        if people.oidc is None:
            return console
        callback = f"{console.home}login/oidc/callback"
        provider = Provider(people.oidc, station.folder.path, callback, station.now)
        return replace(console, provider=provider)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names that browsers may use: its address, and `localhost` through a tunnel."""
        return (f"{self.address}:{self.port}", f"localhost:{self.port}")

    @property
    def home(self) -> str:
        return f"http://{self.address}:{self.port}/"

    def people(self) -> People:
        return load_people(self.station.folder)

    def stop(self, journey: str) -> Stop:
        """Return a journey's stop by its full digest in hex, whose form callers have checked.

        Raises StationError (``stop-unknown``).
        """
        stop = self.station.stops.stop(journey)
        if stop.has(Marker.OFFER):
            return stop
        raise StationError(
            "There is no such journey at this station.",
            "The page 'Journeys' lists all.",
            code="stop-unknown",
        )


def console_of(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


ConsoleOf = Annotated[Console, Depends(console_of)]
