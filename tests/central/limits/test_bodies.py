"""What a request carries: read only of who is known, up to a limit, and not for ever."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from phtlab.central.limits import bodies
from phtlab.central.server import serving
from phtlab.wire.central.client import MAX_OPEN_BUNDLE_BYTES, CentralClient
from phtlab.wire.central.token import audience_of, mint
from tests.central.conftest import copied
from tests.central.world import Founding, World
from tests.limits import LIMIT

PAUSE = 0.05
BODY = 100_000  # bytes that are announced and never come
OPEN = {("POST", "/api/v1/roster")}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(PAUSE)


def operations(world: World) -> Iterator[tuple[str, str]]:
    """Every operation of the OpenAPI document that takes a body, its path filled in."""
    document: dict[str, Any] = httpx.get(f"{world.url}/openapi.json", timeout=LIMIT).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                yield method.upper(), re.sub(r"\{[^}]+\}", "x", path)


@contextmanager
def opened(world: World, method: str, path: str, header: str = "") -> Iterator[socket.socket]:
    """A connection on which a request has begun whose body does not come."""
    url = httpx.URL(world.url)
    assert url.port is not None
    with socket.create_connection((url.host, url.port), timeout=LIMIT) as line:
        head = f"{method} {path} HTTP/1.1\r\nHost: {url.host}\r\n{header}"
        line.sendall(f"{head}Content-Length: {BODY}\r\n\r\n".encode())
        yield line


def answer_without_body(
    world: World, method: str, path: str, header: str = "", wait: float = LIMIT
) -> int | None:
    """The status that central answers before the body came; None if it waits for it."""
    with opened(world, method, path, header) as line:
        line.settimeout(wait)
        try:
            return int(line.recv(4096).split(b" ", 2)[1])
        except TimeoutError:
            return None


def test_there_are_operations_with_a_body(small_central: World) -> None:
    found = set(operations(small_central))
    assert len(found) > 10
    assert found >= OPEN


@pytest.mark.parametrize("header", ["", "Authorization: Bearer nobody.knows.this\r\n"])
def test_nothing_is_read_of_whoever_is_not_known(small_central: World, header: str) -> None:
    """No byte of the body has come when the answer is there."""
    answers = {
        one: answer_without_body(small_central, *one, header)
        for one in operations(small_central)
        if one not in OPEN
    }
    assert answers
    assert set(answers.values()) == {401}, answers


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(bodies, "SLOWEST", 2**40)


@pytest.mark.usefixtures("impatient")
def test_a_body_that_does_not_come_is_not_waited_for(small_central: World) -> None:
    assert answer_without_body(small_central, "POST", "/api/v1/roster") == 408
    token = mint(small_central.identity("ada"), audience_of("pht"), small_central.clock())
    header = f"Authorization: Bearer {token}\r\n"
    assert answer_without_body(small_central, "POST", "/api/v1/trains", header) == 408


def test_one_address_holds_no_more_bodies_than_so_many(
    small_central: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_AT_ONCE", 3)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(opened(small_central, "POST", "/api/v1/roster"))
        until(lambda: answer_without_body(small_central, "POST", "/api/v1/roster", wait=0.2) == 429)
    until(lambda: small_central.request("POST", "/api/v1/trains", content=b"{}").status_code == 401)


def test_a_roster_of_whoever_is_not_known_is_a_small_one(small_central: World) -> None:
    large = b" " * (MAX_OPEN_BUNDLE_BYTES + 1)
    answer = small_central.request("POST", "/api/v1/roster", content=large)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    answer = small_central.request("POST", "/api/v1/roster", as_="ada", content=large)
    assert (answer.status_code, answer.json()["code"]) == (422, "request")


def test_a_roster_is_not_read_of_a_token_that_does_not_hold(small_central: World) -> None:
    header = "Authorization: Bearer nobody.knows.this\r\n"
    assert answer_without_body(small_central, "POST", "/api/v1/roster", header) == 401


def test_a_large_roster_may_be_the_first_one(
    prepared_sqlite: Path,
    tmp_path: Path,
    founding: Founding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody is known before it, so its sender's token cannot be asked for."""
    for place in ("phtlab.central.limits.bodies", "phtlab.wire.central.client"):
        monkeypatch.setattr(f"{place}.MAX_OPEN_BUNDLE_BYTES", 100)
    database = copied(prepared_sqlite, tmp_path)
    settings = founding.central.settings.model_copy(update={"database": database})
    with serving(settings) as url, CentralClient(url, founding.identities["vera"]) as vera:
        vera.publish_roster(founding.bundle())
        vera.publish_roster(founding.bundle())
        assert {one.name for one in vera.stations()} >= {"jena", "mainz", "ulm"}
