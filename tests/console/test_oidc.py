"""Logging in through a real OpenID provider, by its forms, as a browser would send them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from phtlab.errors import StationError
from phtlab.processes.services import Service
from phtlab.station.console.access import cookie_name
from phtlab.station.console.app import create_app
from phtlab.station.console.console import Console
from phtlab.station.console.oidc import Provider
from phtlab.station.context import station_context as station_desk
from phtlab.station.settings.people import OidcLogin, People, with_person, write_people
from tests.console.conftest import Desk, running
from tests.evidence import Evidence
from tests.raising import invalid, raises_code
from tests.real_registry import answers, free_port
from tests.station.station_world import make_world

PROVIDER = Path(__file__).parents[1] / "hub" / "oidc"
SECRET = "a-secret-of-the-tests"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A console whose people log in at a provider that runs beside it: `ada` is its reviewer."""
    node = shutil.which("node")
    assert node, "install the Debian package nodejs"
    assert (PROVIDER / "node_modules").is_dir(), f"run 'npm ci' in {PROVIDER}"
    place, port, own = tmp_path_factory.mktemp("oidc"), free_port(), free_port()
    issuer = f"http://127.0.0.1:{port}"
    world = make_world(place)
    # The provider's `sub` is the account's name.
    people = with_person(People(), "ada.l", ["reviewer"], ["ada"])
    login = OidcLogin(issuer=issuer, client_id="phtlab-hub")
    write_people(world.folder, people.model_copy(update={"oidc": login}))
    (world.folder.path / "oidc-secret").write_text(SECRET)
    console = Console.of(
        station_desk.StationContext(world.folder, world.settings, world.now), port=own
    )
    command = [node, str(PROVIDER / "provider.mjs"), str(port), SECRET]
    provider = Service("provider", [*command, f"{console.home}login/oidc/callback"], place, {})
    provider.start()
    try:
        provider.wait_until(lambda: answers(port))
        app = create_app(console)
        desk = Desk(world, console, app)
        with running(console, app):
            yield desk
            for client in desk.clients:
                client.close()
    finally:
        provider.stop()


def _at_provider(client: httpx.Client, name: str) -> str:
    """Begin at the console, fill in the provider's forms; where it sends the browser then."""
    to = client.get("/login/oidc").headers["location"]
    asked = parse_qs(urlsplit(to).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert {"nonce", "state"} <= set(asked)
    with httpx.Client(follow_redirects=False, trust_env=False, timeout=60) as browser:
        answer = browser.get(to)
        forms = iter(({"prompt": "login", "login": name, "password": "any"}, {"prompt": "consent"}))
        while True:
            if place := answer.headers.get("location"):
                if "/login/oidc/callback" in place:
                    return str(httpx.URL(place).raw_path, "ascii")
                answer = browser.get(answer.url.join(place))
            else:
                action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
                assert action, answer.text[:2000]
                answer = browser.post(action[1], data=next(forms))


def test_who_is_named_in_people_logs_in_at_the_provider(desk: Desk) -> None:
    client = desk.browser()
    assert 'href="/login/oidc"' in client.get("/").text
    answer = client.get(_at_provider(client, "ada"))
    assert answer.status_code == 200
    # Not by a redirect, with which the cookie of the session would not go along.
    assert 'content="0;url=/"' in answer.text
    assert "SameSite=strict" in str(answer.headers.get_list("set-cookie"))
    assert "ada.l" in client.get("/").text


def test_who_is_not_named_in_people_gets_no_further(desk: Desk) -> None:
    client = desk.browser()
    answer = client.get(_at_provider(client, "mallory"))
    assert answer.status_code == 401
    assert "mallory" in answer.text
    assert cookie_name(desk.console.port) not in client.cookies
    assert client.get("/").status_code == 401


def test_a_code_counts_in_the_browser_where_its_login_began_only_and_once(
    desk: Desk, evidence: Evidence
) -> None:
    client = desk.browser()
    back = _at_provider(client, "ada")
    assert desk.browser().get(back).status_code == 401, "sent to somebody else"
    assert client.get(back).status_code == 200
    assert client.get(back).status_code == 401, "again"
    evidence(
        "attacks",
        attacker="whoever sees an answer of the identity provider",
        promise="cannot log in at the console with it",
        outcome="refused in another browser, and a second time (login-oidc)",
    )


def test_a_login_that_took_too_long_begins_anew(desk: Desk) -> None:
    client = desk.browser()
    back = _at_provider(client, "ada")
    desk.world.ahead = timedelta(minutes=11)
    try:
        assert client.get(back).status_code == 401
    finally:
        desk.world.ahead = timedelta(0)


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied"])
def test_an_answer_that_nobody_asked_for_is_refused(desk: Desk, query: str) -> None:
    client = desk.browser()
    client.get("/login/oidc")
    assert client.get(f"/login/oidc/callback{query}").status_code == 401


def test_a_token_for_another_login_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nonce binds the token to this attempt, whatever code came for it."""
    client = desk.browser()
    back = _at_provider(client, "ada")
    assert desk.console.provider is not None
    attempts = desk.console.provider._open
    attempt = list(attempts.values())[-1]
    object.__setattr__(attempt, "nonce", "of-another-login")
    answer = client.get(back)
    assert answer.status_code == 401
    assert "InvalidClaimError" in answer.text


def test_a_provider_that_calls_itself_otherwise_is_not_asked(desk: Desk) -> None:
    assert desk.console.provider is not None
    issuer = desk.console.provider.settings.issuer.replace("127.0.0.1", "localhost")
    settings = OidcLogin(issuer=issuer, client_id="phtlab-hub")
    provider = Provider(settings, desk.world.folder.path, "http://x/", desk.world.now)
    with raises_code(StationError, "login-oidc"):
        provider.begin()


@pytest.mark.parametrize("issuer", ["http://id.example", "https://", "ftp://id.example", "id"])
def test_a_provider_is_asked_over_tls_only(issuer: str) -> None:
    with invalid("value_error", "issuer"):
        OidcLogin(issuer=issuer, client_id="c")
