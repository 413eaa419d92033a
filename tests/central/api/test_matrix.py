"""Every route with every kind of sender: who gets to the thing itself, and who does not."""

from __future__ import annotations

import httpx

from phtlab.wire.central.token import audience_of, mint
from tests.central.api.matrix import ALLOWED, SENDERS, Sender
from tests.central.api.test_access import PLACES
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.world import World
from tests.limits import LIMIT


def _header(world: World, hub: HubSimulator, sender: Sender) -> dict[str, str]:
    if sender.key is not None:
        token = mint(world.identity(sender.key), audience_of("pht"), world.clock())
        return {"Authorization": f"Bearer {token}"}
    if sender.user is not None:
        return {"Authorization": f"token {hub.token(sender.user, sender.scopes)}"}
    return {}


def _status(world: World, method: str, path: str, headers: dict[str, str]) -> int:
    for name, value in PLACES.items():
        path = path.replace(name, value)
    # Streamed, so that a stream of events counts once it has begun.
    with world.http.stream(method, world.url + path, headers=headers, content=b"{}") as answer:
        return answer.status_code


def test_each_route_takes_whom_the_matrix_says(hub_central: World, hub: HubSimulator) -> None:
    headers = {sender: _header(hub_central, hub, sender) for sender in SENDERS}
    wrong = []
    for (method, path), allowed in ALLOWED.items():
        for sender in SENDERS:
            status = _status(hub_central, method, path, headers[sender])
            assert status < 500 or path == "/ready", (method, path, sender.title)
            refused = 401 if sender.key is sender.user is None else 403
            if (status not in (401, 403)) is not (sender in allowed) or (
                sender not in allowed and status != refused
            ):
                wrong.append((method, path, sender.title, status))
    assert not wrong


def test_the_matrix_has_every_route(hub_central: World) -> None:
    paths = httpx.get(f"{hub_central.url}/openapi.json", trust_env=False, timeout=LIMIT).json()[
        "paths"
    ]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert routes == set(ALLOWED)


def test_the_document_of_the_api_says_which_tokens_each_route_takes(hub_central: World) -> None:
    document = httpx.get(f"{hub_central.url}/openapi.json", trust_env=False, timeout=LIMIT).json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["memberKey"]["scheme"] == "bearer"
    assert (schemes["hubToken"]["in"], schemes["hubToken"]["name"]) == ("header", "Authorization")
    for (method, path), allowed in ALLOWED.items():
        said = document["paths"][path][method.lower()].get("security", [])
        taken = {scheme: scopes for part in said for scheme, scopes in part.items()}
        assert ("memberKey" in taken) is (len(allowed) < len(SENDERS)), path
        by_hub = {sender for sender in allowed if sender.user} if taken else set()
        assert ("hubToken" in taken) is bool(by_hub), path
        for sender in by_hub:
            assert set(taken["hubToken"]) & set(sender.scopes), (path, sender.title)
