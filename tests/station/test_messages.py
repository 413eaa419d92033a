"""What people at a station read when something cannot be done."""

from __future__ import annotations

from pathlib import Path

from phtlab.cli.station.maintenance import moment
from phtlab.station.approvals.decisions import approve
from phtlab.station.context.maintenance import pause, pause_of, resume
from phtlab.station.executor.contract import Job, Limits
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from tests.raising import wrong_messages
from tests.station.station_world import make_world

IMAGE = f"127.0.0.1:5000/trains/ada@sha256:{'a' * 64}"


def test_a_request_to_the_sandbox(tmp_path: Path) -> None:
    assert not wrong_messages(
        {
            "'../x' is not a job id": lambda: Job("../x", IMAGE, tmp_path),
            "The image 'trains/ada' of job stop-1 is not named by digest": lambda: Job(
                "stop-1", "trains/ada", tmp_path
            ),
            "'..' cannot name a data set in the sandbox of job stop-1": lambda: Job(
                "stop-1", IMAGE, tmp_path, {"..": tmp_path}
            ),
            "'A B' cannot be an environment variable of job stop-1": lambda: Job(
                "stop-1", IMAGE, tmp_path, environment={"A B": "1"}
            ),
            "The limit pids is 0, which is not a limit": lambda: Limits(pids=0),
        }
    )


def test_a_stop_and_its_station(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    daemon, offers = world.daemon(), [world.offer(nonce=f"{n:032x}") for n in range(2)]
    for offer in offers:
        daemon.receive(offer)
    station = world.station()
    empty = StationFolder(tmp_path / "nowhere")
    assert not wrong_messages(
        {
            "no stop that begins with 'sha256:zz'": lambda: station.stops.find("sha256:zz"),
            "Several stops begin with ''": lambda: station.stops.find(""),
            "waits for no decision; it is offered": lambda: approve(
                station, offers[0].journey, by="olga"
            ),
            "There is no station in": lambda: load_settings(empty),
        }
    )


def test_a_pause(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    station = world.station()
    now = world.now()
    assert not wrong_messages(
        {
            "Say why, in a line": lambda: pause(station, by="grace", reason=""),
            "is over. Name a later time": lambda: pause(station, by="grace", reason="x", until=now),
            "is not paused. 'phtlab station status' says what it does": lambda: resume(
                station, by="grace"
            ),
            "'soon' is no time. Give one as": lambda: moment("soon", now),
        }
    )
    world.folder.pause.write_text("{")
    assert not wrong_messages({"is damaged, so nothing new begins": lambda: pause_of(world.folder)})
