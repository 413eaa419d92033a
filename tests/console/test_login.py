"""Links, sessions and people: who is let in, for how long, and who is out at once."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from phtlab.errors import PhtlabError, SettingsError, StationError
from phtlab.station.console.access import cookie_name
from phtlab.station.console.sessions import end_logins, links_of, new_link, use_link
from phtlab.station.settings.people import (
    OidcLogin,
    People,
    load_people,
    path_of,
    with_person,
    without_person,
    write_people,
)
from tests.console.conftest import Desk
from tests.evidence import Evidence
from tests.limits import join
from tests.raising import raises_code


def test_a_link_logs_in_once(desk: Desk, evidence: Evidence) -> None:
    link = desk.link("rea")
    assert desk.browser().post("/login", data={"link": link}).status_code == 303
    again = desk.browser().post("/login", data={"link": link})
    assert again.status_code == 401
    assert "phtlab station people link" in again.text
    evidence(
        "attacks",
        attacker="whoever finds a link to the console",
        promise="a link that was used, or is older than minutes, lets nobody in",
        outcome="refused (login-link)",
    )


def test_who_logged_in_and_how_is_in_the_log(desk: Desk) -> None:
    desk.login("rev")
    entry = list(desk.console.station.audit.entries())[-1]
    assert (entry.actor, entry.action, entry.details) == ("rev", "console-login", {"by": "link"})


def test_looking_at_a_link_does_not_use_it_up(desk: Desk) -> None:
    link = desk.link("rea")
    for _ in range(3):
        assert desk.browser().get(f"/login?link={link}").status_code == 200
    assert desk.browser().post("/login", data={"link": link}).status_code == 303


def test_of_two_who_use_a_link_at_once_one_is_let_in(desk: Desk) -> None:
    for _ in range(5):
        link, let_in = desk.link("rea"), []

        def use(link: str = link, let_in: list[str] = let_in) -> None:
            with suppress(StationError):
                let_in.append(use_link(desk.world.folder, link, desk.world.now()))

        threads = [threading.Thread(target=use) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            join(thread)
        assert let_in == ["rea"]
    assert not list(links_of(desk.world.folder).iterdir())


def test_a_link_is_good_for_minutes(desk: Desk) -> None:
    link = desk.link("rea")
    desk.world.ahead = timedelta(minutes=6)
    assert desk.browser().post("/login", data={"link": link}).status_code == 401


@pytest.mark.parametrize("link", ["", "x", "../../people", "a/b", "\0", "ü" * 40])
def test_what_is_no_link_is_none(desk: Desk, link: str) -> None:
    assert desk.browser().post("/login", data={"link": link}).status_code in (401, 422)


def test_the_folder_does_not_hold_what_a_link_says(desk: Desk) -> None:
    link = new_link(desk.world.folder, "rea", desk.world.now())
    for path in links_of(desk.world.folder).iterdir():
        assert link not in path.name
        assert link.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_the_cookie_goes_to_no_script_and_with_no_other_site(desk: Desk) -> None:
    answer = desk.browser().post("/login", data={"link": desk.link("rea")})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(desk.console.port)}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Domain" not in cookie


def test_a_session_that_was_laid_out_beforehand_is_never_anyones(
    desk: Desk, evidence: Evidence
) -> None:
    name, planted = cookie_name(desk.console.port), "planted-by-someone-else"
    client = desk.browser()
    client.cookies.set(name, planted, domain="127.0.0.1")
    answer = client.post("/login", data={"link": desk.link("rea")})
    assert planted not in answer.headers["set-cookie"]
    other = desk.browser()
    other.cookies.set(name, planted, domain="127.0.0.1")
    assert other.get("/").status_code == 401
    evidence(
        "attacks",
        attacker="page in the operator's browser",
        promise="cannot lay out a session for the operator to log in with",
        outcome="each login has a name of its own; the one laid out is nobody's",
    )


def test_a_new_login_ends_the_one_before_in_that_browser(desk: Desk) -> None:
    browser = desk.login("rea")
    before = dict(browser.client.cookies)
    browser.client.post("/login", data={"link": desk.link("rev")})
    assert dict(browser.client.cookies) != before
    old = desk.browser()
    old.cookies.update(before)
    assert old.get("/").status_code == 401


def test_a_logout_ends_the_session_also_for_who_kept_its_cookie(desk: Desk) -> None:
    browser = desk.login("rea")
    kept = dict(browser.client.cookies)
    browser.post("/logout")
    thief = desk.browser()
    thief.cookies.update(kept)
    assert thief.get("/").status_code == 401


def test_a_login_ends_when_nobody_clicks(desk: Desk) -> None:
    browser = desk.login("rea")
    desk.world.ahead += timedelta(minutes=14)
    browser.get("/")
    desk.world.ahead += timedelta(minutes=14)
    browser.get("/")
    desk.world.ahead += timedelta(minutes=16)
    assert "Log in" in browser.get("/", 401).text


def test_a_login_ends_after_a_day_of_work_in_any_case(desk: Desk) -> None:
    browser = desk.login("rea")
    for _ in range(47):
        desk.world.ahead += timedelta(minutes=10)
        browser.get("/")
    desk.world.ahead += timedelta(minutes=14)
    browser.get("/", 401)


def test_what_is_open_in_a_browser_keeps_no_login_alive_and_ends_with_it(desk: Desk) -> None:
    browser = desk.login("rea")
    with browser.client.stream("GET", "/live/inbox") as stream:
        lines = stream.iter_lines()
        first = list(iter(lines.__next__, ""))
        assert first[-1].startswith("id: ")
        desk.world.ahead += timedelta(minutes=16)
        assert not [
            line for line in (*first, *lines) if line.startswith("data: ") and "error" in line
        ]
    browser.get("/", 401)


def test_whoever_is_taken_off_is_out_at_once(desk: Desk) -> None:
    browser = desk.login("rea")
    folder = desk.world.folder
    write_people(folder, without_person(load_people(folder), "rea"))
    browser.get("/", 401)


def test_who_was_taken_off_is_not_whoever_has_that_name_later(desk: Desk) -> None:
    browser, folder = desk.login("rea"), desk.world.folder
    known = load_people(folder)
    write_people(folder, without_person(known, "rea"))
    browser.get("/", 401)
    write_people(folder, known)
    browser.get("/", 401)


def test_a_removal_ends_logins_and_links_also_if_that_browser_asks_for_nothing(desk: Desk) -> None:
    browser, folder = desk.login("rea"), desk.world.folder
    link, other = desk.link("rea"), desk.link("rev")
    end_logins(folder, "rea", desk.world.now())
    browser.get("/", 401)
    assert desk.browser().post("/login", data={"link": link}).status_code != 303
    assert desk.browser().post("/login", data={"link": other}).status_code == 303
    desk.world.ahead += timedelta(seconds=1)
    desk.login("rea").get("/")


def test_a_role_that_was_taken_counts_no_more(desk: Desk) -> None:
    browser, folder = desk.login("adm"), desk.world.folder
    csrf = browser.csrf
    write_people(folder, with_person(load_people(folder), "adm", ["reader"]))
    answer = browser.client.post("/policy", data={"csrf": csrf, "text": "", "instead_of": ""})
    assert answer.status_code == 403
    assert "role &#39;admin&#39;" in answer.text


def test_people_are_written_as_they_are_read(desk: Desk) -> None:
    people = with_person(People(), "mia.m-1", ["admin", "reviewer"], ["auth0|12 \"'"[:7]])
    people = people.model_copy(
        update={"oidc": OidcLogin.model_validate({"issuer": "https://id.test/", "client_id": "c"})}
    )
    write_people(desk.world.folder, people)
    assert load_people(desk.world.folder) == people
    assert path_of(desk.world.folder).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        "[people.Mia]\nroles = ['reader']",
        "[people.mia]\nroles = ['root']",
        "[people.mia]\nroles = []",
        "[people.a1]\nroles=['reader']\nsubjects=['s']\n[people.b1]\nroles=['reader']\nsubjects=['s']",
        "[console]\nidle = 0",
        "[unknown]",
        "people = 3",
        "not toml",
        b"\xff",
    ],
)
def test_a_slip_in_people_lets_nobody_in_and_says_where(desk: Desk, text: str | bytes) -> None:
    browser = desk.login("all")
    content = text if isinstance(text, bytes) else text.encode()
    path_of(desk.world.folder).write_bytes(content)
    with raises_code(SettingsError, "people-form"):
        load_people(desk.world.folder)
    answer = browser.client.get("/")
    assert answer.status_code == 409
    assert "Inbox" not in answer.text


def test_no_such_person_gets_no_link_and_a_name_is_a_name(desk: Desk) -> None:
    known = load_people(desk.world.folder)
    with raises_code(PhtlabError, "person-unknown"):
        known.person("mallory")
    with raises_code(SettingsError, "person-name"):
        with_person(known, "../x", ["reader"])
