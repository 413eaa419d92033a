"""Stops that another version of phtlab wrote: the station says so, and starts without them."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest

from phtlab.errors import StationError
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import peek, sign_statement
from phtlab.train.documents.order import ORDER_TYPE
from tests.raising import raises_code
from tests.station.station_world import World, identity, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    return made


@pytest.fixture
def before(world: World) -> Path:
    """A station one of whose stops has a record of the format's version 1."""
    offer = world.offer(world.train())
    world.travel(offer)
    stop = world.stop(offer)
    record = peek(stop.record())
    older = sign_statement(
        identity("cleveland"),
        "https://phtlab.org/stop/v1",
        {subject.name: f"sha256:{subject.sha256}" for subject in record.subject},
        record.predicate,
    )
    stop.path_of(Marker.RECORD).write_bytes(older.to_bytes())
    return stop.path


def test_a_station_does_not_start_among_stops_of_another_version(
    world: World, before: Path, tmp_path: Path
) -> None:
    with raises_code(StationError, "stops-version"):
        world.daemon().run(threading.Event())
    assert before.exists(), "nothing is moved or changed"
    before.rename(tmp_path / "elsewhere")
    world.station().stops.require_readable()


def test_a_stop_whose_order_has_another_type_does_not_stop_the_next_start(world: World) -> None:
    offer = world.offer(world.train())
    world.begun(offer, steps=2)
    path = world.stop(offer).path_of(Marker.OFFER)
    written = json.loads(path.read_bytes())
    body = base64.b64decode(written["order"]["payload"])
    replaced = body.replace(ORDER_TYPE.encode(), b"https://phtlab.org/order/v1")
    assert replaced != body
    written["order"]["payload"] = base64.b64encode(replaced).decode()
    path.write_text(json.dumps(written))
    world.station().stops.require_readable()


def test_a_broken_stop_is_no_stop_of_another_version(world: World) -> None:
    offer = world.offer(world.train())
    world.begun(offer, steps=2)
    (world.stop(offer).path / "offer.json").write_bytes(b"{")
    world.station().stops.require_readable()
