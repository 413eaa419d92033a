"""What a dry run foresees, as the library says it: a frame, text, and below each output in HTML."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results, StationResults
from phtlab.lab.server.results_answer import _failure, _station
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import Forecast, OutputVerdict
from tests.lab.stop_records import record

HOSTILE = "<script>alert(1)</script>\u202e"


def verdict(name: str, said: str = "released", **more: object) -> OutputVerdict:
    return OutputVerdict.model_validate({"name": name, "kind": "table", "verdict": said, **more})


FORECASTS = (
    Forecast(
        stations=("cleveland", "hungary"),
        outputs=(
            verdict("counts", "suppressed", rule="small-count", suppressed_rows=4),
            verdict("ages", "held", rule="uncounted", sentence=f"It counts nobody. {HOSTILE}"),
        ),
    ),
    Forecast(stations=("va",), outputs=(verdict("counts"), verdict("ages", "refused", rule="k"))),
)


@pytest.fixture
def dry_run() -> Results:
    folder = ResultsFolder()
    place: Path = folder.path / "twins"
    place.mkdir()
    pd.DataFrame({"sex": ["f"], "n": [20]}).to_parquet(place / "counts.parquet")
    pd.DataFrame({"age": [20]}).to_parquet(place / "ages.parquet")
    outputs = {"counts": Output(name="counts", counts="n"), "ages": Output(name="ages")}
    told = record("twins", outputs=(verdict("counts"), verdict("ages")), forecasts=FORECASTS)
    return Results({"twins": StationResults("twins", told, outputs, place, folder)}, {}, folder)


def test_a_row_for_each_station_and_output(dry_run: Results) -> None:
    frame = dry_run.forecast()
    assert list(frame.columns) == ["station", "output", "verdict", "rule", "rows", "why"]
    assert frame[frame.output == "counts"].set_index("station").rows.to_dict() == {
        "cleveland": 4,
        "hungary": 4,
        "va": 0,
    }
    assert set(frame[frame.verdict == "held"].station) == {"cleveland", "hungary"}


def test_text_and_html_say_it_below_each_output_and_foreign_words_are_text(
    dry_run: Results,
) -> None:
    text = repr(dry_run)
    assert "counts at cleveland, hungary: 4 rows would stay there (small-count)" in text
    assert "counts at va: leaves whole" in text
    assert "ages at cleveland, hungary: would be held for a person (uncounted)." in text
    page = dry_run._repr_html_()
    assert "Foreseen from made-up rows" in page
    assert "4 rows would stay there (small-count)" in page
    assert HOSTILE not in page
    assert "\u202e" not in page


def test_a_real_journey_foresees_nothing(dry_run: Results) -> None:
    (one,) = dry_run.values()
    real = StationResults("cleveland", record("cleveland"), one.outputs, one.directory, one.held)
    results = Results({"cleveland": real}, {}, ResultsFolder())
    assert len(results.forecast()) == 0
    assert "Foreseen" not in results._repr_html_()
    assert _station(real).forecasts == []


def test_the_page_of_results_has_it_also_where_nothing_left(dry_run: Results) -> None:
    (one,) = dry_run.values()
    forecasts = _station(one).forecasts
    assert [found.stations for found in forecasts] == [["cleveland", "hungary"], ["va"]]
    assert forecasts[0].verdicts[0].suppressed_rows == 4
    failed = record("twins", outcome="failed", code="airlock-refused", forecasts=FORECASTS)
    assert len(_failure("twins", failed).forecasts) == 2
    assert len(Results({}, {"twins": failed}, ResultsFolder()).forecast()) == 6
