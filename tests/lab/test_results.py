"""Results as an analyst meets them: by station, over all stations, and what is not there."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from phtlab.errors import JourneyError, SealFormatError
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results, StationResults
from phtlab.lab.results.withheld import withheld
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict
from phtlab.wire.api.journeys import StopView
from tests.lab.stop_records import record
from tests.raising import raises_code

OUTPUTS = {
    "counts": Output(name="counts", counts="n"),
    "model": Output(name="model", kind="model"),
    "total": Output(name="total", kind="scalar"),
}


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
    with raises_code(JourneyError, "other-kind"):
        results["cleveland"].table("model")


def test_an_output_nobody_sent_is_told_with_what_there_is(results):
    with pytest.raises(JourneyError) as missing:
        results.table("conuts")
    assert str(missing.value) == (
        "No station sent a table called 'conuts'. They sent: counts (table), model (model), "
        "total (scalar)."
    )


def test_what_the_airlock_refused_is_told_by_its_rule(results):
    verdict = OutputVerdict(
        name="ages", kind="table", verdict="refused", sentence="More than 100 columns."
    )
    one = results["cleveland"]
    held = StationResults("cleveland", record("cleveland", outputs=(verdict,)), {}, one.directory)
    with raises_code(JourneyError, "no-such-output"):
        held.table("ages")


FIGURE = OutputVerdict(
    name="age_hist",
    kind="figure",
    verdict="refused",
    rule="differencing",
    sentence="It differs by fewer than 10 people from another output.",
)


@pytest.fixture
def without_figure(results) -> Results:
    """Results of one station that kept its figure back."""
    one = results["cleveland"]
    told = record("cleveland", outputs=(FIGURE,))
    kept = StationResults("cleveland", told, OUTPUTS, one.directory, one.held)
    return Results({"cleveland": kept}, {}, results._folder, {})


def test_what_a_station_kept_back_is_said_with_its_reason(without_figure):
    said = "age_hist: withheld. It differs by fewer than 10 people from another output."
    assert f"\n    {said}\n" in f"{without_figure!r}\n"
    assert without_figure._repr_html_().count(said) == 2  # in its tab, and among the station's


def test_who_asks_for_what_was_kept_back_learns_why(without_figure):
    with pytest.raises(JourneyError) as missing:
        without_figure.figures("age_hist")
    assert str(missing.value) == (
        "No station sent a figure called 'age_hist'. They sent: counts (table), model (model), "
        "total (scalar). cleveland let nothing of it leave (It differs by fewer than 10 people "
        "from another output)."
    )


def test_a_failed_station_is_told_by_its_record(results):
    with raises_code(JourneyError, "cell-failed"):
        results["switzerland"]


def test_a_station_whose_people_kept_everything_is_told_by_the_rule(results):
    verdict = OutputVerdict(
        name="ages",
        kind="table",
        verdict="refused",
        rule="small-count",
        sentence="It has small rows; a person at the station looked at it, and it stays there.",
    )
    refused = record(
        "switzerland", outcome="failed", code="airlock-refused", sentence="No.", outputs=(verdict,)
    )
    failed = Results({}, {"switzerland": refused}, results._folder)
    said = "No. ages: It has small rows; a person at the station looked at it, and it stays there."
    assert said in repr(failed)
    assert said in failed._repr_html_()
    with raises_code(JourneyError, "airlock-refused"):
        failed["switzerland"]


def test_a_stop_that_only_central_closed_is_told_as_unsigned(results):
    with raises_code(JourneyError, "unsigned-stop"):
        results["ulm"]


@pytest.mark.parametrize("content", [b"", b"PAR1 no table PAR1", b"{}", b"[" * 60_000, b"3"])
def test_what_a_station_sent_in_another_form_is_told_as_its_fault(results, content):
    hungary = results["hungary"]
    endings = {"counts": ".parquet", "total": ".json", "model": ".safetensors"}
    for (name, ending), read in zip(
        endings.items(), (hungary.table, hungary.scalar, hungary.model), strict=True
    ):
        (hungary.directory / (name + ending)).write_bytes(content)
        with raises_code(SealFormatError, "output-form"):
            read(name)


def test_a_table_of_a_billion_rows_in_a_few_bytes_is_not_read(results):
    hungary = results["hungary"]
    path = hungary.directory / "counts.parquet"
    column = pa.chunked_array([pa.nulls(2**20, pa.int8())] * 48)
    table = pa.table({"n": column, "m": column})
    pq.write_table(table, path, compression="zstd", row_group_size=2**26)
    assert path.stat().st_size < 2**20
    with raises_code(SealFormatError, "output-form"):
        hungary.table("counts")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[0] * 2_000_000], pa.list_(pa.int8())),
        pa.DictionaryArray.from_arrays(pa.array([0] * 60_000), pa.array(["x" * 10_000])),
    ],
    ids=["list", "repeated"],
)
def test_a_table_that_would_fill_the_memory_is_told_as_its_stations_fault(results, column):
    hungary = results["hungary"]
    pq.write_table(pa.table({"n": column}), hungary.directory / "counts.parquet")
    with raises_code(SealFormatError, "output-form"):
        results.table("counts")


def test_texts_that_only_tell_how_they_differ_from_the_one_before_are_not_read(results):
    """Each of them would be whole before it can be counted. No airlock writes them so."""
    hungary = results["hungary"]
    path = hungary.directory / "counts.parquet"
    table = pa.table({"n": ["x" * 100_000] * 3000})
    delta = {"n": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, path, use_dictionary=False, column_encoding=delta, compression="zstd")
    assert path.stat().st_size < 1000
    with raises_code(SealFormatError, "output-form"):
        hungary.table("counts")


def test_a_columns_name_is_no_formula(results, tmp_path):
    one = results["hungary"]
    pd.DataFrame({"=cmd|' /C calc'!A0": [""]}).to_parquet(one.directory / "counts.parquet")
    results.export(tmp_path)
    assert (tmp_path / "hungary" / "counts.csv").read_text() == "'=cmd|' /C calc'!A0\n\"\"\n"


def test_csv_cells_are_no_formulas(results, tmp_path):
    results.export(tmp_path)
    lines = (tmp_path / "cleveland" / "counts.csv").read_text().splitlines()
    assert lines[1].startswith("'=cmd")
    assert pd.read_parquet(tmp_path / "cleveland" / "counts.parquet").sex[0].startswith("=cmd")


def test_html_shows_every_station_and_escapes_what_they_sent(results):
    page = results._repr_html_()
    assert all(station in page for station in ("cleveland", "switzerland", "ulm"))
    assert "<script" not in page


@pytest.fixture
def lacking(results: Results) -> Results:
    """Cleveland kept two rows of `counts` and all of `total`."""
    one = results["cleveland"]
    verdicts = (
        OutputVerdict(
            name="counts",
            kind="table",
            verdict="suppressed",
            rule="small-count",
            sentence="2 rows with a count below 10 stayed at the station.",
            suppressed_rows=2,
            below=10,
        ),
        OutputVerdict(name="total", kind="scalar", verdict="refused", sentence="Too few."),
    )
    sent = {name: output for name, output in OUTPUTS.items() if name != "total"}
    kept = StationResults(
        "cleveland", record("cleveland", outputs=verdicts), sent, one.directory, one.held
    )
    stations = {"cleveland": kept, "hungary": results["hungary"]}
    return Results(stations, results.failures, results._folder, results.unsigned)


def test_a_pooled_table_says_what_is_missing_in_it(lacking):
    table = lacking.table("counts")
    assert table.attrs["withheld"] == {
        "cleveland": "withheld 2 rows below 10",
        "switzerland": "sent nothing (failed: A cell of the train failed)",
        "ulm": "sent nothing (cancelled)",
    }
    said = "Not everything is in it: cleveland withheld 2 rows below 10; switzerland sent nothing"
    assert said in table._repr_html_()
    assert "Sums over stations are too low by what is missing." in table._repr_html_()


def test_what_is_made_of_a_pooled_table_says_so_too(lacking):
    table = lacking.table("counts")
    for made in (
        table[table.n > 10],
        table.assign(share=table.n / table.n.sum()),
        table.sort_values("n"),
        table[["sex", "n"]],
        table.groupby("sex", as_index=False)[["n"]].sum(),
        table.groupby("sex").n.sum(),
        table.n,
    ):
        assert "withheld 2 rows below 10" in made._repr_html_()


def test_a_pooled_table_that_lacks_nothing_says_nothing(results):
    whole = Results(dict(results), {}, results._folder).table("counts")
    assert whole.attrs == {}
    assert whole._repr_html_().startswith("<div>\n<style")
    assert whole.n._repr_html_() is None  # as any series: text


def told(**verdict: Any) -> str:
    """What is said of an output with that verdict."""
    one = OutputVerdict(**{"name": "counts", "kind": "table", **verdict})
    (found,) = withheld({"ulm": record("ulm", outputs=(one,))}, {}, {}, ("counts",))
    return found.words


def test_rows_taken_out_are_counted_also_where_a_person_released_the_rest():
    held = "Rows are held; a person at the station looked at it and released it without 2 rows"
    assert told(verdict="suppressed", suppressed_rows=19, sentence=held) == "withheld 19 rows"
    one = {"sentence": "1 row with a count below 10 stayed at the station.", "suppressed_rows": 1}
    assert told(verdict="suppressed", **one, below=10) == "withheld 1 row below 10"
    # A station of an earlier release says it in the sentence alone, which is not parsed.
    assert told(verdict="suppressed", **one) == "withheld 1 row"
    cells = "it was released without 3 cells."
    assert told(verdict="suppressed", sentence=cells) == f"withheld a part ({cells[:-1]})"
    assert told(verdict="refused", sentence="Too few.") == "let nothing of it leave (Too few)"


def test_a_cell_says_once_what_is_missing_whatever_it_makes_of_it(lacking, monkeypatch):
    shown: list[Mapping[str, Any]] = []
    run = "run-1"
    monkeypatch.setattr("phtlab.lab.results.withheld.cell_run", lambda: run)
    monkeypatch.setattr("phtlab.lab.results.withheld.Output", shown.append)
    share = lacking.table("counts").n.sum()
    table = lacking.table("counts")
    assert share > 0
    assert [list(one) for one in shown] == [["text/html", "text/plain"]]
    assert "withheld 2 rows below 10" in shown[0]["text/plain"]
    assert "withheld" not in table._repr_html_(), "it stands above already"
    run = "run-2"
    assert "withheld 2 rows below 10" in table._repr_html_()
    lacking.models("model")
    assert len(shown) == 2


def test_html_says_above_each_output_what_is_missing_in_it(lacking):
    page = lacking._repr_html_()
    assert page.count("Not everything is in it") == len(lacking.names())
    assert page.index("withheld 2 rows below 10") < page.index("Table: ")


def test_withheld_lists_what_stayed_at_stations(lacking):
    assert lacking.withheld("counts").to_dict("records") == [
        {
            "station": "cleveland",
            "output": "counts",
            "rows": 2,
            "why": "2 rows with a count below 10 stayed at the station.",
        },
        {
            "station": "switzerland",
            "output": "counts",
            "rows": None,
            "why": "A cell of the train failed.",
        },
        {"station": "ulm", "output": "counts", "rows": None, "why": "cancelled"},
    ]
    assert set(lacking.withheld().output) == {"counts", "total", "model"}
    assert len(lacking.withheld("total")) == 3
    with raises_code(JourneyError, "no-such-output"):
        lacking.withheld("conuts")


def test_a_mark_of_another_hand_is_shown_as_text(lacking):
    table = lacking.table("counts")
    table.attrs["withheld"] = {"<b>": "<script>alert(1)</script>"}
    assert "<script>" not in table._repr_html_()


def test_results_so_far_name_what_is_still_under_way(results):
    held = StopView(station="hungary", number=1, state="held", updated=datetime.now(UTC))
    waiting = {"hungary": held, "ulm": None}
    so_far = Results({"cleveland": results["cleveland"]}, {}, results._folder, {}, waiting)
    assert repr(so_far).startswith("Results of 1 station so far, of 3\n")
    assert so_far.waiting == {"hungary": "held", "ulm": "not begun"}
    assert "  hungary: held; not ended yet" in repr(so_far)
    assert "held; not ended yet" in so_far._repr_html_()
    assert so_far.table("counts").attrs["withheld"] == {
        "hungary": "is not in it yet (held)",
        "ulm": "is not in it yet (not begun)",
    }
    with raises_code(JourneyError, "journey-unfinished"):
        so_far["hungary"]
