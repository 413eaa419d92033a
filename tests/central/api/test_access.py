"""Who gets in: every route of the API refuses whoever is not a member, now, for this central."""

from __future__ import annotations

import base64
from datetime import timedelta

import httpx
import pytest

from phtlab.train.crypto.identity import Identity
from phtlab.wire.central.client import MAX_TWIN_BYTES
from phtlab.wire.central.token import audience_of, mint
from tests.central.world import World
from tests.limits import LIMIT

OPEN = {
    ("GET", "/api/v1"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/tuf/metadata/{name}"),
    ("GET", "/api/v1/tuf/targets/{name}"),
    # A bundle is signed by the officers' threshold: that is its permission.
    ("POST", "/api/v1/roster"),
}
PLACES = {
    "{digest}": f"sha256:{'0' * 64}",
    "{journey}": f"sha256:{'0' * 64}",
    "{station}": "ulm",
    "{proposal}": "p-0123456789abcdef",
    "{name}": "heart",
    "{number}": "1",
}


def _closed(world: World) -> list[tuple[str, str]]:
    document = httpx.get(f"{world.url}/openapi.json", trust_env=False, timeout=LIMIT).json()
    found = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert found >= OPEN
    assert len(found) > 20
    closed = []
    for method, path in sorted(found - OPEN):
        for name, value in PLACES.items():
            path = path.replace(name, value)
        assert "{" not in path
        closed.append((method, path))
    return closed


def _tokens(world: World) -> dict[str, str]:
    ada, eve = world.identity("ada"), Identity.generate("eve")
    now, audience = world.clock(), audience_of("pht")
    impostor = Identity("ada", ed25519=eve.ed25519, ml_dsa_65=eve.ml_dsa_65, age=eve.age)
    return {
        "none": "",
        "empty": "Bearer",
        "garbage": "Bearer x.y.z",
        "another scheme": f"Digest {mint(ada, audience, now)}",
        "another central's": f"Bearer {mint(ada, audience_of('other'), now)}",
        "expired": f"Bearer {mint(ada, audience, now - timedelta(minutes=5))}",
        "of the future": f"Bearer {mint(ada, audience, now + timedelta(minutes=5))}",
        "a stranger's": f"Bearer {mint(eve, audience, now)}",
        "another key's": f"Bearer {mint(impostor, audience, now)}",
    }


def test_every_route_but_the_open_ones_needs_a_member(small_central: World) -> None:
    tokens = _tokens(small_central)
    for method, path in _closed(small_central):
        for what, header in tokens.items():
            answer = small_central.request(
                method, path, headers={"Authorization": header}, content=b"{}"
            )
            said = (method, path, what, answer.status_code)
            assert answer.status_code == 401, said
            assert answer.headers["content-type"] == "application/problem+json", said
            assert answer.headers["www-authenticate"] == "Bearer", said
            assert answer.json()["detail"], said
            assert "bob" not in answer.text, said


def test_the_open_routes_are_open(small_central: World) -> None:
    for method, path in sorted(OPEN - {("POST", "/api/v1/roster")}):
        answer = small_central.request(method, path.replace("{name}", "none.json"))
        assert answer.status_code in (200, 404, 503), path


def test_a_removed_member_is_a_stranger(small_central: World) -> None:
    """Revocation counts at once: the token is checked against the roster in force."""
    from phtlab.consortium.consortium import Consortium

    consortium: Consortium = small_central.founding.consortium
    bob = next(m for m in consortium.roster.members if m.name == "bob")
    client = small_central.client("bob")
    assert client.stations()
    consortium.remove_member("bob")
    small_central.client(None).publish_roster(small_central.founding.sign())
    try:
        answer = small_central.request("GET", "/api/v1/stations", as_="bob")
        assert (answer.status_code, answer.json()["code"]) == (401, "not-on-roster")
    finally:
        consortium.add_member(bob)
        small_central.founding.sign()


def test_the_token_may_come_as_a_password(small_central: World) -> None:
    token = mint(small_central.identity("ada"), audience_of("pht"), small_central.clock())
    pair = base64.b64encode(f"ada:{token}".encode()).decode()
    answer = small_central.request(
        "GET", "/api/v1/registry/token", headers={"Authorization": f"Basic {pair}"}
    )
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_refused_by_its_length(small_central: World) -> None:
    answer = small_central.request("POST", "/api/v1/trains", as_="ada", content=b"x" * (5 * 2**20))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_body_over_the_limit_is_refused_while_it_comes(small_central: World) -> None:
    def pieces() -> object:
        for _ in range(6):
            yield b"x" * 2**20

    answer = small_central.request("POST", "/api/v1/trains", as_="ada", content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_twin_over_the_limit_is_refused(small_central: World) -> None:
    answer = small_central.request(
        "PUT", "/api/v1/stations/self/twins/heart", as_="ulm", content=b"x" * (MAX_TWIN_BYTES + 1)
    )
    assert answer.status_code == 413


def test_a_malformed_request_is_a_problem_that_repeats_nothing(small_central: World) -> None:
    answer = small_central.request(
        "POST", "/api/v1/trains", as_="ada", content=b'{"payload": 7, "canary": "SECRET"}'
    )
    assert answer.status_code == 422
    assert "payload" in answer.json()["detail"]
    assert "SECRET" not in answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/nothing"), ("PUT", "/api/v1")])
def test_an_unknown_address_is_a_problem(small_central: World, method: str, path: str) -> None:
    answer = small_central.request(method, path)
    assert answer.status_code in (404, 405)
    assert "no such address or method" in answer.json()["detail"]


def test_every_route_is_documented(small_central: World) -> None:
    document = httpx.get(f"{small_central.url}/openapi.json", trust_env=False, timeout=LIMIT).json()
    assert "Problem" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert operation["tags"], (method, path)
