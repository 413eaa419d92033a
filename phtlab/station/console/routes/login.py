"""Logging in by a one-time link, and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from phtlab.station.console.access import Reader, cookie_name
from phtlab.station.console.console import Console, ConsoleOf
from phtlab.station.console.pages import go, pages_of
from phtlab.station.console.refusals import RESPONSES, unknown
from phtlab.station.console.sessions import use_link
from phtlab.station.console.static import STATIC

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

Secret = Annotated[str, Form(max_length=200)]


@router.get("/login", summary="Log in")
def login_page(
    request: Request, console: ConsoleOf, link: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Asks for a click before a link counts: whatever looks at links beforehand uses none up."""
    return pages_of(request).open_page(
        "login.html", link=link, error=None, oidc=console.people().oidc is not None
    )


@router.post("/login", summary="Log in by a one-time link", status_code=303)
def login(request: Request, console: ConsoleOf, link: Secret) -> Response:
    """Uses the link up, ends the session that the browser had, and begins another."""
    person = use_link(console.station.folder, link, console.station.now())
    console.people().person(person)
    return logged_in(request, console, person, "link", go("/"))


@router.post("/logout", summary="Log out", status_code=303)
def logout(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """Ends the session here and in the browser."""
    console.sessions.end(request.cookies.get(cookie_name(console.port), ""))
    answer = go("/login")
    answer.delete_cookie(cookie_name(console.port), httponly=True, samesite="strict")
    return answer


@router.get("/static/{name}", summary="Style and scripts", response_class=FileResponse)
def static(name: str) -> Response:
    """Open to all: the same for every station."""
    if name not in STATIC:
        raise unknown("The console has no such file.")
    path, kind = STATIC[name]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "max-age=600"})


def logged_in(
    request: Request, console: Console, person: str, by: str, answer: Response
) -> Response:
    """`answer` with a new session's cookie; it goes to no script and with no other page's link."""
    console.sessions.end(request.cookies.get(cookie_name(console.port), ""))
    secret, _ = console.sessions.begin(person, by)
    answer.set_cookie(cookie_name(console.port), secret, httponly=True, samesite="strict")
    return answer
