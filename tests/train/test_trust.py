"""What a station believes of central, and what it refuses."""

from __future__ import annotations


def test_roster_and_catalogue_arrive(world) -> None:
    world.join("cleveland", "station")
    world.publish()
    trusted = world.trust.refresh()
    assert trusted.fresh
    assert trusted.roster.version == 1
    assert "cleveland" in [m.name for m in trusted.roster.members]
