"""Opened results as a browser gets them: exact where it counts, bounded and harmless throughout."""

from __future__ import annotations

import json
import math
import struct
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results, StationResults
from phtlab.lab.server.results_answer import _is_picture, results_answer, table_answer, value
from phtlab.lab.workspace.central_follower import CentralSnapshot
from phtlab.lab.workspace.workspace import Workspace
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import CellError, OutputVerdict
from phtlab.wire.api.journeys import StopView
from tests.central.world import World
from tests.lab.server.test_answers import Told
from tests.lab.stop_records import record

SCRIPT = "<script>alert(1)</script>"
MARKS = "\u202e\u0007\x1b[31m"
KINDS = ("table", "scalar", "figure", "model", "file")
OUTPUTS = {kind: Output(name=kind, kind=kind) for kind in KINDS}


def png(width: int = 2, height: int = 2, more: int = 0) -> bytes:
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + header + b"\0" * (4 + more)


def one_station(break_it: Callable[[Path], Any] = lambda place: None) -> Results:
    """All kinds of outputs of ulm's, after `break_it` did what a hostile station might."""
    folder = ResultsFolder()
    place = folder.path / "ulm"
    place.mkdir()
    frame = pd.DataFrame({"sex": ["f", "m"], "n": [12, 30]})
    frame.to_parquet(place / "table.parquet")
    frame.to_parquet(place / "figure.parquet")
    (place / "figure.png").write_bytes(png())
    (place / "scalar.json").write_text(json.dumps({"value": 42}))
    save_file({"beta": np.zeros((3, 2)), "n": np.array(5)}, place / "model.safetensors")
    (place / "file.bin").write_bytes(b"12345")
    break_it(place)
    released = [OutputVerdict(name=kind, kind=kind, verdict="released") for kind in KINDS]
    ulm = StationResults("ulm", record("ulm", outputs=tuple(released)), OUTPUTS, place, folder)
    failed = record(
        "mainz",
        outcome="failed",
        code="cell-failed",
        sentence=MARKS,
        error=CellError(type="ValueError", cell=3, line=1),
    )
    return Results({"ulm": ulm}, {"mainz": failed}, folder, {"jena": "cancelled"})


@pytest.fixture
def told(central: World) -> Callable[[Results], dict[str, Any]]:
    workspace: Workspace = Told(CentralSnapshot())
    view = central.journey("ulm")
    return lambda results: results_answer(workspace, view, results, lambda path: None).to_json()


def test_each_kind_of_output_has_its_own_fields(told: Callable[[Results], dict[str, Any]]):
    shape = told(one_station())
    (station,) = shape["stations"]
    outputs = {output["name"]: output for output in station["outputs"]}
    assert {kind: set(output) - {"name", "kind"} for kind, output in outputs.items()} == {
        "table": {"table"},
        "scalar": {"scalar"},
        "figure": {"png", "table"},
        "model": {"shapes"},
        "file": {"bytes"},
    }
    assert outputs["table"]["table"] == {
        "columns": ["sex", "n"],
        "rows": [["f", 12], ["m", 30]],
        "total": 2,
    }
    assert outputs["scalar"]["scalar"] == 42
    assert b64decode(outputs["figure"]["png"]) == png()
    assert outputs["model"]["shapes"] == {"beta": [3, 2], "n": []}
    assert outputs["file"]["bytes"] == 5
    assert shape["unsigned"] == [{"station": "jena", "words": "cancelled"}]
    assert shape["waiting"] == []
    lacks = {(one["output"], one["station"]): one["words"] for one in shape["missing"]}
    assert lacks["table", "jena"] == "sent nothing (cancelled)"
    assert lacks["table", "mainz"].startswith("sent nothing (failed: ")
    assert all(words.isprintable() for words in lacks.values())
    assert shape["failures"][0]["sentence"].isprintable()


def test_results_so_far_say_what_is_not_in_them_yet(told: Callable[[Results], dict[str, Any]]):
    whole = one_station()
    jena = StopView(
        station="jena",
        number=2,
        state="held",
        sentence="a person decides",
        updated=datetime.now(UTC),
    )
    so_far = Results(dict(whole), {}, whole._folder, {}, {"jena": jena})
    shape = told(so_far)
    assert shape["waiting"] == [{"station": "jena", "words": "held: a person decides"}]
    lacks = {(one["output"], one["station"]): one["words"] for one in shape["missing"]}
    assert lacks["scalar", "jena"] == "is not in it yet (held)"


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("table", lambda place: (place / "table.parquet").write_bytes(b"PAR1 no")),
        ("scalar", lambda place: (place / "scalar.json").write_text('{"value": NaN]')),
        ("figure", lambda place: (place / "figure.png").write_bytes(b"<svg onload='x'/>")),
        ("figure", lambda place: (place / "figure.png").write_bytes(png(100_000, 100_000))),
        ("model", lambda place: (place / "model.safetensors").write_bytes(b"\x80pickle")),
    ],
)
def test_what_is_not_of_its_kind_is_a_sentence_and_the_rest_is_shown(
    told: Callable[[Results], dict[str, Any]], name: str, break_it: Callable[[Path], Any]
):
    (station,) = told(one_station(break_it))["stations"]
    assert {output["name"] for output in station["outputs"]} == set(KINDS) - {name}
    (verdict,) = [v for v in station["verdicts"] if v["verdict"] != "released"]
    assert (verdict["name"], verdict["verdict"], verdict["rule"]) == (
        name,
        "unreadable",
        "output-form",
    )
    assert "ulm" in verdict["sentence"]


def test_a_long_table_is_cut_and_says_so():
    shape = table_answer(pd.DataFrame({"n": range(2500)})).to_json()
    assert (len(shape["rows"]), shape["total"]) == (1000, 2500)
    wide = table_answer(pd.DataFrame(np.zeros((400, 1000)))).to_json()
    assert (len(wide["columns"]), len(wide["rows"]), wide["total"]) == (200, 250, 400)


def test_an_empty_table_is_one():
    assert table_answer(pd.DataFrame({"n": []})).to_json() == {
        "columns": ["n"],
        "rows": [],
        "total": 0,
    }
    assert table_answer(pd.DataFrame()).to_json() == {"columns": [], "rows": [], "total": 0}


def test_a_name_may_stand_twice():
    frame = pd.DataFrame([[1, 2]], columns=["n", "n"])
    assert table_answer(frame).rows == [[1, 2]]


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (True, True),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (np.int64(7), 7),
        (np.float32(0.5), 0.5),
        (math.nan, None),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (pd.NA, None),
        (pd.NaT, None),
        (None, None),
        (pd.Timestamp("2026-03-02"), "2026-03-02T00:00:00"),
        (date(2026, 3, 2), "2026-03-02"),
        (pd.Timedelta("1h"), "0 days 01:00:00"),
        (SCRIPT, SCRIPT),
        ("\u202e\x1b", "\\u202e\\x1b"),
        ([1, [2, [3]]], [1, [2, [3]]]),
        ({"a": np.float64(1)}, {"a": 1.0}),
        (np.array([1, 2]), "[1 2]"),
        (b"bytes", "b'bytes'"),
    ],
    ids=repr,
)
def test_a_value_is_exact_json_or_printable_text(item: Any, shown: Any):
    assert value(item) == shown
    json.dumps(value(item), allow_nan=False)


def test_a_value_is_bounded():
    assert len(value("x" * 10_000)) == 500
    assert len(value(list(range(10_000)))) == 1000
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert len(json.dumps(value(deep))) < 1000


@pytest.mark.parametrize(
    ("content", "is_one"),
    [
        (png(), True),
        (png(7000, 7000), True),
        (png(8000, 8000), False),
        (png(0, 5), False),
        (b"", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"GIF89a" + b"\0" * 40, False),
        (png(more=17 * 2**20), False),
    ],
    ids=["png", "large", "huge", "empty-picture", "empty", "cut", "gif", "heavy"],
)
def test_a_picture_is_a_png_of_a_size_that_a_browser_bears(content: bytes, is_one: bool):
    assert _is_picture(content) is is_one
