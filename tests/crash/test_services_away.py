"""Central, the registry or the engine is not there: what a command says, and who waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import World
from phtlab.lab import Journey, Lab
from phtlab.station.executor.docker_executor import DEFAULT_ENGINE
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings, write_settings
from phtlab.station.stops.marker import Marker
from phtlab.user_settings import UserSettings
from tests.conftest import free_port
from tests.e2e.parts import away, bring_back, command, ended, kill, service, starts, stop_of, until
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine

SLOW = "import time\ntime.sleep(3)\n"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notebook(tmp_path_factory.mktemp("away") / "ages.ipynb", LOAD, PUBLISH)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notebook(tmp_path_factory.mktemp("away") / "slow.ipynb", LOAD, SLOW, PUBLISH)


@pytest.fixture(scope="module")
def departed(small_lab: Lab, notebook: Path) -> Journey:
    return small_lab.dispatch(notebook, stations="cleveland").wait(180, on_change=lambda view: None)


def test_central_down_when_a_command_runs(
    small: World, small_lab: Lab, notebook: Path, tmp_path: Path
) -> None:
    """The same researcher, who has the roster, at an address where nobody listens."""
    small_lab.refresh()
    url = f"http://127.0.0.1:{free_port()}"
    UserSettings(url, small.profile.key, small.profile.trust).save(tmp_path)
    (tmp_path / "trust").symlink_to(small.profile.trust)
    expected = (
        f"error Central at {url} does not answer ([Errno 111] Connection refused; tried 3 times). "
        "Check the address and the network, and that 'phtlab central run' is up there.\n"
    )
    for arguments in (
        ("dispatch", str(notebook)),
        ("journey", "list"),
        ("journey", "results"),
    ):
        said = command(small, *arguments, env={"PHTLAB_CONFIG": str(tmp_path)})
        assert (said.returncode, said.stdout, said.stderr) == (5, "", expected), arguments


def test_registry_down_when_a_command_runs(
    small: World, small_lab: Lab, departed: Journey, notebook: Path
) -> None:
    url = small_lab.central.info().registry_url
    expected = (
        f"error The registry at {url} does not answer ([Errno 111] Connection refused). Check that "
        "the address is right, that the registry is running and that this machine may reach it; "
        "then try again.\n"
    )
    before = len(small_lab.journeys())
    with away(small, "registry"):
        for arguments in (
            ("dispatch", str(notebook)),
            ("journey", "results", departed.id[7:19]),
        ):
            said = command(small, *arguments)
            assert (said.returncode, said.stdout, said.stderr) == (5, "", expected), arguments
    assert len(small_lab.journeys()) == before
    assert departed.results().stations == ("cleveland",)


def test_a_station_goes_on_while_central_is_away(
    small: World, small_lab: Lab, slow: Path, engine: Any
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations="cleveland")
    stop = stop_of(small, "cleveland", journey.id)
    until(lambda: stop.has(Marker.STARTED))
    kill(service(small, "central"))
    try:
        until(lambda: stop.has(Marker.OUTCOME))
    finally:
        bring_back(small, "central")
    record = ended(journey, "cleveland")
    assert (record.outcome, record.code) == ("departed", "")
    assert starts(engine, begun, journey.id) == 1
    assert len(journey.results()["cleveland"].table("counts")) == 2


def test_a_station_goes_on_while_the_registry_is_away(
    small: World, small_lab: Lab, slow: Path, engine: Any
) -> None:
    begun = time.time()
    journey = small_lab.dispatch(slow, stations="cleveland")
    stop = stop_of(small, "cleveland", journey.id)
    until(lambda: stop.has(Marker.STARTED))
    with away(small, "registry"):
        until(lambda: stop.has(Marker.SEALED))
        assert not stop.has(Marker.PUSHED)
    record = ended(journey, "cleveland")
    assert (record.outcome, record.code) == ("departed", "")
    assert starts(engine, begun, journey.id) == 1


@dataclass(frozen=True)
class Leash:
    """The engine's socket under another name, by which one station reaches it."""

    path: Path

    def cut(self) -> None:
        self.path.unlink(missing_ok=True)

    def mend(self) -> None:
        if not self.path.is_symlink():
            self.path.symlink_to(DEFAULT_ENGINE.removeprefix("unix://"))


@pytest.fixture(scope="module")
def leash(small: World) -> Iterator[Leash]:
    """Hungary with an engine that can go away, of which it is patient for two seconds."""
    leash = Leash(small.directory / "engine.sock")
    leash.mend()
    folder = StationFolder(small.station_folder("hungary"))
    before = load_settings(folder)
    options = {"engine": f"unix://{leash.path}"}
    with away(small, "hungary"):
        write_settings(
            folder,
            before.model_copy(update={"executor_options": options, "engine_patience": 2}),
        )
    yield leash
    leash.mend()
    with away(small, "hungary"):
        write_settings(folder, before)


def test_an_engine_that_is_not_there(
    small: World, small_lab: Lab, notebook: Path, leash: Leash, engine: Any
) -> None:
    begun = time.time()
    # It has begun to work with the engine, and then the engine goes.
    ended(small_lab.dispatch(notebook, stations="hungary"), "hungary")
    leash.cut()
    journey = small_lab.dispatch(notebook, stations="hungary")
    record = ended(journey, "hungary")
    assert (record.outcome, record.code, record.sentence) == (
        "failed",
        "engine-missing",
        "This station's container engine does not answer. Ask its operator.",
    )
    assert journey.results().failures == {"hungary": record}
    assert starts(engine, begun, journey.id) == 0
    log = service(small, "hungary").log.read_text()
    assert (
        f"The container engine at unix://{leash.path} does not answer. Start it: systemctl start "
        "docker" in log
    )


def test_station_check_says_how_to_repair_an_engine_that_is_not_there(
    small: World, leash: Leash
) -> None:
    leash.cut()
    folder = str(small.station_folder("hungary"))
    said = command(small, "station", "check", "-C", folder)
    assert said.returncode == 8
    assert (
        f"FAIL container engine: The container engine at unix://{leash.path} does not answer.\n"
        "     repair: Start it: systemctl start docker\n"
    ) in said.stdout
    leash.mend()
    said = command(small, "station", "check", "-C", folder)
    assert (said.returncode, said.stderr) == (0, "")
    assert "FAIL" not in said.stdout


def test_a_station_does_not_begin_without_its_engine(small: World, leash: Leash) -> None:
    with away(small, "hungary"):
        leash.cut()
        said = command(small, "station", "run", "-C", str(small.station_folder("hungary")))
        leash.mend()
    assert said.returncode == 5
    assert said.stderr == (
        "error The station hungary cannot run anything. The container engine at "
        f"unix://{leash.path} does not answer. Start it: systemctl start docker\n"
    )


def test_an_engine_that_comes_back_in_time(
    small: World, small_lab: Lab, slow: Path, leash: Leash, engine: Any
) -> None:
    """What runs, runs on: the engine is this station's to ask, and not to live by."""
    begun = time.time()
    journey = small_lab.dispatch(slow, stations="hungary")
    stop = stop_of(small, "hungary", journey.id)
    until(lambda: stop.has(Marker.STARTED))
    leash.cut()
    time.sleep(3)  # longer than the station's patience for a run that has not begun
    assert not stop.has(Marker.ENDING)
    leash.mend()
    record = ended(journey, "hungary")
    assert (record.outcome, record.code) == ("departed", "")
    assert starts(engine, begun, journey.id) == 1
