"""What the policy decides over one order, and how it reads its file."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from phtlab.errors import PolicyError
from phtlab.governance.risk import RISKS, Risk
from phtlab.station.executor.contract import Limits
from phtlab.station.policy.policy import (
    Allowed,
    Decision,
    Policy,
    decide,
    default_policy,
    load_policy,
)
from phtlab.station.settings.sizes import parse_size
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import KernelRef, Output, Route, Train, TrainManifest
from phtlab.train.documents.order import Continuation, Order, OrderedRounds

TRAIN = Train(
    digest=digest(b"train"),
    repository="trains/ada/heart",
    author="ada",
    manifest=TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=digest(b"kernel")),
        parameters={},
        outputs=(Output(name="counts", counts="n"),),
        datasets=("heart",),
        files=(),
    ),
)


def decided(
    policy: dict[str, Any],
    train: Train = TRAIN,
    route: Route = "parallel",
    risk: Risk = "low",
    stations: tuple[str, ...] = ("cleveland", "hungary"),
    continues: Continuation | None = None,
    rounds: OrderedRounds | None = None,
    station: str = "cleveland",
    present: Collection[str] = ("heart", "lung"),
) -> Decision:
    order = Order.new(
        train.digest,
        stations,
        {},
        ("ada",),
        1,
        route=route,
        continues=continues,
        now=datetime.now(UTC),
    )
    if rounds is not None:
        order = Order.model_validate(order.model_dump() | {"route": "rounds", "rounds": rounds})
    return decide(
        Policy.model_validate(policy),
        order,
        train,
        researcher="ada",
        station=station,
        present=present,
        risk=risk,
    )


def test_the_mode_says_what_happens_to_what_is_allowed() -> None:
    assert decided({"mode": "auto"}).verdict == "admit"
    assert decided({"mode": "human"}).verdict == "hold"
    assert decided({"mode": "refuse"}).verdict == "refuse"
    assert decided({}).verdict == "hold"  # nothing runs unseen unless someone says so


@pytest.mark.parametrize(
    ("required", "held"),
    [
        ("none", ()),
        ("low", ("low", "mid", "high")),
        ("mid", ("mid", "high")),
        ("high", ("high",)),
    ],
)
def test_from_the_risk_that_the_policy_names_nothing_starts_by_itself(
    required: str, held: tuple[Risk, ...]
) -> None:
    policy = {"mode": "auto", "approval": {"required": required}}
    for risk in RISKS:
        assert (decided(policy, risk=risk).verdict == "hold") == (risk in held)
    assert decided({**policy, "mode": "refuse"}, risk="high").verdict == "refuse"


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"allow": {"researchers": ["bob"]}}, "researcher-not-allowed"),
        ({"allow": {"images": ["r"]}}, "image-not-allowed"),
        ({"allow": {"datasets": ["lung"]}}, "data-set-not-allowed"),
        ({"allow": {"routes": []}}, "route-not-allowed"),
        ({"airlock": {"kinds": ["scalar"]}}, "kind-not-allowed"),
        ({"mode": "refuse"}, "policy"),
    ],
)
def test_each_list_refuses_with_its_own_code(policy: dict[str, Any], code: str) -> None:
    decision = decided({"mode": "auto", **policy})
    assert (decision.verdict, decision.code) == ("refuse", code)
    assert decision.sentence.endswith("Ask its operator.")


def test_an_image_is_allowed_by_name_or_by_digest() -> None:
    for named in ("python", digest(b"kernel")):
        assert decided({"mode": "auto", "allow": {"images": [named]}}).verdict == "admit"


def test_the_first_rule_that_fits_decides() -> None:
    rules = [
        {"mode": "refuse", "trains": [digest(b"another")]},
        {"mode": "auto", "researchers": ["ada"], "datasets": ["heart"]},
        {"mode": "refuse", "reason": "too late"},
    ]
    assert decided({"rules": rules}).verdict == "admit"
    refused = decided({"rules": rules[2:]})
    assert refused.sentence == (
        "The policy of cleveland refuses this train: too late. Ask its operator."
    )


def test_a_rule_admits_nothing_that_the_lists_forbid() -> None:
    policy = {"allow": {"researchers": ["bob"]}, "rules": [{"mode": "auto"}]}
    assert decided(policy).verdict == "refuse"


def test_routes_that_are_not_listed_are_refused() -> None:
    assert decided({"mode": "auto"}, route="sequential").code == "route-not-allowed"
    allowed = {"mode": "auto", "allow": {"routes": ["sequential"]}}
    assert decided(allowed, route="sequential").verdict == "admit"


# Rounds

IN_KERNEL = OrderedRounds(most=50, key=Identity.generate("key").public, quorum=1, deadline=60)
BY_ADDER = OrderedRounds(most=50, aggregator="adder", quorum=1, deadline=60)


def with_rounds(**rounds: Any) -> dict[str, Any]:
    """A policy that admits orders of rounds, with entries of `[rounds]`."""
    return {"mode": "auto", "allow": {"routes": ["rounds"]}, "rounds": rounds}


def test_rounds_start_where_their_route_is_listed() -> None:
    assert decided(with_rounds(), rounds=IN_KERNEL).verdict == "admit"
    for routes in ([], ["parallel"], ["parallel", "sequential"]):
        for stations in (("cleveland", "hungary"), ("cleveland",)):
            policy = {"mode": "auto", "allow": {"routes": routes}}
            assert decided(policy, rounds=IN_KERNEL, stations=stations).code == "route-not-allowed"
    assert decided(with_rounds()).code == "route-not-allowed"  # of another route


def test_a_journey_of_more_rounds_than_the_policy_allows_refused() -> None:
    more = IN_KERNEL.model_copy(update={"most": 51})
    assert decided(with_rounds(), rounds=more).code == "rounds-too-many"
    assert decided(with_rounds(most=51), rounds=more).verdict == "admit"
    assert decided(with_rounds(most=1), rounds=IN_KERNEL).code == "rounds-too-many"


@pytest.mark.parametrize("accepted", [[], ["basel"]])
def test_an_aggregator_that_is_not_accepted_is_refused(accepted: list[str]) -> None:
    for required in (False, True):
        policy = with_rounds(aggregators=accepted, require_aggregator=required)
        refused = decided(policy, rounds=BY_ADDER)
        assert (refused.verdict, refused.code) == ("refuse", "rounds-aggregator")


@pytest.mark.parametrize("accepted", [["adder"], ["*"]])
def test_an_accepted_aggregator_may_combine(accepted: list[str]) -> None:
    for required in (False, True):
        policy = with_rounds(aggregators=accepted, require_aggregator=required)
        assert decided(policy, rounds=BY_ADDER).verdict == "admit"


def test_an_aggregator_needs_no_data_and_accepts_itself() -> None:
    admitted = decided(with_rounds(), rounds=BY_ADDER, station="adder", present=())
    assert admitted.verdict == "admit"
    assert decided(with_rounds(most=49), rounds=BY_ADDER, station="adder").code == "rounds-too-many"
    at_station = decided(with_rounds(aggregators=["adder"]), rounds=BY_ADDER, present=())
    assert at_station.code == "data-set-missing"


def test_an_order_of_the_researchers_kernel_is_refused_where_an_aggregator_is_required() -> None:
    policy = with_rounds(aggregators=["adder"], require_aggregator=True)
    assert decided(policy, rounds=IN_KERNEL).code == "rounds-aggregator"
    allowed = with_rounds(aggregators=["adder"])
    assert decided(allowed, rounds=IN_KERNEL).verdict == "admit"


def test_a_rule_admits_no_rounds_that_the_policy_forbids() -> None:
    rules = [{"mode": "auto"}]
    for policy, rounds, code in (
        ({"allow": {"routes": ["parallel"]}}, IN_KERNEL, "route-not-allowed"),
        (with_rounds(most=2), IN_KERNEL, "rounds-too-many"),
        (with_rounds(), BY_ADDER, "rounds-aggregator"),
    ):
        assert decided({**policy, "mode": "human", "rules": rules}, rounds=rounds).code == code


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        *(("most", value) for value in (0, 10_001)),
        *(("interval", value) for value in (-1, float("nan"), float("inf"), 86_401)),
        ("aggregators", "adder"),
        ("require_aggregator", "perhaps"),
        ("fewest", 1),
    ],
)
def test_rules_for_rounds_that_make_no_sense_refused(entry: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(with_rounds(**{entry: value}))


def test_answers_leave_on_a_grid_of_fractions_of_a_second() -> None:
    assert Policy().rounds.interval == 0
    assert Policy.model_validate(with_rounds(interval=0.25)).rounds.interval == 0.25


def test_a_sequential_route_of_one_station_is_allowed_as_a_parallel_one() -> None:
    """So is a dry run at a twin station: nothing is received or handed on."""
    alone = ("cleveland",)
    assert decided({"mode": "auto"}, route="sequential", stations=alone).verdict == "admit"
    refuses = {"mode": "auto", "allow": {"routes": []}}
    assert decided(refuses, route="sequential", stations=alone).code == "route-not-allowed"
    continues = Continuation(journey=digest(b"journey"), record=digest(b"record"))
    later = decided({"mode": "auto"}, route="sequential", stations=alone, continues=continues)
    assert later.code == "route-not-allowed"


def test_a_new_stations_policy_reads_back_and_says_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(default_policy("auto"))
    policy = load_policy(path)
    assert policy == Policy(mode="auto")
    assert policy.limits.limits() == Limits()
    assert policy.airlock.minimum_count == 10


def test_a_new_twin_takes_part_in_every_route(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(default_policy("auto", twin=True))
    assert load_policy(path) == Policy(mode="auto", allow=Allowed(routes=get_args(Route)))


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ("mode = 'sometimes'", "policy-invalid", "'mode' is wrong"),
        ("[limits]\nmemory = 'lots'", "policy-invalid", "'limits.memory' is wrong"),
        ("[airlok]\n", "policy-invalid", "'airlok' is wrong"),
        ("mode = ", "policy-invalid", "is not valid TOML"),
        (None, "policy-missing", "Without one nothing is admitted"),
    ],
)
def test_a_broken_policy_says_which_entry(
    tmp_path: Path, content: str | None, code: str, says: str
) -> None:
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PolicyError) as refused:
        load_policy(path)
    assert refused.value.code == code
    assert says in str(refused.value)


def test_sizes_are_written_as_people_write_them() -> None:
    assert parse_size("512 MiB") == 512 * 2**20
    assert parse_size("1.5GiB") == 3 * 2**29
    assert parse_size("10 kB") == 10_000
    assert parse_size(7) == 7
    with pytest.raises(ValueError):
        parse_size("a lot")
