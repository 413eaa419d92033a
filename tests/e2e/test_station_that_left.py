"""Results of a journey whose station has left the consortium since, or whose keys were stolen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from phtlab.errors import NotOnRosterError
from phtlab.lab import Lab
from phtlab.train.roster import Roster
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine


def test_results_open_after_a_station_left_and_not_if_its_keys_were_stolen(
    small_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = write_notebook(tmp_path / "left.ipynb", LOAD, PUBLISH)
    journey = small_lab.dispatch(notebook, stations=["cleveland", "hungary"]).wait(
        180, on_change=lambda view: None
    )
    _, order, _ = journey.verified()
    trusted = small_lab.refresh()

    def now_says(roster: Roster) -> None:
        newer = roster.model_copy(update={"version": roster.version + 1})
        monkeypatch.setattr(small_lab, "refresh", lambda: replace(trusted, roster=newer))

    left = trusted.roster.without("hungary", until=trusted.roster.version)
    now_says(left)
    assert journey.results().stations == ("cleveland", "hungary")
    now_says(left.forgetting("hungary"))
    with pytest.raises(NotOnRosterError):
        journey.results()
    now_says(trusted.roster.without("hungary", until=order.roster_version - 1))
    with pytest.raises(NotOnRosterError):
        journey.results()
