"""The console's OpenAPI document against the console: schemathesis asks, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks

from phtlab.station.approvals import decisions
from tests.console.conftest import Browser, Desk, desk_of
from tests.station.approvals.test_approvals import proposed
from tests.station.release.held_world import held, holding_world

EXAMPLES = 5
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A station where an output is held, a train and a proposal wait, and an approval stands."""
    world = holding_world(tmp_path_factory.mktemp("schema"))
    held(world)
    _, proposal = proposed(world)
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer()
    world.begun(offer, steps=3)
    with desk_of(world) as desk:
        decisions.approve(desk.console.station, proposal.id, by="olga")
        world.daemon().step()
        yield desk


@pytest.fixture(scope="module")
def places(desk: Desk) -> dict[str, list[str]]:
    """What is there, by the name of the part of an address."""
    station = desk.console.station
    journeys = [stop.hex for stop in station.stops]
    proposals = [path.name for path in desk.world.folder.proposals.iterdir()]
    return {
        "journey": journeys,
        "target": [*journeys, *proposals],
        "proposal": proposals,
        "approval": [shown.digest[7:] for shown in decisions.list_approvals(station)],
        "output": ["wards", "counts"],
        "name": ["heart", "console.css"],
    }


def test_nothing_that_is_asked_breaks_it_and_every_answer_is_documented(
    desk: Desk, places: dict[str, list[str]]
) -> None:
    """Streams of events do not end: test_live.py asks for them."""
    schema = schemathesis.openapi.from_dict(desk.app.openapi())
    browser, tried = desk.login("all"), 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.startswith("/live/") or operation.path == "/logout":
            continue
        tried += 1
        _ask(operation, browser, places)
    assert tried > 30


def _ask(
    operation: schemathesis.APIOperation, browser: Browser, places: dict[str, list[str]]
) -> None:
    token = browser.csrf
    real = st.fixed_dictionaries({name: st.sampled_from(found) for name, found in places.items()})

    @given(operation.as_strategy(), real, st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    def ask(case: schemathesis.Case, there: dict[str, str], is_there: bool) -> None:
        if is_there:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = there[name]
        headers = {"X-CSRF-Token": token, "Origin": str(browser.client.base_url).rstrip("/")}
        answer = case.call(
            base_url=str(browser.client.base_url),
            headers=headers,
            cookies=dict(browser.client.cookies),
            allow_redirects=False,
        )
        case.validate_response(answer, checks=CHECKS)

    ask()


def test_its_document_names_no_place_of_this_machine(desk: Desk) -> None:
    assert str(Path.home()) not in str(desk.app.openapi())
