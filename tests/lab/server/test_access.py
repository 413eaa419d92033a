"""Nobody whom Jupyter does not know gets anything, at any path by any method."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from phtlab.lab.server import Route, routes
from phtlab.lab.server.exchange import Exchange
from tests.lab.server.conftest import Asking

VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
JOURNEY = "sha256:" + "a" * 64
PROPOSAL = "p-" + "a" * 16


def path_of(route: Route) -> str:
    return route.path.replace("{journey}", JOURNEY).replace("{proposal}", PROPOSAL)


ANSWERED = [(route, verb) for route in routes() for verb in route.verbs]


async def logged_in(asking: Asking) -> httpx.Cookies:
    """The cookies of a person who came in by the token, and whose page holds it no more."""
    client = asking.client
    client.cookies.clear()
    await client.get(
        f"{asking.url}api/status", params={"token": asking.app.identity_provider.token}
    )
    await client.get(f"{asking.url}no-such-page")  # any page gives the XSRF cookie
    return httpx.Cookies(client.cookies)


def test_every_path_answers_something_and_is_an_exchange():
    assert all(route.verbs for route in routes())
    assert all(issubclass(route.exchange, Exchange) for route in routes())
    assert len({route.path for route in routes()}) == len(routes()) == 30


def test_what_the_server_serves_is_what_is_listed(asking: Asking):
    """No path of the extension is outside of `routes()`."""
    served = {
        rule.matcher.regex.pattern
        for group in asking.app.web_app.default_router.rules
        for rule in getattr(group.target, "rules", [])
        if getattr(getattr(rule.target, "__module__", None), "startswith", str)("phtlab.")
    }
    base = asking.app.base_url.rstrip("/")
    assert served == {f"{base}{route.pattern}$" for route in routes()}


async def test_without_a_login_every_path_is_closed_to_every_method(asking: Asking):
    for route in routes():
        for verb in VERBS:
            response = await asking.request(verb, path_of(route), headers={})
            assert response.status_code in (401, 403), (verb, route.path)
            if verb != "HEAD":
                assert response.json()["code"] == "logged-out"


async def test_with_a_wrong_token_as_without_one(asking: Asking):
    for route, verb in ANSWERED:
        for headers in ({"Authorization": "token wrong"}, {"Authorization": "Bearer wrong"}):
            response = await asking.request(verb, path_of(route), headers=headers)
            assert response.status_code in (401, 403), (verb, route.path)


async def test_options_tells_a_stranger_nothing_of_ours(asking: Asking):
    for route in routes():
        response = await asking.request("OPTIONS", path_of(route), headers={})
        assert response.content == b""
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_changes_by_a_cookie_need_the_xsrf_token(asking: Asking):
    cookies = await logged_in(asking)
    for route, verb in ANSWERED:
        if verb == "POST":
            response = await asking.request(
                verb, path_of(route), headers={"Cookie": _line(cookies)}, json={}
            )
            assert response.status_code == 403, route.path
            assert response.json()["code"] == "forbidden"


async def test_with_the_xsrf_token_a_page_of_the_server_is_let_in(asking: Asking):
    cookies = await logged_in(asking)
    own = {"Cookie": _line(cookies), "X-XSRFToken": cookies["_xsrf"]}
    response = await asking.request("POST", "keys/lock", headers=own, json={})
    assert (response.status_code, response.json()["key"]["state"]) == (200, "none")


async def test_a_page_of_another_origin_is_refused(asking: Asking):
    """Also where it has got hold of the XSRF token: the browser says where it is from."""
    cookies = await logged_in(asking)
    foreign = {
        "Cookie": _line(cookies),
        "X-XSRFToken": cookies["_xsrf"],
        "Origin": "https://elsewhere.example",
    }
    for route, verb in ANSWERED:
        if route.path == "events" or verb == "POST":
            response = await asking.request(verb, path_of(route), headers=foreign, json={})
            assert response.status_code in (403, 404), (verb, route.path)
            assert set(response.json()) == {"code", "message", "hint", "field"}
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_foreign_page_cannot_read_with_the_cookie_either(asking: Asking):
    cookies = await logged_in(asking)
    foreign = {"Cookie": _line(cookies), "Origin": "https://elsewhere.example"}
    for route, verb in ANSWERED:
        if verb == "GET":
            response = await asking.request("GET", path_of(route), headers=foreign)
            assert response.status_code in (403, 404), route.path


async def test_methods_that_a_path_does_not_have_are_refused_in_words(asking: Asking):
    for route in routes():
        for verb in set(VERBS) - {"HEAD"} - set(route.verbs):
            status, problem = await asking.refused(verb, path_of(route), json={})
            assert (status, problem["code"]) == (405, "request"), (verb, route.path)


async def test_an_authorizer_of_jupyter_s_decides(asking: Asking, monkeypatch: pytest.MonkeyPatch):
    """Where users share a server, whoever may only read cannot change anything."""
    asked: set[tuple[str, str]] = set()

    def only_reading(handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.add((action, resource))
        return action == "read"

    monkeypatch.setattr(asking.app.authorizer, "is_authorized", only_reading)
    assert (await asking.get("status"))["place"] == "computer"
    for route, verb in ANSWERED:
        if verb == "POST":
            status, problem = await asking.refused("POST", path_of(route), json={})
            assert (status, problem["code"]) == (403, "forbidden"), route.path
    assert asked == {("read", "phtlab"), ("write", "phtlab")}


def _line(cookies: httpx.Cookies) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in cookies.jar)
