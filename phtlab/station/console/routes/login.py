"""Login by a one-time link or at an identity provider, and logout."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from phtlab.station.console.access import Reader, cookie_name
from phtlab.station.console.console import Console, ConsoleOf
from phtlab.station.console.oidc import refused
from phtlab.station.console.pages import pages_of, redirect_to, shown
from phtlab.station.console.refusals import RESPONSES, unknown
from phtlab.station.console.sessions import use_link
from phtlab.station.console.static import STATIC

router = APIRouter(responses=RESPONSES, default_response_class=HTMLResponse)

_OIDC = "/login/oidc"

Secret = Annotated[str, Form(max_length=200)]


@router.get("/login", summary="Log in")
def login_page(
    request: Request, console: ConsoleOf, link: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Ask for a click before a link is used, so that link previews do not use it up."""
    return pages_of(request).open_page(
        "login.html", link=link, error=None, oidc=console.provider is not None
    )


@router.post("/login", summary="Log in by a one-time link", status_code=303)
def login(request: Request, console: ConsoleOf, link: Secret) -> Response:
    """Use up the link, end the browser's session if any, and begin a new one."""
    person = use_link(console.station.folder, link, console.station.now())
    console.people().person(person)
    return logged_in(request, console, person, "link", redirect_to("/"))


@router.get("/login/oidc", summary="Log in at the identity provider", status_code=302)
def oidc(console: ConsoleOf) -> Response:
    """Redirect to the provider, which returns the browser to the callback."""
    if console.provider is None:
        raise unknown("No identity provider is set up here: 'oidc' in people.toml names one.")
    url, attempt = console.provider.begin()
    answer = RedirectResponse(url, 302)
    # Lax, because the provider sends the browser back from another site.
    answer.set_cookie(
        _attempt(console), attempt, max_age=600, path=_OIDC, httponly=True, samesite="lax"
    )
    return answer


@router.get("/login/oidc/callback", summary="Where the provider's login ends")
def callback(
    request: Request,
    console: ConsoleOf,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """Exchange the provider's code, and log in the person of its subject in `people.toml`."""
    if console.provider is None:
        raise unknown("No identity provider is set up here: 'oidc' in people.toml names one.")
    subject = console.provider.finish(request.cookies.get(_attempt(console), ""), state, code)
    person = console.people().of_subject(subject)
    if person is None:
        raise refused(f"Nobody here is called '{shown(subject)}' at the identity provider")
    # A page instead of a redirect: browsers do not send the SameSite=Strict session cookie on a
    # redirect that another site began.
    answer = pages_of(request).open_page("logged_in.html", person=person)
    answer.delete_cookie(_attempt(console), path=_OIDC, httponly=True, samesite="lax")
    return logged_in(request, console, person, "oidc", answer)


@router.post("/logout", summary="Log out", status_code=303)
def logout(request: Request, console: ConsoleOf, worker: Reader) -> Response:
    """End the session in the console and in the browser."""
    console.sessions.end(request.cookies.get(cookie_name(console.port), ""))
    answer = redirect_to("/login")
    answer.delete_cookie(cookie_name(console.port), httponly=True, samesite="strict")
    return answer


@router.get("/static/{name}", summary="Style and scripts", response_class=FileResponse)
def static(name: str) -> Response:
    """Serve a static file, to anyone: the files are the same for every station."""
    if name not in STATIC:
        raise unknown("The console has no such file.")
    path, kind = STATIC[name]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "max-age=600"})


def logged_in(
    request: Request, console: Console, person: str, by: str, answer: Response
) -> Response:
    """Add a new session's cookie to `answer`: HttpOnly and SameSite=Strict."""
    console.station.audit.append(actor=person, action="console-login", details={"by": by})
    console.sessions.end(request.cookies.get(cookie_name(console.port), ""))
    secret, _ = console.sessions.begin(person, by)
    answer.set_cookie(cookie_name(console.port), secret, httponly=True, samesite="strict")
    return answer


def _attempt(console: Console) -> str:
    return f"{cookie_name(console.port)}-oidc"
