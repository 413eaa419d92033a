"""People log in to a real hub, and have what their group's role declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from phtlab.demo.hub_people import PEOPLE, Person
from phtlab_hub.roles import CUSTOM_SCOPES, ROLES
from tests.hub.conftest import LogIn
from tests.hub.session import HubSession

if TYPE_CHECKING:
    from phtlab.demo.hub import HubWorld

pytestmark = pytest.mark.engine

# Beyond what everyone may do with what is their own.
DECLARED = {group: set(role["scopes"]) for role in ROLES for group in role["groups"]}


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.name)
def test_everyone_has_the_scopes_of_their_role_and_no_others(log_in: LogIn, person: Person) -> None:
    me = log_in(person.name).me()
    assert (me["name"], me["groups"], me["admin"]) == (person.name, [person.group], False)
    declared = DECLARED[person.group]
    assert declared.intersection(CUSTOM_SCOPES) == set(CUSTOM_SCOPES).intersection(me["scopes"])
    others = {scope for scope in me["scopes"] if not scope.endswith(f"!user={person.name}")}
    # Declared scopes bring what they include: only the bare ones say something new.
    reach = {scope.partition("!")[2] for scope in declared}
    assert {scope.partition("!")[2] for scope in others} <= reach
    assert declared <= others


def test_no_role_opens_another_ones_server_or_acts_in_their_name(log_in: LogIn) -> None:
    for person in PEOPLE:
        scopes = log_in(person.name).me()["scopes"]
        for power in ("access:servers", "tokens", "admin:users", "admin:auth_state", "shares"):
            having = [scope for scope in scopes if scope.partition("!")[0] == power]
            assert all(scope.endswith(f"!user={person.name}") for scope in having), (person, having)


def test_a_teacher_starts_and_stops_learners_only(log_in: LogIn) -> None:
    log_in("newcomer")
    log_in("op-hopper")
    teacher = log_in("prof-noether")
    names = [user["name"] for user in teacher.api("GET", "/users").json()]
    assert "newcomer" in names
    assert "op-hopper" not in names
    # It does not run: nothing is left to do.
    assert teacher.api("DELETE", "/users/newcomer/server").status_code == 204
    assert teacher.api("DELETE", "/users/op-hopper/server").status_code == 404


def test_the_login_page_is_a_form_for_people_and_password_managers(hub_world: HubWorld) -> None:
    with HubSession(hub_world.url) as session:
        page = session.http.get("/hub/login").text
    fields = {
        name: dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        for tag, name in re.findall(r'(<input[^>]* name="(\w+)"[^>]*>)', page)
    }
    assert fields["username"]["autocomplete"] == "username"
    assert fields["password"]["type"] == "password"
    assert fields["password"]["autocomplete"] == "current-password"
    assert fields["_xsrf"]["type"] == "hidden"
    for name in ("username", "password"):
        assert f'<label for="{fields[name]["id"]}"' in page
    # Nothing comes from another machine: it works in a closed network.
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]+"', page)


def test_a_login_that_did_not_begin_at_the_form_is_none(hub_world: HubWorld) -> None:
    form = {"username": "newcomer", "password": hub_world.passwords["newcomer"]}
    with HubSession(hub_world.url) as session:
        for token in (None, "made-up"):
            session.http.get("/hub/login")
            sent = form | ({} if token is None else {"_xsrf": token})
            assert session.http.post("/hub/login", data=sent).status_code == 403
        assert session.http.get("/hub/home", follow_redirects=False).status_code == 302


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "/\\evil.example"]
)
def test_a_login_leads_to_no_other_site(hub_world: HubWorld, elsewhere: str) -> None:
    with HubSession(hub_world.url) as session:
        answer = session.login("newcomer", hub_world.passwords["newcomer"], elsewhere)
        assert answer.status_code == 302
        led = httpx.URL(hub_world.url).join(answer.headers["Location"])
        assert led.netloc == httpx.URL(hub_world.url).netloc
        assert not re.match(r"[/\\]{2}", answer.headers["Location"])


@pytest.mark.parametrize(
    ("name", "password"),
    [("dr-lovelace", "wrong"), ("nobody", "wrong"), ("", ""), ("dr-lovelace", "x" * 100_000)],
)
def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    hub_world: HubWorld, name: str, password: str
) -> None:
    with HubSession(hub_world.url) as session:
        answer = session.login(name, password)
        assert answer.status_code == 403
        assert "Invalid username or password" in answer.text
        assert session.http.get("/hub/home", follow_redirects=False).status_code == 302


def test_many_wrong_passwords_make_the_next_one_wait(hub_world: HubWorld) -> None:
    right = hub_world.passwords["officer-ada"]
    with HubSession(hub_world.url) as session:
        statuses = []
        for number in range(6):
            # Another address that each claims to come from, form and answer alike, changes nothing.
            for header in ("X-Real-IP", "X-Forwarded-For"):
                session.http.headers[header] = f"198.51.100.{number}"
            answer = session.login("officer-ada", "wrong")
            assert number == 5 or "Invalid username or password" in answer.text
            statuses.append(answer.status_code)
        assert statuses == [403] * 5 + [429]
        answer = session.login("officer-ada", right)
        assert answer.status_code == 429
        assert "Too many wrong passwords. Wait" in answer.text


def test_pages_carry_the_headers_of_the_checklist(hub_world: HubWorld) -> None:
    with HubSession(hub_world.url) as session:
        page = session.http.get("/hub/login")
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert session.login("newcomer", hub_world.passwords["newcomer"]).status_code == 302
        cookies = [c for c in session.http.cookies.jar if c.name.startswith("jupyterhub-hub-login")]
        assert cookies
        assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in cookies)


def test_what_the_hub_keeps_is_for_its_owner_only(hub_world: HubWorld) -> None:
    place = hub_world.settings.directory
    for name in (
        "cookie-secret",
        "proxy-token",
        "central-token",
        "shutdown-token",
        "accounts.toml",
    ):
        assert (place / name).stat().st_mode & 0o077 == 0, name
    assert place.stat().st_mode & 0o077 == 0
    kept = hub_world.settings.accounts.read_text()
    assert not any(password in kept for password in hub_world.passwords.values())
