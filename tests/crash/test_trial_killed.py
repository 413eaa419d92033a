"""A station whose trials of the sandbox are killed: it stays up, closed, and opens by itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from phtlab.demo.world import World
from phtlab.lab import Lab
from phtlab.station.daemon.lock import daemon_runs
from phtlab.station.executor import sandbox_trial
from phtlab.station.executor.sandbox import container_name
from phtlab.station.executor.unfinished_trial import unfinished_trial
from phtlab.station.settings.folder import StationFolder
from phtlab.wire.api.journeys import StationView
from tests.crash.load import mark_of
from tests.e2e.parts import command, ended, kill, service, stop_of, until
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.sandbox.trial_killer import killing

pytestmark = pytest.mark.engine

STATION = "cleveland"


def test_a_station_whose_trials_are_killed_stays_up_closed_and_opens_by_itself(
    small: World, small_lab: Lab, tmp_path: Path
) -> None:
    notebook = write_notebook(tmp_path / "small.ipynb", LOAD, PUBLISH)
    # From here on the engine has an image to try the sandbox with.
    assert ended(small_lab.dispatch(notebook, stations=STATION), STATION).outcome == "departed"
    folder, one = StationFolder(small.station_folder(STATION)), service(small, STATION)
    kill(one)
    drafts = plant_drafts(folder)
    with killing(container_name(mark_of(small, STATION), sandbox_trial.NAME)):
        while unfinished_trial(folder) is None:
            # On a busy machine one may come to its end before it is killed: once more.
            if one.pid() is not None:
                kill(one)
            one.start()
            until(lambda: unfinished_trial(folder) is not None or daemon_runs(folder))
        pid = one.pid()
        until(lambda: "sandbox" in at_central(small_lab).paused)
        said = command(small, "station", "status", "-C", str(folder.path), "--json")
        assert "Whether the sandbox holds is not known" in json.loads(said.stdout)["closed"]
        journey = small_lab.dispatch(notebook, stations=STATION)
        stop = stop_of(small, STATION, journey.id)
        until(lambda: stop.path.is_dir() and stop.state == "verified")
        assert pid is not None
        assert one.pid() == pid
    until(lambda: unfinished_trial(folder) is None)
    assert ended(journey, STATION).outcome == "departed"
    until(lambda: not at_central(small_lab).paused)
    assert one.pid() == pid
    assert [draft for draft in drafts if draft.exists()] == []


def at_central(lab: Lab) -> StationView:
    (view,) = [view for view in lab.stations() if view.name == STATION]
    return view


def plant_drafts(folder: StationFolder) -> list[Path]:
    """Half a file in every folder of the station, as by writers that were killed."""
    drafts = [
        Path(place) / ".file.0123456789abcdef.part"
        for place, _, _ in os.walk(folder.path)
        if folder.runs not in (Path(place), *Path(place).parents)
    ]
    for draft in drafts:
        draft.write_bytes(b"half")
    return drafts
