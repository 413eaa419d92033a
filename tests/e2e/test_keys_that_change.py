"""Results of a journey whose station has left since, has other keys, or whose keys were stolen."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from phtlab.demo.world import OFFICERS, World
from phtlab.errors import NotOnRosterError
from phtlab.files.key_file import write_key
from phtlab.lab import Journey, Lab
from phtlab.station.settings.folder import StationFolder
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.repository import load_root
from tests.e2e.parts import away
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine


def ran(lab: Lab, path: Path) -> Journey:
    """A journey to both stations that has ended."""
    notebook = write_notebook(path, LOAD, f"{PUBLISH}# {secrets.token_hex(8)}\n")
    stations = ["cleveland", "hungary"]
    journey = lab.dispatch(notebook, stations=stations).wait(180, on_change=lambda view: None)
    assert [stop.state for stop in journey.stops] == ["departed", "departed"], journey.stops
    return journey


def test_results_open_after_a_station_left_and_not_if_its_keys_were_stolen(
    small_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journey = ran(small_lab, tmp_path / "left.ipynb")
    _, order, _ = journey.verified()
    trusted = small_lab.refresh()

    def now_says(roster: Roster) -> None:
        newer = roster.model_copy(update={"version": roster.version + 1})
        monkeypatch.setattr(small_lab.session, "refresh", lambda: replace(trusted, roster=newer))

    left = trusted.roster.without("hungary", until=trusted.roster.version)
    now_says(left)
    assert journey.results().stations == ("cleveland", "hungary")
    now_says(left.forgetting("hungary"))
    with pytest.raises(NotOnRosterError):
        journey.results()
    now_says(trusted.roster.without("hungary", until=order.roster_version - 1))
    with pytest.raises(NotOnRosterError):
        journey.results()


def test_a_station_and_an_officer_with_other_keys_and_all_goes_on(
    small: World, small_lab: Lab, tmp_path: Path
) -> None:
    """The daemons pinned the first root and follow; what the old key signed still opens."""
    before = ran(small_lab, tmp_path / "before.ipynb")
    consortium = small.consortium
    known = consortium.roster.member("hungary")
    new = Identity.generate("hungary")
    officer = Identity.generate(OFFICERS[-1])
    with away(small, "hungary"):
        consortium.rotate_member(known.model_copy(update={"keys": new.public}))
        consortium.replace_officer(
            Member(name=officer.name, roles=("officer",), keys=officer.public)
        )
        small.sign()
        small.publish()
        for key, file in (
            (new, StationFolder(small.station_folder("hungary")).key),
            (officer, consortium.officer_key_file(officer.name)),
        ):
            write_key(file, key, small.passphrase, log_n=small.log_n, replace=True)
    after = ran(small_lab, tmp_path / "after.ipynb")
    assert after.results().stations == before.results().stations == ("cleveland", "hungary")
    roots = StationFolder(small.station_folder("cleveland")).trust / "metadata" / "root_history"
    assert (roots / f"{load_root(consortium.root).signed.version}.root.json").exists()
