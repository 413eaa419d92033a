"""What reaches the console at all: names, origins, sizes; and what its answers forbid a browser."""

from __future__ import annotations

import hashlib
import logging
import re
import socket
from pathlib import Path

import pytest

from phtlab.errors import SettingsError, StationError
from phtlab.station.console import static
from phtlab.station.console.guard import CSP, HEADERS
from phtlab.station.console.pages import TEMPLATES
from phtlab.station.console.routes import station as station_routes
from phtlab.station.console.serving import listen
from tests.console.conftest import Desk
from tests.evidence import Evidence
from tests.raising import raises_code


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "0.0.0.0:{port}",
        "[::1]:{port}",
        "",
    ],
)
def test_a_name_that_was_bound_anew_to_the_loopback_is_refused(
    desk: Desk, host: str, evidence: Evidence
) -> None:
    headers = {"Host": host.format(port=desk.console.port)}
    answer = desk.login("all").client.get("/", headers=headers)
    assert answer.status_code == 421
    assert "Inbox" not in answer.text
    evidence(
        "attacks",
        attacker="page in the operator's browser",
        promise="cannot read the station's console by a name that it binds to the loopback",
        outcome="refused before anything looks at the request (421)",
    )


def test_localhost_is_the_same_place(desk: Desk) -> None:
    headers = {"Host": f"localhost:{desk.console.port}"}
    assert desk.browser().get("/login", headers=headers).status_code == 200


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1"])
def test_what_changes_something_comes_from_the_consoles_own_pages(
    desk: Desk, origin: str | None, evidence: Evidence
) -> None:
    browser = desk.login("all")
    csrf = browser.csrf
    del browser.client.headers["Origin"]
    headers = {} if origin is None else {"Origin": origin}
    answer = browser.client.post("/logout", data={"csrf": csrf}, headers=headers)
    assert answer.status_code == 403
    assert browser.get("/").status_code == 200, "still logged in"
    evidence(
        "attacks",
        attacker="page in the operator's browser",
        promise="cannot decide anything at the console in the operator's name",
        outcome="refused for its origin, and without the form's token (403)",
    )


def test_a_long_body_is_refused_whether_or_not_it_says_how_long_it_is(desk: Desk) -> None:
    client = desk.browser()
    assert client.post("/login", content=b"x" * 1_000_001).status_code == 413

    def pieces():
        for _ in range(20):
            yield b"x" * 100_000

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/login", content=pieces(), headers=form)
    assert answer.status_code in (400, 413)


def test_every_answer_forbids_scripts_frames_and_copies(desk: Desk) -> None:
    client = desk.login("all").client
    for path in ("/", "/login", "/nothing", "/static/console.css", "/journeys/x", "/policy"):
        answer = client.get(path)
        assert answer.headers["content-security-policy"].startswith(CSP), path
        for name, value in HEADERS.items():
            if name not in ("Content-Security-Policy", "Cache-Control"):
                assert answer.headers[name] == value, (path, name)
    refused = client.get("/", headers={"Host": "evil.example"})
    assert refused.headers["content-security-policy"] == CSP


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text("utf-8")
        for tag in re.findall(r"<script\b[^>]*>", text):
            assert 'src="/static/' in tag, path
        assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|hx-on|javascript:|\bjs:", text), path
        for place in re.findall(r'(?:src|href|action|hx-[a-z:]+)="([a-z]+:[^"]*)"', text):
            assert place.startswith("data:"), (path, place)


def test_no_template_calls_anything_safe_that_is_not() -> None:
    for path in TEMPLATES.rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape", path.read_text("utf-8")), path


def test_what_others_wrote_is_what_they_published() -> None:
    found = {
        name: hashlib.sha256(static.STATIC[name][0].read_bytes()).hexdigest()
        for name in static.VENDORED
    }
    assert found == static.VENDORED
    licence = Path(static.__file__).parent / "static" / "htmx-LICENSE"
    assert licence.read_text("utf-8").startswith("Zero-Clause BSD")


@pytest.mark.parametrize("path", ["/static/..%2fpeople.py", "/static/%2e%2e/app.py", "/static/.."])
def test_no_file_but_the_consoles_own_is_served(desk: Desk, path: str) -> None:
    assert desk.browser().get(path).status_code in (401, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/journeys/..%2f..%2fkey.age",
        "/journeys/%2e%2e",
        "/journeys/nonces",
        "/datasets/..%2fstation",
        "/outputs/{journey}/..%2f..%2fkey",
        "/outputs/{journey}/%00",
        "/proposals/%2e%2e%2fkey.age",
    ],
)
def test_no_address_leads_out_of_what_it_names(desk: Desk, path: str, evidence: Evidence) -> None:
    offer = desk.world.offer()
    desk.world.begun(offer, steps=1)
    browser = desk.login("all")
    answer = browser.client.get(path.format(journey=offer.journey[7:]))
    assert answer.status_code in (404, 422), answer.text
    evidence(
        "attacks",
        attacker="person at the console",
        promise="gets no file of the station by an address with '..' or the like",
        outcome="not there (404), or no such name (422)",
    )


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "localhost", ""])
def test_it_listens_on_the_loopback_only(address: str) -> None:
    with raises_code(SettingsError, "console-loopback"), listen(address, 8470):
        pass


def test_a_port_that_is_taken_is_said_so(desk: Desk) -> None:
    console = desk.console
    with pytest.raises(StationError) as refused, listen(console.address, console.port):
        pass
    assert refused.value.code == "console-port"


def test_a_defect_is_a_sentence_and_its_place_and_nothing_that_it_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a value of a patient")

    browser = desk.login("all")
    monkeypatch.setattr(station_routes, "last_report", broken)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "disabled", True)
    answer = browser.get("/health", 500)
    assert "The console broke while it answered." in answer.text
    assert "patient" not in answer.text
    told = capsys.readouterr().out
    assert "test_guard.py" in told
    assert "patient" not in told


def test_a_refusal_shows_what_to_do_next(desk: Desk) -> None:
    client = desk.login("all").client
    path = f"/decisions/{'a' * 64}"
    page = client.get(path)
    part = client.get(path, headers={"HX-Request": "true"})
    for answer in (page, part):
        assert answer.status_code == 404
        assert "This waits for nobody any more. What became of it is among" in answer.text


def test_answers_are_sent_without_waiting_for_acknowledgements() -> None:
    with listen("127.0.0.1", 0) as listening:
        # asyncio sets TCP_NODELAY on what such a socket accepts, and on no other.
        assert listening.proto == socket.IPPROTO_TCP
