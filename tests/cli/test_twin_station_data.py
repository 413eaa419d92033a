"""`phtlab station dataset add` at a twin station: the twin is all the data there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from phtlab.cli.main import app
from phtlab.errors import DataSetError
from phtlab.share import share
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings

SCHEMA = share("notebooks/data/heart.toml")


def station(place: Path, *, twin: bool) -> StationFolder:
    folder = StationFolder(place)
    folder.create()
    write_settings(folder, StationSettings(name="somewhere", twin=twin))
    return folder


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["station", *map(str, words)])


def test_a_twin_station_needs_no_data_file(tmp_path: Path) -> None:
    folder = station(tmp_path, twin=True)
    result = run("dataset", "add", "heart", "--schema", SCHEMA, "-C", tmp_path)
    assert result.exit_code == 0, result.exception
    listed = json.loads(run("dataset", "list", "--json", "-C", tmp_path).stdout)
    assert listed[0]["path"] == str(folder.twins / "heart.csv")
    assert (folder.twins / "heart.csv").read_text().startswith("age,sex,")
    checked = run("check", "-C", tmp_path).stdout
    assert "ok   twin heart" in checked


def test_any_other_station_is_asked_where_its_data_are(tmp_path: Path) -> None:
    station(tmp_path, twin=False)
    result = run("dataset", "add", "heart", "--schema", SCHEMA, "-C", tmp_path)
    assert isinstance(result.exception, DataSetError)
    assert "Where is the data set 'heart'?" in str(result.exception)


@pytest.mark.parametrize("twin", [True, False])
def test_a_file_that_is_not_there_is_refused_at_any_station(tmp_path: Path, twin: bool) -> None:
    station(tmp_path / "s", twin=twin)
    gone = tmp_path / "gone.csv"
    result = run("dataset", "add", "heart", gone, "--schema", SCHEMA, "-C", tmp_path / "s")
    assert isinstance(result.exception, DataSetError)
    assert str(gone) in str(result.exception)
