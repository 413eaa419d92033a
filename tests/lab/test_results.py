"""Results as an analyst meets them: by station, over all stations, and what is not there."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from phtlab.errors import JourneyError
from phtlab.lab.results import Results, ResultsFolder, StationResults
from phtlab.train.manifest import Output
from phtlab.train.record import OutputVerdict, StopRecord

ZERO = "sha256:" + 64 * "0"
OUTPUTS = {
    "counts": Output(name="counts", counts="n"),
    "model": Output(name="model", kind="model"),
    "total": Output(name="total", kind="scalar"),
}


def record(station: str, **more) -> StopRecord:
    values = {"outcome": "departed", **more}
    return StopRecord(
        journey=ZERO,
        train=ZERO,
        station=station,
        stop=0,
        roster_version=1,
        finished=datetime.now(UTC),
        **values,
    )


@pytest.fixture
def results() -> Results:
    folder = ResultsFolder()
    stations = {}
    for number, station in enumerate(("cleveland", "hungary"), start=1):
        place = folder.path / station
        place.mkdir()
        frame = pd.DataFrame({"sex": ["=cmd|' /C calc'!A0", "Male"], "n": [10 * number, 20]})
        frame.to_parquet(place / "counts.parquet")
        save_file({"xtx": np.eye(2) * number}, place / "model.safetensors")
        (place / "total.json").write_text(json.dumps({"value": 100 * number}))
        stations[station] = StationResults(station, record(station), OUTPUTS, place, folder)
    failed = record(
        "switzerland", outcome="failed", code="cell-failed", sentence="A cell of the train failed."
    )
    return Results(stations, {"switzerland": failed}, folder, {"ulm": "cancelled"})


def test_a_table_over_all_stations_names_the_station_first(results):
    table = results.table("counts")
    assert list(table.columns) == ["station", "sex", "n"]
    assert list(table.station) == ["cleveland", "cleveland", "hungary", "hungary"]


def test_scalars_and_models_come_by_station(results):
    assert results.scalars("total") == {"cleveland": 100, "hungary": 200}
    assert results.models("model")["hungary"]["xtx"][0, 0] == 2


def test_the_kind_is_told_when_another_is_asked_for(results):
    with pytest.raises(JourneyError, match=r"'model' is a model: use \.model\('model'\)"):
        results["cleveland"].table("model")


def test_an_output_nobody_sent_is_told_with_what_there_is(results):
    with pytest.raises(JourneyError) as missing:
        results.table("conuts")
    assert missing.value.message == (
        "No station sent a table called 'conuts'. They sent: counts (table), model (model), "
        "total (scalar)."
    )


def test_what_the_airlock_refused_is_told_by_its_rule(results):
    verdict = OutputVerdict(
        name="ages", kind="table", verdict="refused", sentence="More than 100 columns."
    )
    one = results["cleveland"]
    held = StationResults("cleveland", record("cleveland", outputs=(verdict,)), {}, one.directory)
    with pytest.raises(JourneyError, match="its airlock says: More than 100 columns"):
        held.table("ages")


def test_a_failed_station_is_told_by_its_record(results):
    with pytest.raises(JourneyError, match="switzerland failed: A cell of the train failed"):
        results["switzerland"]


def test_a_stop_that_only_central_closed_is_told_as_unsigned(results):
    with pytest.raises(JourneyError, match=r"Central says of ulm: cancelled\. ulm signed nothing"):
        results["ulm"]


def test_csv_cells_are_no_formulas(results, tmp_path):
    results.export(tmp_path)
    lines = (tmp_path / "cleveland" / "counts.csv").read_text().splitlines()
    assert lines[1].startswith("'=cmd")
    assert pd.read_parquet(tmp_path / "cleveland" / "counts.parquet").sex[0].startswith("=cmd")


def test_html_shows_every_station_and_escapes_what_they_sent(results):
    page = results._repr_html_()
    assert "cleveland" in page and "switzerland" in page
    assert "<script" not in page
