"""Orders of rounds: their limits, and their key, which is kept before the order is signed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from phtlab.errors import CentralUnreachableError, NotOnRosterError, OrderError
from phtlab.governance.rounds import RoundTerms
from phtlab.lab.client.lab import Lab
from phtlab.lab.client.train import Train
from phtlab.lab.rounds.folder import journey_folder
from phtlab.lab.rounds.journey_key import journey_key
from phtlab.lab.rounds.ordered import DEFAULT_DEADLINE, require_aggregator, round_limits
from phtlab.notebook import ParameterSchema
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import MAX_READERS, Order
from phtlab.train.image.composition import compose, declared_files
from phtlab.wire.api.journeys import JourneyView
from tests.lab.rounds.series_world import STATIONS, SeriesWorld, identity, notebook, roster
from tests.raising import raises_code
from tests.train.test_image import CONFIG, KERNEL, MANIFEST


class Dispatching:
    """A lab whose central keeps the orders that it gets."""

    def __init__(self, world: SeriesWorld, train: TrainManifest | None = None) -> None:
        self.world = world
        self.orders: list[Envelope] = []
        self.away = False
        session = cast(Any, world.session)
        session.central.submit_train = lambda _: None
        session.central.submit_journey = self._submit
        self.lab = Lab(session)
        manifest = train or world.manifest
        made = Train(
            session,
            cast(Any, SimpleNamespace(name="heart", parameters=ParameterSchema({}))),
            KERNEL,
            dispatch=self.lab.dispatch,
        )
        image = compose(
            MANIFEST, CONFIG, declared_files(manifest, {"train/notebook.ipynb": notebook()})
        )
        made.__dict__.update(manifest=manifest, image=image)
        self.train = made

    def _submit(self, envelope: Envelope) -> JourneyView:
        self.orders.append(envelope)
        order = Order.model_validate(peek(envelope).predicate)
        if (
            order.rounds is not None and order.rounds.key is not None
        ):  # it is there by now: see keep_journey_key
            journey_key(identity("ada"), order)
        if self.away:
            raise CentralUnreachableError("Central does not answer.")
        view = self.world.central.view()
        return view.model_copy(update={"id": envelope.digest, "order": envelope})

    def order(self, **limits: Any) -> Order:
        self.lab.dispatch(self.train, confirm=False, **limits)
        return Order.model_validate(peek(self.orders[-1]).predicate)


@pytest.fixture
def dispatching(world: SeriesWorld, monkeypatch: pytest.MonkeyPatch) -> Dispatching:
    monkeypatch.setattr("phtlab.lab.client.lab.push_train", lambda *_: "")
    return Dispatching(world)


def without_rounds(manifest: TrainManifest) -> TrainManifest:
    return manifest.model_copy(update={"rounds": None, "received": ()})


def test_an_order_has_50_rounds_of_all_stations_by_default(dispatching: Dispatching) -> None:
    rounds = dispatching.order().rounds
    assert rounds is not None
    assert (rounds.most, rounds.quorum, rounds.deadline) == (50, len(STATIONS), 3600)
    assert rounds.aggregator is None


def test_an_order_has_the_limits_that_are_asked_for(dispatching: Dispatching) -> None:
    rounds = dispatching.order(rounds=20, quorum=2, deadline=60).rounds
    assert rounds is not None
    assert (rounds.most, rounds.quorum, rounds.deadline) == (20, 2, 60)


def test_each_order_names_a_key_of_its_own(dispatching: Dispatching) -> None:
    first, second = dispatching.order(), dispatching.order()
    keys = [journey_key(identity("ada"), order).public for order in (first, second)]
    assert keys[0] != keys[1]
    assert keys[0] not in (identity("ada").public, dispatching.world.key.public)


def test_the_key_is_kept_though_central_did_not_answer(dispatching: Dispatching) -> None:
    """Central may have the order: whoever finds the journey there can combine its rounds."""
    dispatching.away = True
    with pytest.raises(CentralUnreachableError):
        dispatching.order()
    order = Order.model_validate(peek(dispatching.orders[-1]).predicate)
    assert (journey_folder(order.nonce) / "key.age").exists()


def test_a_train_without_rounds_is_ordered_without(
    world: SeriesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phtlab.lab.client.lab.push_train", lambda *_: "")
    parallel = Dispatching(world, without_rounds(world.manifest))
    assert parallel.order().rounds is None
    for limits in ({"rounds": 20}, {"quorum": 2}):
        with raises_code(OrderError, "order-no-rounds"):
            parallel.order(**limits)


@pytest.mark.parametrize(
    "limits",
    [
        {"rounds": 0},
        {"rounds": 10_001},
        {"rounds": 2.5},
        {"rounds": True},
        {"quorum": 0},
        {"quorum": 4},
        {"deadline": 0},
        {"deadline": 31 * 86_400},
    ],
)
def test_limits_that_no_order_may_have_are_refused(
    world: SeriesWorld, limits: dict[str, Any]
) -> None:
    given = {"rounds": None, "quorum": None, "deadline": DEFAULT_DEADLINE, **limits}
    with raises_code(OrderError, "order-rounds"):
        round_limits(world.manifest, len(STATIONS), **given)


def test_rounds_have_as_many_stations_as_values_can_be_sealed_to(world: SeriesWorld) -> None:
    assert round_limits(world.manifest, 63, None, None, 60) is not None
    with raises_code(OrderError, "order-rounds"):
        round_limits(world.manifest, 64, None, None, 60)


def test_the_question_before_a_dispatch_says_how_many_rounds(world: SeriesWorld) -> None:
    limits = round_limits(world.manifest, 3, 20, None, DEFAULT_DEADLINE)
    assert limits is not None
    assert limits.text(3) == "at most 20, of all stations, combined in this kernel"
    fewer = round_limits(world.manifest, 3, 20, 2, DEFAULT_DEADLINE)
    assert fewer is not None
    assert fewer.text(3) == "at most 20, of 2 stations at least, combined in this kernel"


def test_an_order_names_an_aggregator_and_no_key_is_kept(dispatching: Dispatching) -> None:
    order = dispatching.order(aggregator="adder")
    assert order.rounds is not None
    assert (order.aggregator, order.rounds.key) == ("adder", None)
    assert order.stops == (*STATIONS, "adder")
    assert not journey_folder(order.nonce).exists()
    limits = round_limits(dispatching.world.manifest, 3, 20, None, DEFAULT_DEADLINE, "adder")
    assert limits is not None
    assert limits.text(3) == "at most 20, of all stations, combined by the aggregator adder"


def test_an_order_under_a_proposal_has_its_aggregator(
    dispatching: Dispatching, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = RoundTerms(most=50, aggregator="adder")
    newest = SimpleNamespace(stations=STATIONS[:2], rounds=terms, title="Rounds")
    proposal = cast(Any, SimpleNamespace(newest=lambda: newest, digest="sha256:" + 64 * "1"))
    monkeypatch.setattr(Lab, "_station_answers", lambda *_: ())
    order = dispatching.order(proposal=proposal)
    assert (order.aggregator, order.stations) == ("adder", STATIONS[:2])
    here = dispatching.order(proposal=proposal, aggregator="")
    assert (here.aggregator, here.stations) == (None, STATIONS[:2])


def test_only_an_aggregator_of_the_roster_can_be_named(
    dispatching: Dispatching, world: SeriesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dispatching.lab.aggregators() == ("adder",)
    for name in ("ulm", "ada", "nobody"):
        with raises_code(NotOnRosterError, "order-aggregator"):
            dispatching.order(aggregator=name)
    parallel = Dispatching(world, without_rounds(world.manifest))
    with raises_code(OrderError, "order-no-rounds"):
        parallel.order(aggregator="adder")
    assert not dispatching.orders


def test_an_aggregator_is_none_of_the_stations_and_one_of_the_readers() -> None:
    require_aggregator("adder", roster(), STATIONS, ["ada"])
    with raises_code(OrderError, "order-rounds"):
        require_aggregator("adder", roster(), ["adder"], ["ada"])
    with raises_code(OrderError, "order-rounds"):
        require_aggregator("adder", roster(), STATIONS, [f"m{n}" for n in range(MAX_READERS)])
