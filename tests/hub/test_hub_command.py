"""`phtlab hub` as a person runs it: again, cut off, and where something is missing."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from phtlab.cli.hub import print_accounts
from phtlab.demo.hub import HubWorld
from phtlab.demo.hub_people import PEOPLE
from phtlab.demo.world import World
from tests.conftest import CACHE
from tests.hub.session import HubSession
from tests.limits import LIMIT
from tests.real_registry import free_port

pytestmark = pytest.mark.engine


def _command(place: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "phtlab", "hub", "--directory", str(place), *more]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PHTLAB_CACHE": str(CACHE), **more}


def _refused(place: Path, *more: str, **environment: str) -> str:
    """What a run says that does not get far."""
    done = subprocess.run(
        _command(place, *more),
        env=_environment(**environment),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode not in (0, 130), done.stdout
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_run_again_it_says_the_same_and_leaves_everyones_lab(
    workspace_hub: HubWorld, engine: docker.DockerClient
) -> None:
    with HubSession(workspace_hub.url) as session:
        session.logged_in("dr-lovelace", workspace_hub.passwords["dr-lovelace"])
        session.started("dr-lovelace")
        before = _labs(workspace_hub, engine)
        done = subprocess.run(
            _command(workspace_hub.directory, "--json"),
            env=_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT,
        )
        assert json.loads(done.stdout) == {
            "url": workspace_hub.url,
            "accounts": workspace_hub.passwords,
            "passphrase": workspace_hub.passphrase,
        }
        assert _labs(workspace_hub, engine) == before != []
        assert session.me()["name"] == "dr-lovelace"


def _labs(hub: HubWorld, engine: docker.DockerClient) -> list[str]:
    prefix = hub.settings.prefix
    found = engine.containers.list(
        filters={"label": "org.phtlab.user", "name": f"^/{prefix}-"}, ignore_removed=True
    )
    return [container.id for container in found]


def test_it_says_who_can_log_in_how_and_how_to_end_it(
    workspace_hub: HubWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    print_accounts(workspace_hub, Path("here"))
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert any(f"Open {workspace_hub.url} " in line for line in lines)
    for person in PEOPLE:
        (line,) = [line for line in lines if line.strip().startswith(f"{person.name} ")]
        assert workspace_hub.passwords[person.name] in line
        assert person.group in line
    assert workspace_hub.passphrase in said.out
    assert lines[-1].endswith("hub --directory here --stop")


def test_it_opens_nothing_but_the_loopback_and_the_door(workspace_hub: HubWorld) -> None:
    settings = workspace_hub.settings
    for address in (settings.listen, settings.hub_listen, settings.proxy_api):
        assert address.startswith("127.0.0.1:")
    for url in (settings.central, settings.registry):
        assert url.startswith("http://127.0.0.1:")


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = _refused(tmp_path / "hub", "--port", str(port))
    assert f"Something else listens on 127.0.0.1:{port}" in told
    assert "--port" in told
    assert not (tmp_path / "hub").exists()


def test_a_missing_engine_is_told_before_anything_is_made(tmp_path: Path) -> None:
    told = _refused(tmp_path / "hub", DOCKER_HOST=f"unix://{tmp_path}/no-engine.sock")
    assert "The container engine does not answer" in told
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("option", ["--fresh", "--stop", "--no-containers"])
def test_somebody_elses_folder_stays_as_it_is(tmp_path: Path, option: str) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "letter.txt").write_text("Dear Ada")
    told = _refused(tmp_path, option)
    assert "no hub of this command's" in told
    assert "--directory" in told
    assert [path.name for path in tmp_path.rglob("*")] == ["people", "letter.txt"]


@pytest.fixture
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubWorld]:
    """A hub that was founded, with keys that open fast, and never started."""
    place = tmp_path_factory.mktemp("founded") / "hub"
    world = World(place / "consortium", log_n=12)
    hub = HubWorld(place, world, configuration="local", port=free_port())
    try:
        hub.found(lambda doing: None)
        yield hub
    finally:
        hub.forget()


def test_cut_off_by_ctrl_c_nothing_runs_on_and_it_can_be_stopped_and_forgotten(
    founded: HubWorld,
) -> None:
    services = founded.world.services()
    # The command is held where it looks whether the hub's settings have changed: the consortium
    # is up, the hub is not.
    held = founded.directory / "services" / "hub.started.toml"
    held.parent.mkdir(exist_ok=True)
    os.mkfifo(held)
    # A shell has those that it starts in the background ignore the key; so may this test's.
    hearing = ["env", "--default-signal=INT", *_command(founded.directory)]
    with subprocess.Popen(
        hearing, env=_environment(), stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            writer = _opened_for(started, held)
            assert all(service.pid() is not None for service in services)
            started.send_signal(signal.SIGINT)
            _, told = started.communicate(timeout=LIMIT)
        finally:
            started.kill()  # unless it has ended
    os.close(writer)
    held.unlink()
    assert started.returncode == 130, told
    assert "The same command goes on from here" in " ".join(told.split())
    assert "Traceback" not in told
    running = [s.name for s in (*services, founded.hub, founded.proxy) if s.pid() is not None]
    assert not running
    done = subprocess.run(
        _command(founded.directory, "--stop"),
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert "are stopped" in " ".join(done.stderr.split())
    founded.forget()
    assert not any((founded.directory / name).exists() for name in ("hub", "people", "consortium"))


def _opened_for(process: subprocess.Popen[str], pipe: Path) -> int:
    """The writing end of a named pipe that `process` waits to read from."""
    until = time.monotonic() + LIMIT
    while True:
        assert process.poll() is None, process.communicate(timeout=LIMIT)[1]
        assert time.monotonic() < until, "the command does not get that far"
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as refused:
            if refused.errno != errno.ENXIO:  # nobody reads yet
                raise
        time.sleep(0.05)


def test_a_cut_founding_is_taken_up(tmp_path: Path) -> None:
    """Keys that were made and not yet on the roster, and the other way round, are the same keys."""
    place = tmp_path / "hub"
    world = World(place / "consortium", log_n=12, stations=())
    hub = HubWorld(place, world, configuration="local", port=free_port())
    hub.found(lambda doing: None)
    before, passwords = world.consortium.roster.members, hub.passwords
    (hub.people.directory / "passwords.json").unlink()
    hub.found(lambda doing: None)
    assert world.consortium.roster.members == before
    assert hub.passwords.keys() == passwords.keys()
