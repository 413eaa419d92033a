"""The stream of events, and what it tells of a consortium, in the order in which it happens."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.lab.workspace.central_follower import Follower
from phtlab.wire.api.journeys import StationProfile, StopUpdate
from tests.central.conftest import run_central
from tests.central.world import Founding, World
from tests.lab.server.conftest import PASSPHRASE, Asking, Event, until

FIRST = ["status", "stations", "journeys", "proposals"]


Wanted = Callable[[Event], bool]


def reads(event: Event) -> bool:
    return bool(event.kind == "status" and event.data["reads"])


def central_is(state: str) -> Wanted:
    return lambda event: event.kind == "status" and event.data["central"]["state"] == state


def at_cell(cell: int) -> Wanted:
    return lambda event: event.kind == "journey" and event.data["stops"][0]["cell"] == cell


def has_states(*states: str) -> Wanted:
    return lambda event: (
        event.kind == "journey" and [stop["state"] for stop in event.data["stops"]] == list(states)
    )


def ulm_is(*, online: bool) -> Wanted:
    return lambda event: (
        event.kind == "stations"
        and any(s["name"] == "ulm" and s["online"] is online for s in event.data)
    )


def shows(journey: str, *states: str) -> Wanted:
    def in_state(told: dict[str, Any]) -> bool:
        return told["id"] == journey and [s["state"] for s in told["stops"]] == list(states)

    return lambda event: (
        (event.kind == "journey" and in_state(event.data))
        or (event.kind == "journeys" and any(map(in_state, event.data)))
    )


async def in_thread(work: object, *arguments: object) -> object:
    return await asyncio.to_thread(work, *arguments)  # type: ignore[arg-type]


async def test_everything_comes_first(asking: Asking):
    async with asking.events() as events:
        heard = [await anext(events) for _ in FIRST]
    assert [event.kind for event in heard] == FIRST
    assert heard[0].data == await asking.get("status")
    assert [event.data for event in heard[1:]] == [[], [], []]


async def test_a_change_of_the_key_is_told_to_every_page(asking: Asking):
    async with asking.events() as one, asking.events() as other:
        for events in (one, other):
            await until(events, lambda event: event.kind == "journeys")
        body = {"name": "ada", "organisation": "", "passphrase": PASSPHRASE}
        await asking.post("keys", body)
        for events in (one, other):
            heard = await until(events, lambda event: event.kind == "status")
            assert heard[-1].data["key"]["state"] == "unlocked"


async def test_a_locked_key_shows_that_central_is_there_and_nothing_else(
    central: World, asking: Asking
):
    central.journey()
    async with asking.events() as events:
        heard = await until(events, central_is("ok"))
        status = heard[-1].data
    assert (status["reads"], status["problem"]) == (False, None)
    assert status["central"]["consortium"] == "pht"
    assert status["root"]["fingerprint"]
    assert (status["key"]["state"], status["key"]["name"]) == ("locked", "ada")
    assert await asking.get("stations") == await asking.get("journeys") == []
    status_code, problem = await asking.refused("GET", f"journeys/sha256:{'a' * 64}")
    assert (status_code, problem["code"]) == (423, "key-locked")


async def test_a_journey_is_told_as_it_goes(central: World, asking: Asking):
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        sent = await in_thread(central.journey, "ulm", "mainz")
        ulm = central.client("ulm")
        heard = await until(events, has_states("offered", "offered"))
        assert heard[-1].data["id"] == sent.id
        told = []
        for cell in (1, 2):
            update = StopUpdate(state="running", cell=cell, cells=2)
            await in_thread(ulm.update_stop, sent.id, "ulm", update)
            told += await until(events, at_cell(cell))
        await in_thread(ulm.put_record, sent.id, "ulm", central.record(sent, "ulm"))
        told += await until(events, has_states("departed", "offered"))
        mainz = central.client("mainz")
        failed = central.record(sent, "mainz", "failed")
        await in_thread(mainz.put_record, sent.id, "mainz", failed)
        told += await until(events, has_states("departed", "failed"))
    last = told[-1].data  # the journey's own, as `has_states` waits for that
    assert last["done"] is True
    assert (last["mine"], last["researcher"], last["twin"]) == (True, "ada", False)
    assert [s["words"] for s in last["stops"]] == ["departed", "failed: Cell 3 failed."]
    assert last["stops"][0]["seconds"] is not None
    running = [
        e.data["stops"][0]["words"] for e in told if e.data["stops"][0]["state"] == "running"
    ]
    assert list(dict.fromkeys(running)) == ["running, cell 1 of 2", "running, cell 2 of 2"]
    assert [journey["id"] for journey in await asking.get("journeys")] == [sent.id]
    assert (await asking.get(f"journeys/{sent.id}")) == last


async def test_a_station_that_goes_offline_is_told(central: World, asking: Asking):
    await in_thread(central.client("ulm").put_profile, StationProfile(version="0.1.0"))
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        await in_thread(central.client("ulm").inbox)
        heard = await until(
            events, lambda e: e.kind == "stations" and any(s["online"] for s in e.data)
        )
        online = {station["name"]: station["online"] for station in heard[-1].data}
    assert online == {"ulm": True, "mainz": False, "jena": False}


async def test_a_journey_of_a_member_without_it_is_not_there(central: World, asking: Asking):
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    unknown = "sha256:" + "a" * 64
    for verb, path in [
        ("GET", f"journeys/{unknown}"),
        ("POST", f"journeys/{unknown}/cancel"),
        ("GET", f"journeys/{unknown}/results"),
    ]:
        status, problem = await asking.refused(verb, path, json={})
        assert status == 404, (path, problem)


async def test_cancelling_is_answered_and_told(central: World, asking: Asking):
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        sent = await in_thread(central.journey)
        answer = await asking.post(f"journeys/{sent.id}/cancel", {})
        assert answer["cancelled"] is True
        await until(events, lambda e: e.kind == "journey" and e.data["cancelled"])


async def test_members_and_kernels_are_the_roster_s(central: World, asking: Asking):
    members = await asking.get("members")
    assert {(m["name"], *m["roles"]) for m in members} >= {
        ("ada", "researcher"),
        ("bob", "researcher"),
        ("vera", "officer"),
    }
    assert not [m for m in members if "station" in m["roles"]]
    kernels = await asking.get("kernels")
    assert [(k["name"], k["language"]) for k in kernels] == [("python", "python")]


async def test_central_away_is_said_and_once_it_is_back_all_is_true(
    home: Path, prepared_sqlite: Path, tmp_path: Path, founding: Founding, asking: Asking,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """Central stops in the middle of a journey, and starts again, at the same address."""
    from phtlab.files.key_file import write_key
    from phtlab.user_settings import remember
    from tests.real_registry import free_port

    monkeypatch.setattr("phtlab.lab.workspace.central_follower.PAUSES", (0.1,))
    database = tmp_path / "central.sqlite"
    shutil.copy(prepared_sqlite, database)
    listen = f"127.0.0.1:{free_port()}"

    def central() -> object:
        return run_central(f"sqlite:///{database}", founding, listen=listen)

    first = central()
    world = await in_thread(next, first)
    key = home / "config" / "keys" / "ada.key.age"
    write_key(key, world.identity("ada"), PASSPHRASE, log_n=4)
    remember(home / "config", central=world.url, key=str(key))
    root = home / "root.json"
    root.write_bytes(founding.consortium.root)
    monkeypatch.setenv("PHTLAB_ROOT", str(root))

    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        sent = await in_thread(world.journey, "ulm")
        await until(events, has_states("offered"))
        await in_thread(next, first, None)
        heard = await until(events, central_is("unreachable"))
        assert "does not answer" in heard[-1].data["central"]["sentence"]
        assert heard[-1].data["reads"] is False
        assert (await asking.get("journeys"))[0]["stops"][0]["state"] == "offered"
        status, problem = await asking.refused("POST", f"journeys/{sent.id}/cancel", json={})
        assert (status, problem["code"]) == (503, "central-unreachable")

        second = central()
        again = await in_thread(next, second)
        assert again.url == world.url
        record = again.record(sent, "ulm")
        await in_thread(again.client("ulm").put_record, sent.id, "ulm", record)
        # Whether it is told with all the others or as news depends on who was first.
        await until(events, shows(sent.id, "departed"), central_is("ok"), reads)
        assert (await asking.get("journeys"))[0]["stops"][0]["state"] == "departed"
        await in_thread(next, second, None)


async def test_a_page_that_leaves_is_forgotten(asking: Asking):
    listeners = asking.extension.workspace._listeners
    async with asking.events() as events:
        await anext(events)
        assert len(listeners) == 1
    for _ in range(100):
        if not listeners:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it still listens")


async def test_nothing_new_is_said_as_well(asking: Asking, monkeypatch: pytest.MonkeyPatch):
    """A comment now and then, so that proxies and browsers see that the line is alive."""
    monkeypatch.setattr("phtlab.lab.server.events.KEEP_ALIVE_SECONDS", 0.05)
    token = {"token": asking.app.identity_provider.token}
    async with asking.client.stream("GET", f"{asking.url}phtlab/events", params=token) as stream:
        async for line in stream.aiter_lines():
            if line.startswith(":"):
                return
    raise AssertionError("the stream ended")


async def test_a_server_that_stops_ends_its_streams(asking: Asking):
    async with asking.events() as events:
        await until(events, lambda event: event.kind == "proposals")
        await asking.extension.stop_extension()
        assert [event async for event in events] == []


def test_a_follower_that_never_started_stops():
    Follower(None, None, lambda _: None, lambda *_: None).stop()  # type: ignore[arg-type]


async def test_a_station_that_is_gone_is_offline_and_nothing_is_lost(
    central: World, asking: Asking
):
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
        await in_thread(central.client("ulm").inbox)
        await until(events, ulm_is(online=True))
        sent = await in_thread(central.journey, "ulm")
        await until(events, shows(sent.id, "offered"))
        central.clock.ahead = timedelta(minutes=10)
        heard = await until(events, ulm_is(online=False))
        assert next(s for s in heard[-1].data if s["name"] == "ulm")["last_seen"] is not None
        central.clock.ahead = timedelta(0)  # or no token would hold
    (journey,) = await asking.get("journeys")
    assert (journey["done"], journey["stops"][0]["words"]) == (False, "offered")
    status, problem = await asking.refused("GET", f"journeys/{sent.id}/results")
    assert (status, problem["code"]) == (409, "journey-unfinished")
    assert "still at ulm" in problem["message"]
