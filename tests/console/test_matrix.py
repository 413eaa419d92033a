"""Every route with every kind of visitor: who gets to the thing itself, and who does not."""

from __future__ import annotations

import re

import httpx

from tests.console.conftest import PEOPLE, Desk
from tests.console.matrix import ALLOWED, NOBODY, PLACES, VISITORS

BY_ROLE = {roles[0]: name for name, roles in PEOPLE.items()}


def _status(client: httpx.Client, csrf: str, method: str, path: str) -> int:
    for name, value in PLACES.items():
        path = path.replace(name, value)
    form = {"csrf": csrf} if method == "POST" else None
    # Streamed, so that a stream of events counts once it has begun.
    with client.stream(method, path, data=form) as answer:
        return answer.status_code


def test_each_route_takes_whom_the_matrix_says(desk: Desk) -> None:
    wrong = []
    for visitor in VISITORS:
        if visitor == NOBODY:
            client, csrf = desk.browser(), ""
        else:
            browser = desk.login(BY_ROLE[visitor])
            client, csrf = browser.client, browser.csrf
        for (method, path), allowed in ALLOWED.items():
            if path == "/logout" and visitor != NOBODY:
                continue  # it would end the session that asks
            status = _status(client, csrf, method, path)
            refused = 401 if visitor == NOBODY else 403
            # A link, or an answer of the provider, that is none is refused as such.
            let_in = status not in (401, 403) or path.startswith("/login")
            if status >= 500 or let_in is not (visitor in allowed):
                wrong.append((method, path, visitor, status))
            if visitor not in allowed and status != refused:
                wrong.append((method, path, visitor, status))
    assert not wrong


def test_the_matrix_has_every_route(desk: Desk) -> None:
    paths = desk.app.openapi()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert routes == set(ALLOWED)


def test_every_route_that_changes_something_takes_the_token_against_forgery(desk: Desk) -> None:
    browser = desk.login("all")
    browser.get("/")
    stranger = desk.login("rea")
    for token in ("", "x" * 43, stranger.csrf):
        for method, path in ALLOWED:
            if method == "GET" or path == "/login":
                continue
            assert _status(browser.client, token, method, path) == 403, (path, token)
    assert "Inbox" in browser.get("/").text


def test_nothing_is_decided_by_following_a_link(desk: Desk) -> None:
    """They are followed by whatever looks at them beforehand. That somebody looked at a held
    output or at a log is noted; nothing comes of it."""
    methods = {method for method, _ in ALLOWED}
    assert methods == {"GET", "POST"}
    browser = desk.login("all")
    before = _files(desk)
    for method, path in ALLOWED:
        if method == "GET" and not re.search(r"/live/|/login", path):
            for name, value in PLACES.items():
                path = path.replace(name, value)
            browser.client.get(path)
    assert _files(desk) == before


def _files(desk: Desk) -> dict[str, bytes]:
    root = desk.world.folder.path
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}
