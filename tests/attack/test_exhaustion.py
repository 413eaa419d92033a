"""Whoever sends without end, or lets central wait: nobody else notices.

Connections are made by hand: what counts is when central answers, and whether it waits for more.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from phtlab.central.founding import Founded
from phtlab.central.limits import bodies, protocol
from phtlab.consortium.consortium import Consortium
from phtlab.wire.central.client import MAX_BUNDLE_BYTES
from phtlab.wire.central.token import audience_of, mint
from tests.attack.real_central import Consort, consort_of
from tests.limits import LIMIT
from tests.station.station_world import identity

Refused = Callable[[str, str, str], None]
OUTSIDER, MEMBER = "outsider", "hostile member"
LENGTHS = {
    "its length is told": "Content-Length: 100000",
    "in chunks": "Transfer-Encoding: chunked",
}
UNKNOWN = {
    "no token": "",
    "a token that is none": "Authorization: Bearer nobody.knows.this",
    "a token of no hub": "Authorization: token nobody-knows-this",
}
FILLED = {
    "journey": "sha256:" + "0" * 64,
    "digest": "sha256:" + "0" * 64,
    "proposal": "p-" + "0" * 16,
}


@dataclass(frozen=True)
class Operation:
    """One of the API's, its path filled in."""

    method: str
    path: str
    known: bool
    """Whether it asks who sends it."""
    body: bool


def operations(consort: Consort) -> Iterator[Operation]:
    """Every operation of the OpenAPI document."""
    document: dict[str, Any] = httpx.get(f"{consort.url}/openapi.json", timeout=LIMIT).json()
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            filled = re.sub(r"\{([^}]+)\}", lambda name: FILLED.get(name[1], "cleveland"), path)
            yield Operation(method.upper(), filled, "security" in said, "requestBody" in said)


@contextmanager
def begun(consort: Consort, one: Operation, *headers: str) -> Iterator[socket.socket]:
    """A connection on which the head of a request has been sent, and nothing else."""
    url = httpx.URL(consort.url)
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=LIMIT) as line:
        head = (f"{one.method} {one.path} HTTP/1.1", "Host: central", *filter(None, headers))
        line.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        yield line


def status(line: socket.socket) -> int:
    """The status of the answer; 0 if the connection was closed without one."""
    head = line.recv(4096)
    return int(head.split(b" ", 2)[1]) if head else 0


def token_of(name: str) -> str:
    return f"Authorization: Bearer {mint(identity(name), audience_of('hearts'))}"


def is_closed(line: socket.socket) -> bool:
    """Once central has let go of it; what it said before is read."""
    try:
        while line.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def until_waiting(consort: Consort, number: int) -> None:
    """Until so many requests wait for news at central."""
    end = time.monotonic() + LIMIT
    while consort.services.bus.waiting != number:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("token", UNKNOWN)
def test_of_whoever_is_not_known_no_body_is_read(
    token: str, length: str, consort: Consort, refused: Refused
) -> None:
    """Each operation that asks who sends it answers 401 before a byte of the body has come."""
    asking = [one for one in operations(consort) if one.known]
    assert len(asking) > 25
    answers = {}
    for one in asking:
        with begun(consort, one, UNKNOWN[token], LENGTHS[length]) as line:
            answers[one] = status(line)
    assert set(answers.values()) == {401}, answers
    refused(OUTSIDER, f"cannot have a body read, with {token}, {length}", "unauthenticated")


def test_what_is_open_to_all_and_takes_a_body_is_the_roster_alone(
    consort: Consort, refused: Refused
) -> None:
    found = [(one.method, one.path) for one in operations(consort) if one.body and not one.known]
    assert found == [("POST", "/api/v1/roster")]
    refused(OUTSIDER, "finds no body to send but a small roster", "signed by officers, 2 MiB")


@pytest.mark.parametrize("name", ["ada", "cleveland"])
def test_of_a_member_no_body_over_the_limit_is_waited_for(
    name: str, consort: Consort, refused: Refused
) -> None:
    answers = {}
    for one in operations(consort):
        if one.body:
            length = f"Content-Length: {MAX_BUNDLE_BYTES + 1}"
            with begun(consort, one, token_of(name), length) as line:
                answers[one] = status(line)
    assert len(answers) > 10
    assert set(answers.values()) == {413}, answers
    refused(MEMBER, f"cannot have too large a body waited for, as {name}", "too-large")


def test_of_a_body_in_chunks_no_more_than_the_limit_is_read(
    consort: Consort, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its length is not told, so it is cut where it goes over."""
    for limit in ("MAX_BODY_BYTES", "MAX_TWIN_BYTES", "MAX_BUNDLE_BYTES", "MAX_OPEN_BUNDLE_BYTES"):
        monkeypatch.setattr(bodies, limit, 1000)
    answers = {}
    for one in operations(consort):
        if one.body:
            name = "ada" if one.path.endswith(("/trains", "/roster")) else "cleveland"
            with begun(consort, one, token_of(name), LENGTHS["in chunks"]) as line:
                line.sendall(b"7d0\r\n" + b" " * 2000 + b"\r\n")
                answers[one] = status(line)
    assert set(answers.values()) <= {413, 403}, answers
    assert list(answers.values()).count(413) > 6
    refused(MEMBER, "cannot send a body without an end", "too-large")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "SLOWEST", 2**40)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("length", LENGTHS)
def test_an_upload_that_does_not_end_is_ended(
    length: str, consort: Consort, refused: Refused
) -> None:
    answers = {}
    for one in operations(consort):
        if one.body:
            with begun(consort, one, token_of("cleveland"), LENGTHS[length]) as line:
                answers[one] = status(line)
    assert set(answers.values()) == {408}, answers
    refused(MEMBER, f"cannot keep an upload open, {length}", "answered 408 at the deadline")


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_says_nothing_or_half_a_head_is_closed(
    consort: Consort, refused: Refused
) -> None:
    url = httpx.URL(consort.url)
    for said in (b"", b"GET /api/v1 HTTP/1.1\r\nHost: central\r\n"):
        with socket.create_connection((url.host, url.port or 0), timeout=LIMIT) as line:
            line.sendall(said)
            assert is_closed(line)
    refused(OUTSIDER, "cannot keep connections open by saying nothing", "closed at the deadline")


@pytest.mark.usefixtures("impatient")
def test_what_drips_in_after_an_answer_does_not_keep_the_connection(
    consort: Consort, refused: Refused
) -> None:
    """Of a body that nobody reads, a byte now and then."""
    one = Operation("POST", "/api/v1/trains", True, True)
    with begun(consort, one, LENGTHS["its length is told"]) as line:
        assert status(line) == 401
        line.settimeout(0.05)
        end = time.monotonic() + LIMIT
        while True:
            assert time.monotonic() < end
            try:
                line.sendall(b" ")
                if not line.recv(4096):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    refused(OUTSIDER, "cannot keep a connection open with a refused upload", "closed in time")


def test_one_address_has_no_more_connections_than_so_many(
    founded: tuple[Founded, Consortium], tmp_path: Path, refused: Refused
) -> None:
    most = 5
    limits = {"requests_per_address": most, "trusted_proxies": ()}
    with consort_of(founded, tmp_path, **limits) as consort, ExitStack() as held:
        url = httpx.URL(consort.url)
        address = (url.host, url.port or 0)
        consort.lab.central.close()  # its connection is one of them
        lines = [
            held.enter_context(socket.create_connection(address, timeout=LIMIT))
            for _ in range(most + 3)
        ]
        said = [status(line) for line in lines[most:]]
        assert said == [429] * 3
        lines[0].close()
        end = time.monotonic() + LIMIT
        while True:
            assert time.monotonic() < end
            try:
                answer = httpx.get(f"{consort.url}/health", timeout=LIMIT)
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.OK:
                break
    refused(OUTSIDER, "cannot take all connections from one address", "too-many-requests")


def test_one_member_has_no_more_requests_under_way_than_so_many(
    founded: tuple[Founded, Consortium], tmp_path: Path, refused: Refused
) -> None:
    most = 4
    with (
        consort_of(founded, tmp_path, requests_per_member=most) as consort,
        ExitStack() as held,
    ):
        wait = Operation("GET", "/api/v1/inbox?wait=50&after=0", True, False)
        for _ in range(most):
            held.enter_context(begun(consort, wait, token_of("cleveland")))
        until_waiting(consort, most)
        look = Operation("GET", "/api/v1/stations", True, False)

        def asked(name: str) -> int:
            with begun(consort, look, token_of(name), "Connection: close") as line:
                return status(line)

        assert asked("cleveland") == httpx.codes.TOO_MANY_REQUESTS
        assert asked("ada") == httpx.codes.OK
        held.close()
        end = time.monotonic() + LIMIT
        while asked("cleveland") != httpx.codes.OK:
            assert time.monotonic() < end
    refused(MEMBER, "cannot take all of central's attention", "too-many-requests")


def test_an_address_that_a_trusted_proxy_names_is_the_one_that_is_counted(
    founded: tuple[Founded, Consortium], tmp_path: Path, refused: Refused
) -> None:
    """And one that nobody trusts names nobody: it is counted itself."""
    wait = Operation("GET", "/api/v1/inbox?wait=50&after=0", True, False)
    with (
        consort_of(founded, tmp_path, requests_per_address=2) as consort,
        ExitStack() as held,
    ):
        for _ in range(2):
            from_one = "X-Forwarded-For: 203.0.113.7"
            held.enter_context(begun(consort, wait, token_of("cleveland"), from_one))
        until_waiting(consort, 2)

        def asked(address: str) -> int:
            look = Operation("GET", "/health", False, False)
            with begun(consort, look, f"X-Forwarded-For: {address}", "Connection: close") as line:
                return status(line)

        assert asked("203.0.113.7") == httpx.codes.TOO_MANY_REQUESTS
        assert asked("203.0.113.8") == httpx.codes.OK
    refused(OUTSIDER, "cannot take a proxy's other addresses down with it", "too-many-requests")
