"""A stop on a sequential route: what it receives, what it hands on, and what it refuses."""

from __future__ import annotations

import errno
import json
import threading
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.errors import AirlockError, SealError
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.station.airlock.received_values import require_as_received
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope, Signature
from phtlab.train.documents.manifest import DeclaredArray, Output, OutputTarget, Received
from phtlab.wire.api.journeys import EarlierJourney, Offer
from tests.limits import LIMIT, join
from tests.station.pipeline.sequential_route import (
    POLICY,
    SEQUENTIAL,
    Route,
    handed_on_by,
    model_file,
    published,
    sequential_route,
)
from tests.station.station_world import FakeRun, member

MINUTE = timedelta(minutes=1)


@pytest.fixture
def route(tmp_path: Path) -> Route:
    return sequential_route(tmp_path)


def test_the_first_station_takes_the_default_and_hands_on_to_the_next_alone(route: Route) -> None:
    offer = route.order("cleveland", "hungary")
    record = route.travel(offer)
    assert (record.outcome, record.received) == ("departed", None)
    assert [cargo.kind for cargo in record.cargos] == ["next"]
    job = json.loads((route.world.scripted.started[0].inputs / "job.json").read_bytes())
    assert job["received"] == [{"name": "model", "kind": "model", "path": None}]
    assert route.opened(offer, record, "next", "hungary") == [1.5]
    with pytest.raises(SealError):
        route.opened(offer, record, "next", "ada")


def test_the_last_station_receives_and_sends_to_the_recipients(route: Route) -> None:
    offer = route.after_hungary()
    record = route.travel(offer)
    assert (record.outcome, record.received) == ("departed", handed_on_by(offer.previous[0]))
    assert record.previous == offer.previous[0].digest
    assert [cargo.kind for cargo in record.cargos] == ["cargo"]
    assert route.opened(offer, record, "cargo", "ada") == [1.5]
    stop = route.world.stop(offer)
    assert not stop.received.exists(), "what was received is not kept"


def test_the_run_sees_what_was_handed_on(route: Route) -> None:
    offer = route.after_hungary()
    route.world.scripted.script = FakeRun(lasts=True)
    route.world.begun(offer, steps=4)
    (job,) = route.world.scripted.started
    described = json.loads((job.inputs / "job.json").read_bytes())["received"]
    assert described == [
        {"name": "model", "kind": "model", "path": "/phtlab/in/received/model.safetensors"}
    ]
    seen = decode_tensors((job.inputs / "received" / "model.safetensors").read_bytes())
    assert seen["w"].tolist() == [0.5]


def test_a_station_in_the_middle_hands_on_and_sends_what_is_for_both(route: Route) -> None:
    (output,) = (Output(**asdict(o)) for o in route.world.analysis(SEQUENTIAL).outputs)
    both = output.model_copy(update={"to": OutputTarget.BOTH})
    route.train = route.world.train(SEQUENTIAL, outputs=(both,), received=(Received(name="model"),))
    route.world.roster = route.world.roster.model_copy(
        update={"members": (*route.world.roster.members, member("basel", "station"))}
    )
    offer = route.after_hungary("cleveland", "basel")
    record = route.travel(offer)
    assert sorted(cargo.kind for cargo in record.cargos) == ["cargo", "next"]
    assert route.opened(offer, record, "cargo", "ada") == [1.5]
    assert route.opened(offer, record, "next", "basel") == [1.5]


def refused(route: Route, offer: Offer) -> str:
    record = route.travel(offer)
    assert record.outcome == "refused"
    assert not route.ran
    assert route.left(offer) == []
    return record.code


def test_cargo_for_another_station_is_refused(route: Route) -> None:
    assert refused(route, route.after_hungary(to=["hungary"])) == "order-received"


def test_cargo_that_was_changed_is_refused(route: Route) -> None:
    offer = route.after_hungary()
    (sealed,) = route.world.artifacts.cargos
    content = route.world.artifacts.cargos[sealed]
    route.world.artifacts.cargos[sealed] = content[:-1] + bytes([content[-1] ^ 1])
    assert refused(route, offer) == "order-received"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04K\x01.",
        encode_tensors({"patients": np.array([1.0])}),
        encode_tensors({"w": np.array([1.0]), "more": np.array([1.0])}),
        model_file(0.5) + b"more",
    ],
    ids=["empty", "pickle", "other name", "another array", "longer"],
)
def test_what_is_not_as_declared_is_refused(route: Route, content: bytes) -> None:
    assert refused(route, route.after_hungary(content=content)) == "order-received"


@pytest.mark.parametrize(
    ("arrays", "lowest", "highest"),
    [
        ({"w": (1,)}, -1.0, 1.0),
        ({"w": (None,)}, None, None),
        ({}, 0.5, None),
        ({}, None, 0.5),
        ({"w": (2,)}, None, None),
        ({"w": (1, 1)}, None, None),
        ({"w": (1,), "v": (1,)}, None, None),
        ({}, 0.6, None),
        ({}, None, 0.4),
    ],
)
def test_shapes_and_bounds_are_compared_on_both_sides(
    route: Route,
    arrays: dict[str, tuple[int | None, ...]],
    lowest: float | None,
    highest: float | None,
    request: pytest.FixtureRequest,
) -> None:
    """What the next station would refuse does not leave; what it receives is compared again."""
    fits = request.node.callspec.indices["arrays"] < 4
    declared = tuple(DeclaredArray(name=name, shape=shape) for name, shape in arrays.items())
    received = Received(name="model", arrays=declared, lowest=lowest, highest=highest)
    outputs = tuple(Output(**asdict(o)) for o in route.world.analysis(SEQUENTIAL).outputs)
    route.train = route.world.train(SEQUENTIAL, outputs=outputs, received=(received,))
    route.world.scripted.script = FakeRun(files=published(0.5))
    sent = route.travel(route.order("cleveland", "hungary"))
    assert (sent.outcome, sent.code) == (("departed", "") if fits else ("failed", "hand-on-form"))
    route.world.scripted.started.clear()
    offer = route.after_hungary(content=model_file(0.5))
    if fits:
        assert route.travel(offer).outcome == "departed"
    else:
        assert refused(route, offer) == "order-received"


@pytest.mark.parametrize(("value", "fits"), [("0.5", True), ("2", False), ("null", False)])
def test_a_received_scalar_is_within_its_bounds(value: str, fits: bool) -> None:
    output = Output(name="share", kind="scalar", of=True, to=OutputTarget.NEXT)
    received = Received(name="share", lowest=0, highest=1)
    content = f'{{"value": {value}}}'.encode()
    if fits:
        require_as_received(output, received, content)
        return
    with pytest.raises(AirlockError):
        require_as_received(output, received, content)


def test_numbers_of_a_type_that_a_run_cannot_read_are_refused() -> None:
    header = b'{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    content = len(header).to_bytes(8, "little") + header + b"\0\0"
    output = Output(name="m", kind="model", tensors=("w",), to=OutputTarget.NEXT)
    with pytest.raises(AirlockError):
        require_as_received(output, Received(name="m"), content)


def test_a_turn_without_the_record_before_is_refused(route: Route) -> None:
    offer = route.order("hungary", "cleveland")
    daemon = route.world.begun(offer, steps=4)
    record = daemon.station.stops.stop(offer.journey).final_record()
    assert (record.outcome, record.code) == ("refused", "order-turn")
    assert route.world.scripted.started == []


def test_what_is_larger_than_the_policy_takes_is_refused(route: Route) -> None:
    route.world.folder.policy.write_text(POLICY + "\n[hand_on]\nreceived = 100\n")
    assert refused(route, route.after_hungary()) == "order-received"


def test_a_policy_says_to_whom_and_what_is_handed_on(route: Route) -> None:
    for entry in ('stations = ["basel"]', 'kinds = ["scalar"]'):
        route.world.folder.policy.write_text(POLICY + f"\n[hand_on]\n{entry}\n")
        offer = route.order("cleveland", "hungary")
        assert refused(route, offer) == "hand-on-not-allowed"


def test_a_stop_that_cannot_hand_on_ends_the_journey(route: Route) -> None:
    (output,) = (Output(**asdict(o)) for o in route.world.analysis(SEQUENTIAL).outputs)
    count = Output(name="n", kind="scalar", counts="n")
    route.train = route.world.train(
        SEQUENTIAL, outputs=(output, count), received=(Received(name="model"),)
    )
    files = {
        "outputs/n.scalar.json": b'{"type": "integer", "value": 56}',
        "outputs/n.json": b'{"name": "n", "kind": "scalar", "counts": "n"}',
    }
    route.world.scripted.script = FakeRun(files=files | published(1.5, of=3))
    route.world.folder.policy.write_text(POLICY + 'small_count = "refuse"\n')
    record = route.travel(route.order("cleveland", "hungary"))
    assert (record.outcome, record.code, record.cargos) == ("failed", "hand-on-refused", ())
    assert {v.name: v.verdict for v in record.outputs} == {"model": "refused", "n": "released"}


def test_of_one_record_a_journey_goes_on_once(route: Route) -> None:
    """A second offer with the same record before it: only one of them runs."""
    offer = route.after_hungary()
    assert route.travel(offer).outcome == "departed"
    stops = route.world.station().stops
    other = stops.open(route.order("hungary", "cleveland"))
    assert not stops.take_record(offer.previous[0].digest, other)
    assert stops.take_record(digest(b"another"), other)


def test_of_a_record_that_was_given_back_one_journey_gets_the_claim(route: Route) -> None:
    """The journey that had it failed; several others ask for it at the same time."""
    offer = route.after_hungary()
    route.world.scripted.script = FakeRun("cell-failed")
    assert route.travel(offer).outcome == "failed"
    stops = route.world.station().stops
    others = [stops.open(route.order("hungary", "cleveland")) for _ in range(8)]
    ready, taken = threading.Barrier(len(others)), []

    def take(stop: Any) -> None:
        ready.wait(LIMIT)
        taken.append(stops.take_record(offer.previous[0].digest, stop))

    threads = [threading.Thread(target=take, args=(stop,)) for stop in others]
    for thread in threads:
        thread.start()
    join(*threads)
    assert sorted(taken) == [False] * 7 + [True]


@pytest.mark.parametrize("where", ["fetched", "opened"])
def test_a_disk_that_is_full_is_waited_for(
    route: Route, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    offer = route.after_hungary()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if where == "fetched":
            patch.setattr(route.world.artifacts, "fetch_cargo", full)
        else:
            patch.setattr("phtlab.files.sealed_file.open_sealed", full)
        route.world.begun(offer, steps=3)
        assert route.world.stop(offer).state == "offered"
        assert route.left(offer) == []
    assert route.travel(offer).outcome == "departed"


def test_cargo_that_the_registry_does_not_give_has_its_own_code(route: Route) -> None:
    offer = route.after_hungary()
    route.world.artifacts.cargos.clear()
    daemon = route.world.begun(offer, steps=1)
    for _ in range(30):
        route.world.ahead += MINUTE
        daemon.step()
    record = route.world.stop(offer).final_record()
    assert (record.outcome, record.code) == ("refused", "received-unavailable")


def test_a_policy_that_changed_while_it_ran_hands_nothing_on(route: Route) -> None:
    offer = route.order("cleveland", "hungary")
    daemon = route.world.begun(offer, steps=3)
    assert route.world.stop(offer).has(Marker.ADMITTED)
    route.world.folder.policy.write_text(POLICY + '\n[hand_on]\nstations = ["basel"]\n')
    while not route.world.stop(offer).has(Marker.RECORD):
        daemon.step()
    record = route.world.stop(offer).final_record()
    assert (record.outcome, record.code, record.cargos) == ("failed", "hand-on-not-allowed", ())


def test_nothing_is_fetched_for_an_order_that_the_policy_refuses(route: Route) -> None:
    route.world.folder.policy.write_text('mode = "auto"\n')
    offer = route.after_hungary()
    route.world.artifacts.cargos.clear()
    assert refused(route, offer) == "route-not-allowed"


def test_what_a_killed_station_left_while_it_received_goes_with_the_stop(route: Route) -> None:
    offer = route.after_hungary()
    daemon = route.world.daemon()
    daemon.receive(offer.model_copy(update={"cancelled": True}))
    stop = route.world.stop(offer)
    stop.receiving.mkdir()
    (stop.receiving / "received.tar").write_bytes(b"plaintext")
    while not stop.has(Marker.RECORD):
        daemon.step()
    assert route.left(offer) == []


UNREADABLE = Envelope(
    payload="!",
    payloadType="application/vnd.in-toto+json",
    signatures=(Signature(keyid="k", sig="!"),),
)


@pytest.mark.parametrize("where", ["previous", "continued"])
def test_what_is_no_record_at_all_is_refused_once(route: Route, where: str) -> None:
    """The refusal's own record names the one before it, if that can be read."""
    offer = route.order("hungary", "cleveland")
    earlier = EarlierJourney(order=offer.order, records=(UNREADABLE,))
    shown: dict[str, object] = {"previous": (UNREADABLE,)}
    if where == "continued":
        shown = {"continued": (earlier,)}
    record = route.end(offer.model_copy(update=shown))
    assert (record.outcome, record.previous) == ("refused", None)


def test_on_a_parallel_route_a_record_follows_none(route: Route) -> None:
    """Whatever central says came before."""
    offer = route.world.offer(nonce="e" * 32)
    before = route.after_hungary().previous
    record = route.end(offer.model_copy(update={"previous": before}))
    assert record.previous is None
