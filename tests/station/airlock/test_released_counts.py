"""What a station remembers of what has left, and what a later stop is held against."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from phtlab.errors import StationError
from phtlab.station.airlock.cells import CountedRow
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.history import released_counts, released_index, remembered_outputs
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.station.airlock.run_leftovers import LeftInMemory

OUTPUT = Output(name="by_sex", counts="n")


def stop(
    folder: Path, counts: dict[str, int], datasets: tuple[str, ...] = ("heart",)
) -> CheckedOutput:
    content = {
        "columns": [{"name": "sex", "type": "string"}, {"name": "n", "type": "integer"}],
        "data": [list(counts), list(counts.values())],
    }
    files = {"by_sex.json": b'{"kind": "table"}', "by_sex.table.json": json.dumps(content).encode()}
    before = released_counts.ReleasedHistory(folder, datasets)
    passed = pass_outputs((OUTPUT,), LeftInMemory(files.__getitem__), AirlockRules(), before)
    released_counts.note(
        folder, datasets, remembered_outputs.outputs_to_remember((OUTPUT,), passed)
    )
    return passed[0]


def kept(folder: Path) -> list[Any]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def test_counts_that_left_are_kept_and_of_withheld_rows_the_labels_only(tmp_path: Path) -> None:
    stop(tmp_path / "released", {"female": 96, "male": 208, "other": 3})
    found = kept(tmp_path / "released")
    marks = found[0]["outputs"][0].pop("marks")
    assert found[0]["outputs"][0].pop("key")
    assert {len(one["mark"]) for one in marks} == {64}
    assert [set(one) for one in marks] == [{"cell", "mark"}] * 4
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
        assert remembered_outputs.outputs_to_remember((OUTPUT,), (one,)) == []


def test_what_a_person_took_out_has_not_left(tmp_path: Path) -> None:
    """A held output waits without its cells in memory; a part of it is let go."""
    passed = stop(tmp_path, {"female": 96, "male": 208})
    waiting = json.loads(json.dumps(remembered_outputs.cells_kept((passed,))))
    part = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"sex": ["female"], "n": [96]}), part)
    decided = CheckedOutput(passed.verdict, {"by_sex.parquet": part.getvalue()})
    ((told,),) = [
        remembered_outputs.outputs_to_remember(
            (OUTPUT,), remembered_outputs.with_cells((decided,), waiting)
        )
    ]
    assert [row["count"] for row in told["rows"]] == [96, None]


def total(folder: Path, count: int) -> str:
    files = {
        "all.json": b'{"kind": "scalar"}',
        "all.scalar.json": json.dumps({"value": count}).encode(),
    }
    output = Output(name="all", kind="scalar", counts="all")
    before = released_counts.ReleasedHistory(folder, ["heart"])
    return pass_outputs((output,), LeftInMemory(files.__getitem__), AirlockRules(), before)[
        0
    ].verdict.verdict


def test_a_sum_of_withheld_rows_is_known_again_and_no_other_is_taken_for_it(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208, "other": 3})
    assert total(tmp_path, 96 + 208 + 3) == "refused"
    assert total(tmp_path, 96 + 208) == "released", "other people: a reader is led astray"
    (tmp_path / "key").unlink()
    assert total(tmp_path, 96 + 208) == "refused", "without the key nobody can tell"


def history(folder: Path) -> list[CountReading]:
    everything = CountReading(
        "new",
        ("sex",),
        tuple(CountedRow(frozenset({("sex", s)}), 1, 0) for s in ("female", "male")),
    )
    return released_counts.ReleasedHistory(folder, ["heart"]).related([everything], 10, WorkLimit())


def test_a_changed_file_stops_what_would_be_held_against_it(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(path.read_bytes().replace(b"96", b"69"))
    with raises_code(StationError, "station-error"):
        history(tmp_path)


def test_a_file_that_is_gone_stops_what_would_be_held_against_it(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    assert history(tmp_path)
    (path,) = tmp_path.glob("*.json")
    path.unlink()
    with raises_code(StationError, "station-error"):
        history(tmp_path)


@pytest.mark.parametrize("broken", [None, b"", b"no database at all", "cut"])
def test_the_index_is_made_anew(tmp_path: Path, broken: bytes | str | None) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    before = history(tmp_path)
    index = tmp_path / released_index.NAME
    if broken is None:
        index.unlink()
    else:
        index.write_bytes(broken if isinstance(broken, bytes) else index.read_bytes()[:5000])
    assert [one.rows for one in history(tmp_path)] == [one.rows for one in before]


def made_up(number: int, rows: int) -> dict[str, Any]:
    """A table of nobody: its own dimensions, its own labels."""
    labels = [{f"d{number}": f"l{row}"} for row in range(rows)]
    return {
        "name": "made_up",
        "dimensions": [f"d{number}"],
        "rows": [{"cell": cell, "count": 100_000 + row} for row, cell in enumerate(labels)],
    }


def test_nothing_is_forgotten_however_much_has_left_since(tmp_path: Path) -> None:
    stop(tmp_path, {"female": 96, "male": 208})
    for number in range(400):
        released_counts.note(tmp_path, ["heart"], [made_up(number, 300)])
    again = stop(tmp_path, {"female": 95, "male": 208})
    assert (again.verdict.verdict, again.verdict.rule) == ("suppressed", "differencing")


def test_a_stop_that_would_be_held_against_too_much_waits_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(released_counts, "MOST_ROWS", 9)
    for count in (100, 200, 300, 400, 500):
        stop(tmp_path, {"female": count, "male": 1000})
    assert total(tmp_path, 600) == "released"
    again = stop(tmp_path, {"female": 600, "male": 1000})
    assert (again.verdict.verdict, again.verdict.rule) == ("held", "unchecked")


def test_two_stops_wait_for_each_others_turn(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait(LIMIT)
        with released_counts.exclusive_access(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with released_counts.exclusive_access(tmp_path):
        inside.set()
        thread.join(0.2)
        order.append("first")
    join(thread)
    assert order == ["first", "second"]
