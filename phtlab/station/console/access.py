"""Authentication and authorisation of requests: one FastAPI dependency per required role.

============  ====================================================
dependency    requires
============  ====================================================
`Reader`      a person who is logged in and still in `people.toml`
`Reviewer`    the role reviewer
`Releaser`    the role releaser
`Admin`       the role admin
============  ====================================================

A route without one of these is open to all. A request that changes something also needs the
session's CSRF token, in the form's field `csrf` or the header `X-CSRF-Token`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request

from phtlab.errors import StationError
from phtlab.station.console.console import ConsoleOf
from phtlab.station.console.guard import SAFE
from phtlab.station.console.sessions import Session, is_ended
from phtlab.station.settings.people import Person, Role


@dataclass(frozen=True)
class Worker:
    """The person who is logged in and sends the request."""

    name: str
    person: Person
    session: Session = field(repr=False)

    def may(self, role: Role) -> bool:
        return self.person.may(role)

    def add_message(self, sentence: str) -> None:
        """Show `sentence` at the top of the next page."""
        self.session.messages.append(sentence)


def cookie_name(port: int) -> str:
    """Name of a console's session cookie: cookies do not tell ports apart (RFC 6265, 8.5)."""
    return f"phtlab-console-{port}"


def worker_of(request: Request, console: ConsoleOf, *, touch: bool = True) -> Worker | None:
    """Return who is logged in, or None. Raises SettingsError.

    Ends the session of a person who was removed: a person added later by that name is another.
    """
    secret = request.cookies.get(cookie_name(console.port), "")
    session = console.sessions.find(secret, touch=touch) if secret else None
    if session is None:
        return None
    person = console.people().people.get(session.person)
    if person is None or is_ended(console.station.folder, session):
        console.sessions.end(secret)
        return None
    return Worker(session.person, person, session)


async def require_csrf(request: Request, expected: str) -> None:
    """Raise StationError (``console-csrf``) unless the request has the token `expected`."""
    given = request.headers.get("x-csrf-token")
    if given is None:
        sent = (await request.form()).get("csrf")
        given = sent if isinstance(sent, str) else ""
    if not secrets.compare_digest(given.encode(), expected.encode()):
        raise StationError(
            "This form is not of your login any more.",
            "Load the page again, and send it anew.",
            code="console-csrf",
        )


def _of(role: Role) -> Callable[..., Awaitable[Worker]]:
    async def current_worker(request: Request, console: ConsoleOf) -> Worker:
        worker = worker_of(request, console)
        if worker is None:
            raise StationError(
                "You are not logged in, or your session has expired.",
                "Log in again.",
                code="console-login",
            )
        if request.method not in SAFE:
            await require_csrf(request, worker.session.csrf)
        if not worker.may(role):
            raise StationError(
                f"This needs the role '{role}', which {worker.name} does not have.",
                "Whoever owns the station's folder gives it: 'phtlab station people add'.",
                code="console-role",
            )
        return worker

    return current_worker


READER: Final = _of("reader")
REVIEWER: Final = _of("reviewer")
RELEASER: Final = _of("releaser")
ADMIN: Final = _of("admin")
TAKES: Final[dict[Callable[..., Awaitable[Worker]], Role]] = {
    READER: "reader",
    REVIEWER: "reviewer",
    RELEASER: "releaser",
    ADMIN: "admin",
}

Reader = Annotated[Worker, Depends(READER)]
Reviewer = Annotated[Worker, Depends(REVIEWER)]
Releaser = Annotated[Worker, Depends(RELEASER)]
Admin = Annotated[Worker, Depends(ADMIN)]
