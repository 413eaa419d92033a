"""The probe notebook sent as a train to a station, and what it found there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.station.real_world import travel
from tests.station.station_world import World

INSIDE = Path(__file__).with_name("inside")
POLICY = """\
mode = "auto"
[limits]
memory = "512 MiB"
pids = 64
tmp = "16 MiB"
output = "8 MiB"
output_files = 500
seconds = 200
"""


def probed(world: World) -> dict[str, Any]:
    """What each probe met; the station admits the train, runs it and lets its airlock decide."""
    world.folder.policy.write_text(POLICY)
    heart = world.root / "heart.csv"
    heart.chmod(0o666)  # writable for all, were it not for the mount
    secret = world.root / "secret"
    secret.write_text("swordfish")
    secret.chmod(0o666)
    source = (INSIDE / "probes.py").read_text("utf-8")
    source = source.replace("(a file of the station, put in by the test)", str(secret))
    offer = world.offer(world.train(source, outputs=(), datasets=("heart",)))
    record = travel(world, offer)
    operator = world.stop(offer).operator
    executed = json.loads((operator / "executed.ipynb").read_bytes())
    assert record.outcome == "departed", (record, failures(executed))
    (printed,) = executed["cells"][-1]["outputs"]
    found: dict[str, Any] = json.loads("".join(printed["text"]))
    return found


def failures(executed: dict[str, Any]) -> list[Any]:
    """The errors of a notebook's cells, for whom a test fails."""
    outputs = (output for cell in executed["cells"] for output in cell.get("outputs", ()))
    return [output for output in outputs if output["output_type"] == "error"]
