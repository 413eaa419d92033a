"""Hub, central and Labs go away and come back; journeys go on, and each says what it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import httpx
import nbformat
import pytest

from phtlab.demo.hub import HubWorld
from phtlab.demo.showcase import connected
from phtlab.demo.world import TWIN
from phtlab.lab import Lab
from phtlab.lab.client.journey import Journey
from phtlab.wire.authorities import authorities
from tests.conftest import CACHE
from tests.hub.session import HubSession
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

WHO = "dr-lovelace"
CELLS = (
    ("parameters", "seconds: int = 1  # 0..60"),
    (
        "station",
        "import time\n\nimport phtlab\n\ntime.sleep(seconds)\n"
        'phtlab.publish("people", len(phtlab.dataset("heart")), kind="scalar", counts="people")',
    ),
)


def _quiet(doing: str) -> None:
    pass


class Desk:
    """The researcher's session, token and Lab, from outside of it."""

    def __init__(self, hub: HubWorld, engine: docker.DockerClient, session: HubSession):
        self.hub = hub
        self.session = session
        self._engine = engine
        session.logged_in(WHO, hub.passwords[WHO])
        session.started(WHO)
        self._header = {"Authorization": f"token {session.token(WHO)}"}

    def container(self) -> str | None:
        found = self._engine.containers.list(
            filters={"label": f"org.phtlab.user={WHO}", "name": f"^/{self.hub.settings.prefix}-"},
            ignore_removed=True,
        )
        return found[0].id if found else None

    def status(self) -> dict[str, Any]:
        """What Lab's status bar shows."""
        answer = self.get(f"/user/{WHO}/phtlab/status")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def get(self, path: str) -> httpx.Response:
        return httpx.get(
            f"{self.hub.url}{path}",
            headers=self._header,
            trust_env=False,
            timeout=30,
            verify=authorities(),
        )


@pytest.fixture
def desk(
    workspace_hub: HubWorld, engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("PHTLAB_CACHE", str(CACHE))  # images are there; none is built again
    with HubSession(workspace_hub.url) as session:
        yield Desk(workspace_hub, engine, session)


@pytest.fixture(scope="module")
def lab(workspace_hub: HubWorld) -> Lab:
    return connected(workspace_hub.world)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c, metadata={"tags": [tag]}) for tag, c in CELLS]
    )
    path = tmp_path_factory.mktemp("notebook") / "slow.ipynb"
    nbformat.write(written, path)
    return path


def _begun(lab: Lab, notebook: Path, seconds: int) -> Journey:
    journey = lab.dispatch(lab.train(notebook), stations=[TWIN], parameters={"seconds": seconds})
    _until(lambda: journey.refresh().stops[0].state == "running", "the journey does not begin")
    return journey


def _until(true: Callable[[], bool], otherwise: str, seconds: float = LIMIT) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, otherwise
        time.sleep(0.1)


def test_a_restart_of_the_hub_leaves_labs_central_and_journeys(
    desk: Desk, lab: Lab, notebook: Path
) -> None:
    before, journey = desk.container(), _begun(lab, notebook, 5)
    desk.hub.restart_hub()
    assert desk.container() == before is not None
    # The token of before is one still, at Lab and at central; so is the login.
    _until(lambda: desk.status()["central"]["state"] == "ok", "Lab does not reach central again")
    assert desk.get("/services/central/api/v1/journeys").status_code == 200
    assert desk.session.me()["name"] == WHO
    journey.wait(120)
    assert [stop.state for stop in journey.stops] == ["departed"]
    listed = desk.get("/services/central/api/v1/journeys").json()["journeys"]
    assert journey.id in [view["id"] for view in listed]


def test_without_central_lab_and_hub_say_so_and_it_is_over_when_it_is_back(desk: Desk) -> None:
    assert desk.status()["central"]["state"] == "ok"
    _, central, *_ = desk.hub.world.services()
    central.stop()
    try:
        _until(
            lambda: desk.status()["central"]["state"] == "unreachable",
            "Lab does not notice that central is away",
        )
        sentence = desk.status()["central"]["sentence"]
        assert "central" in sentence.lower()
        page = desk.session.http.get("/services/central/")
        assert page.status_code == 503
        assert "journeys that are under way go on at their" in page.text
        # A Lab can be started without it.
        assert desk.session.me()["name"] == WHO
    finally:
        desk.hub.world.start(_quiet)
    _until(
        lambda: desk.status()["central"]["state"] == "ok",
        "Lab does not notice that central is back",
    )
    page = desk.session.http.get("/services/central/")
    assert page.status_code == 200, page.text


def test_a_lab_that_is_stopped_because_it_is_idle_leaves_its_journeys_alone(
    desk: Desk, lab: Lab, notebook: Path
) -> None:
    idle = replace(desk.hub, more={"idle_seconds": 2})
    try:
        idle.start_workspaces(_quiet)
        idle.start_hub(_quiet)
        desk.session.started(WHO)
        journey = _begun(lab, notebook, 40)  # the culler looks every five seconds
        _until(lambda: desk.container() is None, "nobody stops the idle Lab")
        assert journey.refresh().stops[0].state == "running"
        journey.wait(LIMIT)
        assert [stop.state for stop in journey.stops] == ["departed"]
    finally:
        desk.hub.start_workspaces(_quiet)
        desk.hub.start_hub(_quiet)
    # Its user starts it again, and finds the journey.
    desk.session.started(WHO)
    _until(lambda: desk.status()["central"]["state"] == "ok", "the new Lab does not reach central")
    shown = desk.get(f"/user/{WHO}/phtlab/journeys").json()
    assert journey.id in [view["id"] for view in shown]
