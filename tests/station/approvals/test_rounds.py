"""Orders of rounds under approvals and proposals: within their terms, or a person is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import ApprovalError
from phtlab.governance import open_approval
from phtlab.station.approvals import decisions
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.terms import ApprovalRequest
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import Rounds
from phtlab.train.documents.order import OrderedRounds
from phtlab.wire.api.journeys import Offer
from tests.raising import raises_code
from tests.station.approvals.test_approvals import proposed
from tests.station.station_world import World, identity, make_world

POLICY = 'mode = "human"\n\n[allow]\nroutes = ["rounds"]\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A station whose people decide, and that takes part in rounds."""
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(POLICY)
    return world


def train_of_rounds(world: World) -> Envelope:
    return world.train(rounds=Rounds(cells=(2,), combine=(3,)))


def ordered(world: World, train: Envelope, most: int = 5, **order: Any) -> Offer:
    rounds = OrderedRounds(most=most, key=identity("journey").public, quorum=1, deadline=60)
    return world.offer(train, route="rounds", rounds=rounds, **order)


def desk(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def approved(world: World, offer: Offer, **request: Any) -> str:
    asked = ApprovalRequest(**request)
    return decisions.approve(desk(world), offer.journey, by="olga", request=asked).sentence


def test_an_order_of_rounds_waits_for_a_person_and_its_approval_names_them(world: World) -> None:
    offer = ordered(world, train_of_rounds(world))
    daemon = world.begun(offer, steps=3)
    assert world.stop(offer).state == "held"
    assert "in at most 5 rounds, combined by the researcher's kernel" in approved(world, offer)
    daemon.step()
    (kept,) = Approvals(world.folder)
    approval = open_approval(kept.envelope, world.roster)
    assert approval.rounds is not None
    assert (approval.rounds.most, approval.rounds.aggregator) == (5, None)


@pytest.mark.parametrize(("most", "state"), [(4, "covered"), (5, "covered"), (6, "held")])
def test_the_next_order_starts_within_the_rounds_that_were_approved(
    world: World, most: int, state: str
) -> None:
    train = train_of_rounds(world)
    offer = ordered(world, train)
    daemon = world.begun(offer, steps=3)
    approved(world, offer)
    daemon.step()
    again = ordered(world, train, most)
    daemon.receive(again)
    for _ in range(3):
        daemon.step()
    stop = world.stop(again)
    assert ("held" if stop.state == "held" else "covered") == state
    assert stop.has(Marker.HELD) == (state == "held")


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"most": 5}, None),
        ({"most": 4}, "proposal-rounds"),
        ({"most": 5, "aggregator": "adder"}, "proposal-rounds"),
        (None, "proposal-rounds"),
    ],
    ids=str,
)
def test_an_order_of_rounds_keeps_to_the_terms_of_its_proposal(
    world: World, terms: dict[str, Any] | None, code: str | None
) -> None:
    signed, _ = proposed(world, rounds=terms, risk="high")
    offer = ordered(world, train_of_rounds(world), proposal=signed.digest)
    world.begun(offer, steps=3)
    if code is None:
        assert ", in at most 5 rounds, " in approved(world, offer, scope="notebook")
        return
    with raises_code(ApprovalError, code):
        approved(world, offer, scope="notebook")


def test_an_order_without_rounds_is_within_terms_for_rounds(world: World) -> None:
    world.folder.policy.write_text('mode = "human"\n')
    signed, _ = proposed(world, rounds={"most": 5}, risk="high")
    offer = world.offer(proposal=signed.digest)
    world.begun(offer, steps=3)
    assert "rounds" not in approved(world, offer, scope="train")


@pytest.mark.parametrize(("most", "found"), [(9, False), (10, True)])
def test_many_rounds_of_an_order_are_a_reason_for_its_risk(
    world: World, most: int, found: bool
) -> None:
    offer = ordered(world, train_of_rounds(world), most)
    world.begun(offer, steps=3)
    held = world.stop(offer).read(stop_files.HELD)
    assert ("many-rounds" in {reason.code for reason in held.reasons}) == found
    assert peek(offer.order).predicate["rounds"]["most"] == most


@pytest.mark.parametrize(
    ("policy", "order", "code"),
    [
        ('mode = "auto"\n', {}, "route-not-allowed"),
        (POLICY + "[rounds]\nmost = 4\n", {}, "rounds-too-many"),
        (POLICY + "[rounds]\nrequire_aggregator = true\n", {}, "rounds-aggregator"),
    ],
)
def test_a_policy_refuses_rounds_before_a_person_is_asked(
    world: World, policy: str, order: dict[str, Any], code: str
) -> None:
    world.folder.policy.write_text(policy)
    offer = ordered(world, train_of_rounds(world), **order)
    world.begun(offer, steps=3)
    stop = world.stop(offer)
    assert (stop.state, stop.read(stop_files.ENDING).code) == ("refused", code)
