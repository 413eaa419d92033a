"""The console's pages of sequential routes, of terms for rounds, and of void approvals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.station.approvals.store import Approvals
from tests.console.conftest import Desk, desk_of
from tests.governance import documents
from tests.station.approvals.test_approvals import proposed
from tests.station.pipeline.rounds_series import POLICY as ROUNDS
from tests.station.pipeline.rounds_series import make_series
from tests.station.pipeline.sequential_route import POLICY, Route, sequential_route
from tests.station.station_world import identity
from tests.station.stops.test_route_view import continued
from tests.station.version_1 import keep_older_proposal


@pytest.fixture
def route(tmp_path: Path) -> Route:
    """A sequential train at a station whose people decide."""
    route = sequential_route(tmp_path)
    route.world.folder.policy.write_text(POLICY.replace('"auto"', '"human"'))
    return route


@pytest.fixture
def desk(route: Route) -> Iterator[Desk]:
    with desk_of(route.world) as desk:
        yield desk


def _text(desk: Desk, path: str) -> str:
    """The page's text, without its elements."""
    page = desk.login("all").get(path).text
    spaced = re.sub(r"</?(dd|dt|div|li|p|small|td|th)\b", r" <\1", page)
    return " ".join(re.sub(r"<[^>]*>", "", spaced).replace("&#39;", "'").split())


def test_the_review_of_a_first_station_says_what_it_hands_on(desk: Desk, route: Route) -> None:
    offer = route.order("cleveland", "hungary")
    route.world.begun(offer, steps=3)
    page = _text(desk, f"/review/{offer.journey[7:]}")
    assert "sequential: cleveland → hungary, this station is 1st of 2" in page
    assert "Receives nothing for model: its cells take their default" in page
    assert "Hands on to hungary: model (model)" in page
    assert "Releases nothing from here to ada" in page
    assert ", handing model on to the next station, until " in page
    assert f"journey {offer.journey[7:19]}, sequential, 1st of 2" in _text(desk, "/")
    assert "Hands on model (model), to hungary" in _text(desk, f"/journeys/{offer.journey[7:]}")


def test_the_review_of_a_continued_journey_says_from_where_it_receives(
    desk: Desk, route: Route
) -> None:
    offer = continued(route)
    route.world.begun(offer, steps=3)
    page = _text(desk, f"/review/{offer.journey[7:]}")
    assert ", after its stop at hungary" in page
    assert "Receives from hungary: model (model; any shapes; any numbers)" in page
    assert "Hands on nothing: it is the last station" in page
    assert "Releases to ada: model (model)" in page


def test_a_parallel_train_shows_no_route(desk: Desk, route: Route) -> None:
    offer = route.world.offer()
    route.world.begun(offer, steps=3)
    page = _text(desk, f"/review/{offer.journey[7:]}")
    assert "Hands on" not in page
    assert "sequential" not in page


def test_the_policy_trial_says_what_goes_on_to_whom(desk: Desk, route: Route) -> None:
    route.world.begun(route.order("cleveland", "hungary"), steps=3)
    trial = desk.login("adm").post("/policy/trial", 200, text='mode = "auto"').text
    assert "sequential, 1st of 2, hands model on to hungary" in trial


def test_a_proposal_shows_its_terms(desk: Desk, route: Route) -> None:
    rounds = {"most": 50, "aggregator": "adder"}
    _, proposal = proposed(
        route.world, handed_on=("model",), rounds=rounds, resources={"seconds": 600}
    )
    page = _text(desk, f"/proposals/{proposal.id}")
    assert "Handed on to the next station model" in page
    assert "at most 50 rounds" in page
    assert "combined by the aggregator adder" in page
    assert "at most 600 seconds" in page


def test_void_approvals_and_proposals_are_named(desk: Desk, route: Route) -> None:
    world = route.world
    now = world.now().replace(microsecond=0)
    approval = documents.approval(
        None, None, station="cleveland", issued=now, expires=now + timedelta(days=30)
    )
    Approvals(world.folder).keep(documents.approval_of_version_1(approval, identity("cleveland")))
    (world.folder.approvals / "other.json").write_text("{}")
    proposal, _ = keep_older_proposal(world)
    page = _text(desk, "/approvals")
    assert "✗ void This approval is of version 1 of its format" in page
    assert "they allow nothing: other.json." in page
    assert f"{proposal} is void: This proposal is of version 1 of its format" in page
    # The other pages go on without them.
    for path in ("/", "/audit", "/journeys"):
        _text(desk, path)


def test_the_review_of_rounds_says_who_combines_and_what_leaves(tmp_path: Path) -> None:
    series = make_series(tmp_path, most=20, policy=ROUNDS.replace('"auto"', '"human"'))
    series.steps(4)
    with desk_of(series.world) as desk:
        page = _text(desk, f"/review/{series.offer.journey[7:]}")
    assert "20 rounds at most, combined by the researcher's kernel" in page
    assert "beta (model; any shapes; numbers -1000000 to 1000000), in each round after" in page
    assert "update (model), in each round, to ada" in page
