"""The pages for people: login at the hub, what is shown to whom, and that nothing can be done."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from phtlab.central.hub.users import REMEMBERED_SECONDS, SCOPES
from phtlab.central.pages.hub_login import SESSION, STATE
from phtlab.train.canonical import digest
from phtlab.wire.api.journeys import Column, DataSetDescription, StationProfile
from phtlab.wire.authorities import authorities
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.world import World

HOME = "/services/central/"


class Browser:
    """A browser that follows central's side of the login; the hub's side is one call."""

    def __init__(self, world: World, hub: HubSimulator, headers: dict[str, str] | None = None):
        self._hub = hub
        self.http = httpx.Client(
            base_url=world.url, trust_env=False, timeout=30, headers=headers, verify=authorities()
        )

    def get(self, path: str = HOME) -> httpx.Response:
        return self.http.get(path)

    def asked(self) -> dict[str, str]:
        """What central asks the hub's login page for."""
        answer = self.get()
        assert answer.status_code == 302
        address = urlsplit(answer.headers["location"])
        assert address.path == "/hub/api/oauth2/authorize"
        return {name: value for name, (value,) in parse_qs(address.query).items()}

    def log_in(self, token: str) -> httpx.Response:
        asked = self.asked()
        code = self._hub.code(token, asked["code_challenge"])
        return self.http.get(asked["redirect_uri"], params={"code": code, "state": asked["state"]})


@pytest.fixture
def browser(hub_central: World, hub: HubSimulator):
    made = Browser(hub_central, hub)
    yield made
    made.http.close()


def _cookie(answer: httpx.Response, name: str) -> str:
    (found,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{name}=")]
    return found


def test_the_login_is_asked_for_with_state_and_pkce(browser: Browser) -> None:
    asked = browser.asked()
    assert asked["client_id"] == "service-central"
    assert asked["redirect_uri"] == "/services/central/oauth_callback"
    assert asked["code_challenge_method"] == "S256"
    cookie = _cookie(Browser.get(browser), STATE)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/services/central/;" in f"{cookie};"
    assert asked["state"] not in cookie, "each login has its own"


def test_after_the_login_the_page_is_there_and_its_cookie_is_bounded(
    browser: Browser, hub: HubSimulator
) -> None:
    token = hub.token("ada", ["read"])
    answer = browser.log_in(token)
    assert (answer.status_code, answer.headers["location"]) == (302, HOME)
    cookie = _cookie(answer, SESSION)
    for bound in ("HttpOnly", "SameSite=lax", "Path=/services/central/"):
        assert bound in cookie
    assert "Secure" not in cookie
    page = browser.get()
    assert page.status_code == 200
    assert token not in page.text
    for shown in ("pht", "ada", "ulm", "Kernel images", "python", "vera", "otto"):
        assert shown in page.text


def test_behind_tls_the_cookie_is_secure(hub_central: World, hub: HubSimulator) -> None:
    browser = Browser(hub_central, hub, {"X-Forwarded-Proto": "https"})
    browser.http.base_url = hub_central.url
    answer = browser.get()
    assert "Secure" in _cookie(answer, STATE)
    browser.http.close()


def test_one_sees_one_s_own_journeys_and_nobody_else_s(
    browser: Browser, hub_central: World, hub: HubSimulator
) -> None:
    journey = hub_central.journey("ulm")
    browser.log_in(hub.token("ada", ["read"]))
    assert journey.id in browser.get().text
    assert "0 running, 1 waiting" in browser.get().text
    browser.http.cookies.clear()
    browser.log_in(hub.token("bob", ["read"]))
    assert journey.id not in browser.get().text


def test_an_aggregator_is_shown_as_one(browser: Browser, hub: HubSimulator) -> None:
    browser.log_in(hub.token("ada", ["read"]))
    text = browser.get().text
    assert text.count("combines rounds") == 2  # adder and tally
    assert text.count("none declared") == 3


def test_what_stations_say_of_themselves_is_text(
    browser: Browser, hub_central: World, hub: HubSimulator
) -> None:
    name = "<script>alert(1)</script>"
    column = Column(name="age", type="integer")
    data = DataSetDescription(
        name=name, title='"><b>', columns=(column,), schema_digest=digest(b"schema")
    )
    hub_central.client("ulm").put_profile(StationProfile(datasets=(data,), version="<i>1</i>"))
    browser.log_in(hub.token("ada", ["read"]))
    text = browser.get().text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    for raw in ("<script", "<b>", "<i>"):
        assert raw not in text


def test_what_stations_say_of_themselves_is_short_and_turns_nothing_round(
    browser: Browser, hub_central: World, hub: HubSimulator
) -> None:
    column = Column(name="age", type="integer")
    data = DataSetDescription(
        name="heart\u202etraeh",
        title="t" * 10_000,
        columns=(column,),
        schema_digest=digest(b"schema"),
    )
    profile = StationProfile(datasets=(data,), version="1\x1b[31m")
    hub_central.client("ulm").put_profile(profile)
    browser.log_in(hub.token("ada", ["read"]))
    text = browser.get().text
    assert r"heart\u202etraeh" in text and r"1\x1b[31m" in text
    assert "\u202e" not in text and "\x1b" not in text
    assert f'title="{"t" * 100}…"' in text


@pytest.mark.parametrize(
    ("name", "scopes", "shown", "not_shown"),
    [
        ("ada", ["read", "dispatch"], "Send a train from JupyterLab", "What you may do"),
        ("ada", ["dispatch"], "custom:phtlab:read", "Stations"),
        ("eve", ["read"], "Become a member", "Your journeys"),
        ("ulm", ["read", "operate"], "Operate stations", "Your journeys"),
        ("vera", ["read", "govern"], "Govern the consortium", "Operate stations"),
        ("bob", ["read", "teach"], "/hub/admin", "Govern"),
        ("ada", SCOPES, "Operate stations", "Become a member"),
    ],
)
def test_each_role_is_told_what_it_may_do(
    browser: Browser,
    hub: HubSimulator,
    name: str,
    scopes: list[str],
    shown: str,
    not_shown: str,
) -> None:
    browser.log_in(hub.token(name, scopes))
    text = browser.get().text
    assert shown in text
    assert not_shown not in text


@pytest.mark.parametrize("path", [HOME, f"{HOME}oauth_callback?error=access_denied"])
def test_pages_load_nothing_from_elsewhere_and_change_nothing(
    browser: Browser, hub: HubSimulator, path: str
) -> None:
    browser.log_in(hub.token("ada", SCOPES))
    answer = browser.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    for rule in ("default-src 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<(form|script|iframe|img|button)|style=|https?://", answer.text)
    for address in re.findall(r'(?:href|src)="([^"]*)"', answer.text):
        assert address.startswith(("/services/central/", "/hub/"))
    style = browser.get(f"{HOME}central.css")
    assert style.headers["content-type"].startswith("text/css")
    assert not re.search(r"url\(|@import|https?:", style.text)


def test_a_login_of_another_browser_is_not_taken(
    browser: Browser, hub_central: World, hub: HubSimulator
) -> None:
    """Login CSRF: an attacker's code, in the victim's browser, logs nobody in."""
    asked = browser.asked()
    code = hub.code(hub.token("eve", ["read"]), asked["code_challenge"])
    address = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
    victim = Browser(hub_central, hub)
    for prepare in (lambda: None, victim.asked):
        prepare()
        answer = victim.get(address)
        assert answer.status_code == 400
        assert "did not begin in this browser" in answer.text
        assert SESSION not in victim.http.cookies
    victim.http.close()
    assert code in hub.codes, "it was not even carried to the hub"


def test_a_code_counts_once_and_for_its_verifier(browser: Browser, hub: HubSimulator) -> None:
    asked = browser.asked()
    stolen = hub.code(hub.token("ada", ["read"]), "another challenge")
    for code in (stolen, "unknown"):
        answer = browser.http.get(
            asked["redirect_uri"], params={"code": code, "state": asked["state"]}
        )
        assert answer.status_code == 400
        assert "does not confirm this login" in answer.text
        assert "It may have taken too long: open the page again." in answer.text, "the hint"
        assert SESSION not in browser.http.cookies


def test_what_the_hub_takes_back_is_logged_out(browser: Browser, hub: HubSimulator) -> None:
    token = hub.token("ada", ["read"])
    browser.log_in(token)
    del hub.tokens[token]
    hub.seconds += REMEMBERED_SECONDS
    assert browser.get().status_code == 302


def test_a_hub_that_is_away_is_told_in_words(browser: Browser, hub: HubSimulator) -> None:
    browser.log_in(hub.token("ada", ["read"]))
    hub.down = True
    hub.seconds += REMEMBERED_SECONDS
    answer = browser.get()
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert "hub-unreachable" in answer.text


def test_the_cookie_opens_the_page_only_and_the_api_s_token_the_api_only(
    browser: Browser, hub_central: World, hub: HubSimulator
) -> None:
    token = hub.token("ada", SCOPES)
    browser.log_in(token)
    api = f"{HOME}api/v1"
    for method, path in (("GET", "/stations"), ("POST", "/trains"), ("GET", "/registry/token")):
        assert browser.http.request(method, api + path, json={}).status_code == 401
    shown = hub_central.request("GET", HOME, hub_token=token)
    assert shown.status_code == 302


def test_without_a_hub_there_is_no_page(small_central: World) -> None:
    for path in ("/", "/oauth_callback", "/central.css", HOME):
        assert small_central.request("GET", path).status_code == 404
