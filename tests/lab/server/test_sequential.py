"""Sequential journeys in the server extension: their order, what was handed on, and resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.lab.session.session import Session
from tests.central.world import World
from tests.lab.sequential_route import BOTH, MODEL, ROUTE, SequentialRoute
from tests.lab.server.conftest import PASSPHRASE, Asking, Event, until
from tests.lab.server.test_check import cell, check, notebook
from tests.lab.server.test_events import in_thread, reads, shows

STATION = (
    "import phtlab\n"
    'heart = phtlab.dataset("heart")\n'
    'model = phtlab.receive("model", default={"w": 0.0})\n'
    'phtlab.publish("model", model, kind="model", of=len(heart), tensors="w", to="next")'
)


def continued_by(journey: str, other: str) -> Any:
    def told(event: Event) -> bool:
        return (
            event.kind == "journey"
            and event.data["id"] == journey
            and event.data["continued_by"] == other
        )

    return told


async def test_the_check_says_that_the_route_is_sequential(asking: Asking) -> None:
    told = await check(asking, notebook(cell(STATION, "station")))
    assert (told["route"], told["received"]) == ("sequential", ["model"])
    assert told["outputs"] == [{"name": "model", "kind": "model", "to": "next"}]
    assert told["ok"]


async def test_what_is_received_and_not_handed_on_is_found_at_its_cell(asking: Asking) -> None:
    source = STATION.replace(', to="next"', "")
    told = await check(asking, notebook(cell("x = 1"), cell(source, "station")))
    (error,) = [finding for finding in told["findings"] if finding["severity"] == "error"]
    assert (error["code"], error["cell"], error["line"]) == ("receive-unpublished", 1, 3)


async def test_an_ended_journey_is_resumed_once(
    central: World, asking: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = await in_thread(SequentialRoute, central, tmp_path, (MODEL, BOTH))
    assert isinstance(route, SequentialRoute)
    monkeypatch.setattr(Session, "registry", route.registry)
    first = route.journey()
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        status, problem = await asking.refused("POST", f"journeys/{first.id}/resume", json={})
        assert (status, problem["code"]) == (409, "journey-unfinished")
        waiting = await asking.get(f"journeys/{first.id}")
        assert (waiting["route"], waiting["resumable"]) == ("sequential", False)
        assert [stop["words"] for stop in waiting["stops"]] == [
            "offered",
            "waits for ulm",
            "waits for ulm",
        ]
        await in_thread(route.depart, first, "ulm", 1)
        await in_thread(route.fail, first, "mainz")
        await until(events, shows(first.id, "departed", "failed", "cancelled"))
        ended = await asking.get(f"journeys/{first.id}")
        assert (ended["resumable"], ended["continued_by"]) == (True, None)
        results = await asking.get(f"journeys/{first.id}/results")
        assert results["stations"][0]["handed_on"] == [
            {"output": "model", "station": "mainz"},
            {"output": "loss", "station": "mainz"},
        ]

        second = await asking.post(f"journeys/{first.id}/resume", {})
        await until(events, continued_by(first.id, second["id"]))
        assert second["continues"] == first.id
        assert [stop["station"] for stop in second["stops"]] == list(ROUTE[1:])
        ended = await asking.get(f"journeys/{first.id}")
        assert (ended["resumable"], ended["continued_by"]) == (False, second["id"])
        status, problem = await asking.refused("POST", f"journeys/{first.id}/resume", json={})
        assert (status, problem["code"]) == (409, "journey-continued")


async def test_a_resumed_journey_elsewhere_is_seen_here(
    central: World, asking: Asking, tmp_path: Path
) -> None:
    route = await in_thread(SequentialRoute, central, tmp_path, (MODEL,))
    assert isinstance(route, SequentialRoute)
    first = route.journey()
    await in_thread(route.depart, first, "ulm", 1)
    await in_thread(route.fail, first, "mainz")
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, shows(first.id, "departed", "failed", "cancelled"))
        second = await in_thread(route.lab.resume, first)
        await until(events, continued_by(first.id, second.id))  # type: ignore[attr-defined]
