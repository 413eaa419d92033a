"""Stops that another version of phtlab wrote: the station says so, and starts without them."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path

import pytest

from phtlab.errors import StationError
from phtlab.train.documents.order import ORDER_TYPE
from tests.raising import raises_code
from tests.station.station_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    return made


@pytest.fixture
def before(world: World) -> Path:
    """A station one of whose stops has an order of the format's version 1."""
    offer = world.offer(world.train())
    world.begun(offer, steps=2)
    path = world.stop(offer).path / "offer.json"
    written = json.loads(path.read_bytes())
    body = base64.b64decode(written["order"]["payload"])
    of_before = body.replace(ORDER_TYPE.encode(), b"https://phtlab.org/order/v1")
    assert of_before != body
    written["order"]["payload"] = base64.b64encode(of_before).decode()
    path.write_text(json.dumps(written))
    return path.parent


def test_a_station_does_not_start_among_stops_of_another_version(
    world: World, before: Path, tmp_path: Path
) -> None:
    with raises_code(StationError, "stops-version"):
        world.daemon().run(threading.Event())
    assert before.exists(), "nothing is moved or changed"
    before.rename(tmp_path / "elsewhere")
    world.station().stops.require_readable()


def test_a_broken_stop_is_no_stop_of_another_version(world: World) -> None:
    offer = world.offer(world.train())
    world.begun(offer, steps=2)
    (world.stop(offer).path / "offer.json").write_bytes(b"{")
    world.station().stops.require_readable()
