"""A station whose people decide about each train."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.station.station_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text('mode = "human"\n')
    return world
