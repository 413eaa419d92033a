"""What the console does, as commands; and the console's own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.errors import PhtlabError
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.people import load_people
from tests.limits import LIMIT, read_line
from tests.real_registry import free_port
from tests.station.station_world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def phtlab(world: World, *words: str, fails: bool = False) -> Result:
    done = CliRunner().invoke(app, ["station", *words, "-C", str(world.folder.path)])
    assert (done.exit_code != 0) is fails, (done.output, done.exception)
    return done


def refusal(world: World, *words: str) -> str:
    """What a person reads of a command that cannot be done."""
    error = phtlab(world, *words, fails=True).exception
    assert isinstance(error, PhtlabError)
    return str(error)


def test_people_are_added_listed_and_removed(world: World) -> None:
    told = phtlab(world, "people", "list").stderr
    assert "phtlab station people add" in told
    roles = ("--role", "reviewer", "--role", "admin")
    phtlab(world, "people", "add", "mia", *roles, "--subject", "auth0|12")
    listed = json.loads(phtlab(world, "people", "list", "--json").stdout)
    assert listed == [{"name": "mia", "roles": ["reviewer", "admin"], "subjects": ["auth0|12"]}]
    assert "reviewer, admin" in phtlab(world, "people", "list").stdout
    phtlab(world, "people", "remove", "mia")
    assert not load_people(world.folder).people
    told = [(one.action, one.subject) for one in world.station().audit.entries()]
    assert told == [("person-added", "mia"), ("person-removed", "mia")]
    assert "Nobody called 'mia'" in refusal(world, "people", "remove", "mia")
    assert "--role" in refusal(world, "people", "add", "mia")


def test_a_policy_is_tried_and_put_in_force(world: World, tmp_path: Path) -> None:
    world.begun(world.offer(), steps=2)
    new = tmp_path / "new.toml"
    new.write_text(default_policy("human"))
    tried = phtlab(world, "policy", "try", str(new))
    assert "1 of 1 journeys" in tried.stderr
    assert "waits for a person" in tried.stdout
    (one,) = json.loads(phtlab(world, "policy", "try", str(new), "--json").stdout)
    assert (one["before"]["verdict"], one["after"]["verdict"]) == ("admit", "hold")
    phtlab(world, "policy", "put", str(new), "--by", "mia")
    assert world.station().policy().mode == "human"
    assert list(world.station().audit.entries())[-1].actor == "mia"
    new.write_text("mode = 3")
    assert "'mode' is wrong" in refusal(world, "policy", "put", str(new))


def test_the_console_runs_and_a_second_command_makes_a_link_for_it(world: World) -> None:
    assert "people add" in refusal(world, "console")
    phtlab(world, "people", "add", "mia", "--role", "reader")
    port = str(free_port())
    place = ("-C", str(world.folder.path))
    command = [sys.executable, "-m", "phtlab", "station", "console", "--port", port, *place]
    # It needs no passphrase: there is no key in this folder at all.
    assert not world.folder.key.exists()
    console = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        first = read_line(console, console.stdout).strip()
        assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/login\?link=[\w-]+", first)
        second = phtlab(world, "people", "link", "mia").stdout.strip()
        assert second.startswith(f"http://127.0.0.1:{port}/login?link=")
        for link in (first, second):
            home, _, secret = link.partition("login?link=")
            with httpx.Client(
                trust_env=False, headers={"Origin": home.rstrip("/")}, timeout=LIMIT
            ) as client:
                _require_up(client, home)
                answer = client.post(f"{home}login", data={"link": secret})
                assert answer.status_code == 303
                assert "Nothing waits for you." in client.get(home).text
        assert "Something listens on" in refusal(world, "console", "--port", port)
    finally:
        console.send_signal(signal.SIGINT)
        _, log = console.communicate(timeout=LIMIT)
    assert "Traceback" not in log
    assert "link=" not in log, "no secret in the log"
    assert not (world.folder.path / "console" / "address").exists()


def _require_up(client: httpx.Client, home: str) -> None:
    """The socket listens before the link is printed: what comes early waits."""
    assert client.get(f"{home}login", timeout=60).status_code == 200
