"""A station whose airlock asks a person about small counts, and stops that wait there for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phtlab.station.context.station_context import StationContext
from phtlab.station.release import held_outputs
from phtlab.station.release.view_log import note_view
from phtlab.station.stops import stop_files
from phtlab.station.stops.stop import Stop
from phtlab.wire.api.journeys import Offer
from tests.station.station_world import COUNTS, FakeRun, World, make_world, table_files

TWO_TABLES = f"""{COUNTS}
wards = old.groupby("sex").size().rename("n").reset_index()
phtlab.publish("wards", wards, counts="n")
"""
SMALL = 3  # people of ward C
WHY = "It has rows with a count below 10"
HOLD = '\n[airlock.tables]\nsmall_count = "hold"\n'


def tables(*, women: int = 25) -> dict[str, bytes]:
    """What a run leaves: `counts`, and `wards` with a small ward."""
    return {
        **table_files(
            "counts", {"sex": ("string", ["female", "male"]), "n": ("integer", [women, 31])}
        ),
        **table_files(
            "wards", {"ward": ("string", ["A", "B", "C"]), "n": ("integer", [40, 41, SMALL])}
        ),
    }


def holding_world(root: Path) -> World:
    """A world in which `wards` is held."""
    world = make_world(root)
    world.add_hearts()
    world.scripted.script = FakeRun(files=tables())
    world.folder.policy.write_text(world.folder.policy.read_text() + HOLD)
    return world


def change_release(world: World, entries: str) -> None:
    """Replace what `[release]` of the station's policy says."""
    policy = world.folder.policy.read_text()
    before, _, after = policy.partition("[release]")
    _, heading, rest = after.partition("\n[")
    world.folder.policy.write_text(f"{before}[release]\n{entries}\n{heading}{rest}")


def held_offer(world: World) -> Offer:
    return world.offer(world.train(TWO_TABLES))


def held(world: World, offer: Offer | None = None) -> tuple[Offer, Stop]:
    """An offer, and its stop, which waits for a person."""
    offer = offer or held_offer(world)
    daemon = world.daemon()
    daemon.receive(offer)
    for _ in range(20):
        daemon.step()
    stop = world.stop(offer)
    assert stop.state == "held"
    return offer, stop


def desk(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def say(
    world: World,
    stop: Stop,
    choice: held_outputs.Choice,
    *,
    by: str = "anna",
    reason: str = "All wards are large.",
) -> Any:
    """A word on `wards` of one who has seen it; what it comes to."""
    wards = stop.read(stop_files.AIRLOCK_HELD).output("wards")
    note_view(stop, "wards", by=by, seen=held_outputs.digest_of_output(wards))
    return held_outputs.decide(desk(world), stop, {"wards": choice}, by=by, reason=reason)["wards"]
