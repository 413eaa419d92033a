"""What a station remembers of what has left, and what a later stop is held against."""

from __future__ import annotations

import io
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from phtlab.errors import StationError
from phtlab.station.airlock import released
from phtlab.station.airlock.passage import Passed, pass_outputs
from phtlab.station.airlock.rules import AirlockRules
from phtlab.train.manifest import Output
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.station.left_by_a_run import LeftInMemory

OUTPUT = Output(name="by_sex", counts="n")


def stop(folder: Path, counts: dict[str, int], datasets: tuple[str, ...] = ("heart",)) -> Passed:
    content = {
        "columns": [{"name": "sex", "type": "string"}, {"name": "n", "type": "integer"}],
        "data": [list(counts), list(counts.values())],
    }
    files = {"by_sex.json": b'{"kind": "table"}', "by_sex.table.json": json.dumps(content).encode()}
    before = released.earlier(folder, datasets)
    passed = pass_outputs((OUTPUT,), LeftInMemory(files.__getitem__), AirlockRules(), before)
    released.note(folder, datasets, released.left((OUTPUT,), passed))
    return passed[0]


def kept(folder: Path) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def test_counts_that_left_are_kept_and_of_withheld_rows_the_labels_only(tmp_path: Path) -> None:
    stop(tmp_path / "released", {"female": 96, "male": 208, "other": 3})
    found = kept(tmp_path / "released")
    sums = found[0]["outputs"][0].pop("sums")
    assert found[0]["outputs"][0].pop("key")
    assert {len(one["digest"]) for one in sums} == {64}
    assert [set(one) for one in sums] == [{"cell", "digest"}] * 4
    assert found == [
        {
            "version": 1,
            "datasets": ["heart"],
            "outputs": [
                {
                    "name": "by_sex",
                    "dimensions": ["sex"],
                    "rows": [
                        {"cell": {"sex": "female"}, "count": 96},
                        {"cell": {"sex": "male"}, "count": 208},
                        {"cell": {"sex": "other"}, "count": None},
                    ],
                }
            ],
        }
    ]


def test_the_same_tables_are_kept_once_and_let_go_again(tmp_path: Path) -> None:
    for _ in range(3):
        assert stop(tmp_path, {"female": 96, "male": 208}).verdict.verdict == "released"
    assert len(kept(tmp_path)) == 1


def test_other_data_sets_are_other_people(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    assert stop(tmp_path, {"female": 95, "male": 207}, ("lung",)).verdict.verdict == "released"
    again = stop(tmp_path, {"female": 95, "male": 207}, ("lung", "heart"))
    assert again.verdict.rule == "differencing"


def test_what_is_held_or_refused_has_not_left(tmp_path: Path) -> None:
    passed = stop(tmp_path / "other", {"female": 96})
    for verdict in ("held", "refused"):
        one = replace(passed, verdict=passed.verdict.model_copy(update={"verdict": verdict}))
        assert released.left((OUTPUT,), (one,)) == []


def test_what_a_person_took_out_has_not_left(tmp_path: Path) -> None:
    """A held output waits without its cells in memory; a part of it is let go."""
    passed = stop(tmp_path, {"female": 96, "male": 208})
    waiting = json.loads(json.dumps(released.cells_kept((passed,))))
    part = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"sex": ["female"], "n": [96]}), part)
    decided = Passed(passed.verdict, {"by_sex.parquet": part.getvalue()})
    ((told,),) = [released.left((OUTPUT,), released.with_cells((decided,), waiting))]
    assert [row["count"] for row in told["rows"]] == [96, None]


def total(folder: Path, count: int) -> str:
    files = {
        "all.json": b'{"kind": "scalar"}',
        "all.scalar.json": json.dumps({"value": count}).encode(),
    }
    output = Output(name="all", kind="scalar", counts="all")
    before = released.earlier(folder, ["heart"])
    return pass_outputs((output,), LeftInMemory(files.__getitem__), AirlockRules(), before)[
        0
    ].verdict.verdict


def test_a_sum_of_withheld_rows_is_known_again_and_no_other_is_taken_for_it(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208, "other": 3})
    assert total(tmp_path, 96 + 208 + 3) == "refused"
    assert total(tmp_path, 96 + 208) == "released", "other people: a reader is led astray"
    (tmp_path / "key").unlink()
    assert total(tmp_path, 96 + 208) == "refused", "without the key nobody can tell"


def test_a_changed_file_stops_what_would_be_held_against_it(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(path.read_bytes().replace(b"96", b"69"))
    with raises_code(StationError, "station-error"):
        released.earlier(tmp_path, ["heart"])


def test_the_newest_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released, "MOST_FILES", 2)
    for number, count in enumerate((100, 200, 300)):
        stop(tmp_path, {"female": count, "male": 1000})
        for path in tmp_path.glob("*.json"):
            if str(count).encode() in path.read_bytes():
                os.utime(path, (number, number))
    found = {row.count for one in released.earlier(tmp_path, ["heart"]) for row in one.rows}
    assert found == {200, 300, 1000}


def test_two_stops_wait_for_each_others_turn(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(LIMIT)
        with released.turn(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with released.turn(tmp_path):
        inside.set()
        thread.join(0.2)
        order.append("first")
    join(thread)
    assert order == ["first", "second"]
