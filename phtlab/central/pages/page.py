"""Rendering of central's pages: templates that escape, headers that block foreign content."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from phtlab.central.problems import status_of
from phtlab.errors import PhtlabError
from phtlab.printable import escaped, escaped_lines

TEMPLATES: Final = Path(__file__).parent / "templates"
LONGEST: Final = 100
_DIGEST: Final = re.compile(r"(sha256:[0-9a-f]{64})")


class PageRenderer:
    """Renderer of the pages under the path `home`."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["shown"] = shown
        self._templates.filters["pieces"] = pieces

    def page(
        self, name: str, status: int = 200, *, forms: bool = False, **values: object
    ) -> Response:
        """Render the template `name`; only with `forms` may a page submit forms, to central."""
        text = self._templates.get_template(name).render(home=self._home, **values)
        return Response(text, status, headers(forms), media_type="text/html; charset=utf-8")

    def route(self) -> type[APIRoute]:
        """Return a route class that shows refusals as pages."""
        page = self.page

        class Page(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def readable(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except PhtlabError as error:
                        return page("refusal.html", status_of(error), error=error)

                return readable

        return Page


def headers(forms: bool = False) -> dict[str, str]:
    """Return headers: own styles only, no frames, no caching; forms to central with `forms`."""
    action = "'self'" if forms else "'none'"
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
        f"form-action {action}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


def shown(text: str) -> str:
    """Shorten and escape a name that somebody else chose, so that it cannot reverse text."""
    return escaped(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Split and escape text that somebody else wrote; yield whether each piece is a digest."""
    for number, piece in enumerate(_DIGEST.split(escaped_lines(text))):
        yield number % 2 == 1, piece


def since(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was, in words."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"
