"""Central's OpenAPI document, tried out: no request breaks it, and no answer is undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from phtlab.wire.central.token import audience_of, mint
from tests.central.api.matrix import ALLOWED, STATIONS
from tests.central.world import World
from tests.governance import documents

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What never ends is looked at by the tests of streams, and that there is no registry here by those
# of the service.
ELSEWHERE = {("GET", "/api/v1/events"), ("GET", "/ready")}


def _places(world: World) -> dict[str, Any]:
    """Names of things that are there."""
    journey = world.journey("ulm")
    proposal = documents.proposal()
    signed = proposal.sign(world.identity("ada"))
    world.client("ada").governance.submit_proposal(signed)
    ulm, key = world.client("ulm").governance, world.identity("ulm")
    approval = documents.approval(proposal, signed).sign(key)
    ulm.decide(proposal.id, "ulm", approval)
    ulm.put_active_approvals("ulm", documents.standing(1, approval).sign(key))
    return {
        "journey": journey.id,
        "digest": journey.train,
        "proposal": proposal.id,
        "station": "ulm",
    }


def _operations(world: World) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"{world.url}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        if (operation.method.upper(), operation.path) not in ELSEWHERE:
            yield operation


@pytest.mark.parametrize("examples", [8, pytest.param(100, marks=pytest.mark.long)])
def test_no_request_breaks_central_or_is_answered_otherwise_than_documented(
    small_central: World, monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    places = _places(small_central)
    tried = set()

    for operation in _operations(small_central):
        route = (operation.method.upper(), operation.path)
        name = "ulm" if ALLOWED.get(route) == STATIONS else "ada"
        _try(small_central, operation, name, places, examples)
        tried.add(route)
    assert tried == set(ALLOWED) - ELSEWHERE


def _try(world: World, operation: Any, name: str, places: dict[str, Any], examples: int) -> None:
    """Send `examples` requests of `operation`, some of them about things that are there."""

    @given(case=operation.as_strategy(), real=st.booleans())
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Any, real: bool) -> None:
        if real and not operation.path.endswith("/events"):  # a real journey's go on and on
            for place in set(case.path_parameters or {}) & set(places):
                case.path_parameters[place] = places[place]
        if "wait" in (case.query or {}):
            case.query["wait"] = 0
        token = mint(world.identity(name), audience_of("pht"), world.clock())
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {token}"})

    attempt()
