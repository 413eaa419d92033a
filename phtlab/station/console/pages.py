"""Rendering of pages and their parts from templates, escaping all text that others wrote.

The templates have no inline scripts or styles: the Content-Security-Policy forbids them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from phtlab.errors import PhtlabError
from phtlab.printable import escaped, escaped_lines
from phtlab.station.console.access import Worker, worker_of
from phtlab.station.console.console import Console
from phtlab.station.console.views.inbox import inbox
from phtlab.station.context.maintenance import closed
from phtlab.station.daemon.lock import daemon_runs
from phtlab.station.release.amounts import size_text
from phtlab.station.stops.route_view import ordinal

TEMPLATES: Final = Path(__file__).parent / "templates"
NAVIGATION: Final = (
    ("Inbox", "/"),
    ("Journeys", "/journeys"),
    ("What left", "/amounts"),
    ("Data sets", "/datasets"),
    ("Approvals", "/approvals"),
    ("Policy", "/policy"),
    ("Keys", "/keys"),
    ("Health", "/health"),
    ("Audit", "/audit"),
)
_LONGEST: Final = 120


class PageRenderer:
    """Renderer for all templates of one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "shown": shown,
            "lines": escaped_lines,
            "since": self._since,
            "waits": self._waits,
            "when": when,
            "exactly": exactly,
            "short": short,
            "ordinal": ordinal,
            "number": number,
            "mib": mib,
            "size": size_text,
            "count": count,
        }
        self._templates.globals |= {"navigation": NAVIGATION}

    def page(
        self, name: str, worker: Worker, *, location: str, status: int = 200, **values: Any
    ) -> Response:
        """Render the page of template `name`; `location` is its entry in the navigation."""
        messages, worker.session.messages[:] = list(worker.session.messages), []
        return self._answer(
            name,
            status,
            location=location,
            worker=worker,
            csrf=worker.session.csrf,
            messages=messages,
            state=self._state(),
            running=daemon_runs(self.console.station.folder),
            count=len(inbox(self.console.station).waiting),
            **values,
        )

    def part(self, name: str, worker: Worker, status: int = 200, **values: Any) -> Response:
        """Render a part of a page, for htmx to swap in."""
        return self._answer(name, status, worker=worker, csrf=worker.session.csrf, **values)

    def render(self, name: str, **values: Any) -> str:
        return self._templates.get_template(name).render(
            station=self.console.station.name, **values
        )

    def live(self, path: str, name: str, **values: Any) -> Markup:
        """Render template `name` as a part that updates itself from the event stream at `path`."""
        inner = self.render(name, **values)
        return Markup('<div class="live" hx-sse:connect="{}?seen={}" hx-swap="innerMorph">').format(
            path, stamp(inner)
        ) + Markup(inner + "</div>")  # noqa: S704 (a template's)

    def open_page(self, name: str, status: int = 200, **values: Any) -> Response:
        """Render a page for a person who is not logged in."""
        return self._answer(name, status, worker=None, **values)

    def refusal(self, request: Request, error: PhtlabError, status: int) -> Response:
        """Render `error` as a page, or as a part of one if htmx sent the request."""
        if "hx-request" in request.headers:
            return self._answer("parts/refusal.html", status, error=error)
        try:
            worker = worker_of(request, self.console)
        except PhtlabError:
            worker = None
        if worker is None:
            return self._answer(
                "login.html",
                status,
                worker=None,
                error=error,
                oidc=self.console.provider is not None,
            )
        return self.page("refusal.html", worker, location="", status=status, error=error)

    def _state(self) -> str:
        station = self.console.station
        try:
            paused = closed(station) is not None
        except PhtlabError:
            paused = True
        if not daemon_runs(station.folder):
            return "away"
        return "paused" if paused else "online"

    def _answer(self, name: str, status: int, **values: Any) -> Response:
        return HTMLResponse(self.render(name, **values), status)

    def _waits(self, moment: datetime) -> str:
        waiting_for = self._since(moment)
        return "just came" if waiting_for.startswith("under") else f"waits {waiting_for}"

    def _since(self, moment: datetime | str) -> str:
        return since(moment, self.console.station.now())


def pages_of(request: Request) -> PageRenderer:
    pages: PageRenderer = request.app.state.pages
    return pages


def redirect_to(path: str) -> Response:
    """Redirect to the page that shows the result of a form."""
    return HTMLResponse("", 303, {"Location": path})


def stamp(text: str) -> str:
    """Return a short hash that identifies a rendered part."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def shown(text: object) -> str:
    """Shorten text by others for display, and escape its control and bidirectional characters."""
    plain = str(text)
    return escaped(plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…")


def short(digest: str) -> str:
    """Return the first 12 characters of a digest."""
    return digest.removeprefix("sha256:")[:12]


def number(value: object) -> str:
    """Format a number as a person writes it: 18, not 18.0."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def count(value: int) -> str:
    """Format a count with thousands separators: 100,000."""
    return f"{value:,}"


def mib(size: int) -> str:
    """Format bytes of memory in MiB or GiB."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def when(moment: datetime | str) -> str:
    return _moment(moment).strftime("%Y-%m-%d %H:%M UTC")


def exactly(moment: datetime | str) -> str:
    return _moment(moment).strftime("%Y-%m-%d %H:%M:%S UTC")


def since(moment: datetime | str, now: datetime) -> str:
    """Format the time since `moment` in one unit, with minutes as the finest."""
    seconds = max(0.0, (now - _moment(moment)).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "under 1 min"


def _moment(moment: datetime | str) -> datetime:
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    try:
        return value.astimezone(UTC)
    except OverflowError:
        # In the years 1 and 9999 the moment may not exist in UTC: show it unconverted.
        return value.replace(tzinfo=UTC)
