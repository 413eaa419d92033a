"""Approvals of sequential trains: what they hand on stands in what is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import ApprovalError
from phtlab.governance import open_approval
from phtlab.station.approvals import decisions
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.terms import ApprovalRequest, described
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from tests.governance import documents
from tests.raising import raises_code
from tests.station.approvals.test_approvals import proposed
from tests.station.pipeline.sequential_route import POLICY, Route, sequential_route
from tests.station.station_world import World


@pytest.fixture
def route(tmp_path: Path) -> Route:
    """A sequential train at a station whose people decide."""
    route = sequential_route(tmp_path)
    route.world.folder.policy.write_text(POLICY.replace('"auto"', '"human"'))
    return route


def _context(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def test_the_approval_of_a_sequential_train_names_what_it_hands_on(route: Route) -> None:
    world = route.world
    offer = route.order("cleveland", "hungary")
    daemon = world.begun(offer, steps=3)
    held = world.stop(offer).read(stop_files.HELD)
    assert "handed-on" in {reason.code for reason in held.reasons}
    word = decisions.approve(_context(world), offer.journey, by="olga")
    assert ", handing model on to the next station, until " in word.sentence
    for _ in range(12):
        daemon.step()
    (kept,) = Approvals(world.folder)
    approval = open_approval(kept.envelope, world.roster)
    assert approval.handed_on == ("model",)
    assert "handing on model" in described(approval)
    assert world.stop(offer).state == "departed"


@pytest.mark.parametrize(("handed_on", "code"), [(("model",), None), ((), "proposal-handed-on")])
def test_a_proposal_says_what_its_trains_hand_on(
    route: Route, handed_on: tuple[str, ...], code: str | None
) -> None:
    world = route.world
    signed, _ = proposed(world, handed_on=handed_on, risk="high")
    offer = route.order("cleveland", "hungary", proposal=signed.digest)
    world.begun(offer, steps=3)
    request = ApprovalRequest(scope="notebook")

    def approve() -> str:
        approved = decisions.approve(_context(world), offer.journey, by="olga", request=request)
        return approved.sentence

    if code is None:
        assert ", handing model on to the next station, " in approve()
    else:
        with raises_code(ApprovalError, code):
            approve()


def test_the_rule_of_a_proposal_has_its_terms(route: Route) -> None:
    world = route.world
    rounds = {"most": 5, "outputs": ({"name": "update", "digits": 6},)}
    resources = {"memory": 2_000_000_000}
    _, proposal = proposed(world, handed_on=("model",), rounds=rounds, resources=resources)
    word = decisions.preview(
        _context(world),
        proposal.id,
        by="olga",
        request=ApprovalRequest(scope="notebook", notebook=documents.NOTEBOOK),
    )
    for part in (
        "handing model on to the next station",
        "in at most 5 rounds, combined by the researcher's kernel",
        "each publishing update (at most 6 significant digits)",
        "with at most 2,000,000,000 bytes of memory",
    ):
        assert part in word.sentence
