"""Starts that cannot be: what the person who waits reads, and that nothing is left of them.

Each reason comes about for real, in a real hub and engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from tests.limits import LIMIT
from tests.real_registry import free_port
from tests.spawner.container_hub import ContainerHub

pytestmark = pytest.mark.engine


def refused(hub: ContainerHub, user: str, options: dict[str, Any] | None = None) -> str:
    """Why `user` gets no workspace, as the page that waits says it."""
    answer = hub.spawn(user, options)
    if answer.is_error:
        told: str = answer.json()["message"]
        return told
    last = list(hub.events(user))[-1]
    assert last.get("failed"), last
    return str(last["message"]).removeprefix("Spawn failed: ")


def nothing_is_left(hub: ContainerHub, user: str) -> None:
    until = time.monotonic() + LIMIT
    while any(container.name == f"{hub.prefix}-{user}" for container in hub.containers()):
        assert time.monotonic() < until, "its container is left behind"
        time.sleep(0.1)


@contextmanager
def astray(hub: ContainerHub, place: Path, **changed: Any) -> Iterator[ContainerHub]:
    """A second hub beside `hub`, in which something is wrong."""
    place.mkdir()
    reverse_proxy = replace(hub.reverse_proxy, hub=f"http://127.0.0.1:{free_port()}")
    other = replace(
        hub,
        place=place,
        reverse_proxy=reverse_proxy,
        browsers=free_port(),
        prefix=f"{hub.prefix}-x",
        http=httpx.Client(timeout=LIMIT),
        **changed,
    )
    try:
        other.start()
        yield other
    finally:
        other.stop()


def test_the_steps_tell_an_image_that_is_fetched_from_a_start(hub: ContainerHub) -> None:
    hub.spawn("page").raise_for_status()
    events = list(hub.events("page"))
    messages = [event["message"] for event in events]
    fetched = [m for m in messages if "is fetched: " in m]
    assert fetched, messages
    assert fetched[-1].endswith("7 of 7 layers")
    steps = ["The workspace image is looked for", "The workspace image is fetched"]
    steps += ["The workspace starts", "JupyterLab starts", "JupyterLab answers"]
    places = [messages.index(step) for step in steps]
    assert places == sorted(places)
    assert places[1] < messages.index(fetched[0]) <= messages.index(fetched[-1]) < places[2]
    percents = [event["progress"] for event in events]
    assert percents == sorted(percents)
    assert events[-1]["ready"]
    hub.ended("page")


def test_an_image_that_is_here_is_not_fetched(hub: ContainerHub) -> None:
    hub.spawn("page").raise_for_status()
    messages = [event["message"] for event in hub.events("page")]
    assert not any("is fetched" in message for message in messages)
    hub.ended("page")


def test_an_image_that_cannot_be_had(hub: ContainerHub) -> None:
    told = refused(hub, "noor")
    assert told == (
        "The workspace image 127.0.0.1:1/absent:1 is not on this machine and could not be fetched. "
        "Tell who runs the hub: 'phtlab kernel workspace --load' makes it and loads it."
    )
    nothing_is_left(hub, "noor")
    assert "cannot be fetched: " in hub.log, "the engine's own words are in the hub's log"


def test_an_image_that_is_no_workspace(hub: ContainerHub) -> None:
    told = refused(hub, "otto")
    assert "is not a workspace image" in told
    assert "'phtlab kernel workspace --load' makes one" in told
    nothing_is_left(hub, "otto")


def test_too_little_memory(hub: ContainerHub) -> None:
    told = refused(hub, "mel")
    assert told == (
        "The workspace needs more memory than the 40M that it may use, and was ended while it "
        "started. Tell who runs the hub that your group needs a larger one."
    )
    nothing_is_left(hub, "mel")


@pytest.mark.parametrize(
    "options",
    [
        {"image": "debian:12"},
        {"mem_limit": "64G"},
        {"extra_host_config": {"privileged": True}},
        {"volumes": {"/": "/host"}},
    ],
)
def test_nobody_chooses_what_a_workspace_is_made_of(
    hub: ContainerHub, options: dict[str, Any]
) -> None:
    told = refused(hub, "mel", options)
    (name,) = options
    assert told == (
        f"A workspace takes no options here, and {name} was asked for. Start it without; its size "
        "follows from your groups."
    )
    nothing_is_left(hub, "mel")


def test_a_network_that_is_missing(hub: ContainerHub, tmp_path: Path) -> None:
    with astray(hub, tmp_path / "hub", network=f"{hub.network}-absent") as other:
        told = refused(other, "grace")
        assert f"The network of the workspaces, {other.network}, is missing" in told
        assert "start it again, which makes the network" in told
        nothing_is_left(other, "grace")


def test_an_engine_that_does_not_answer(hub: ContainerHub, tmp_path: Path) -> None:
    away = {"DOCKER_HOST": f"tcp://127.0.0.1:{free_port()}"}
    with astray(hub, tmp_path / "hub", environment=away) as other:
        told = refused(other, "grace")
        assert told.startswith("The container engine of this hub does not answer")
        assert "Try again in a minute" in told


def test_a_root_that_is_not_where_the_hub_was_told(hub: ContainerHub, tmp_path: Path) -> None:
    with astray(hub, tmp_path / "hub", root=tmp_path / "absent.json") as other:
        told = refused(other, "grace")
        assert told.startswith("The consortium's root is not where the hub was told")
        assert str(tmp_path) not in told, "paths of the hub's machine are for its log"
        assert str(tmp_path) in other.log


def test_a_start_that_takes_too_long(
    hub: ContainerHub, tmp_path: Path, engine: docker.DockerClient
) -> None:
    with astray(hub, tmp_path / "hub", patience=4) as other:
        told = refused(other, "grace")
        assert told.startswith("JupyterLab did not answer within 4 seconds. Try again")
        nothing_is_left(other, "grace")
