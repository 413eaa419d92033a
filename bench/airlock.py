"""Airlock check of two tables with a million released rows, compared with none.

The bench fills a folder `released/` as years of journeys would: with thousands of files, each a
table of other dimensions, and with some tables of the same dimensions as the measured stop's. The
stop's two tables are checked as a station checks them: the airlock finds related tables in the
index, reads them, and compares the stop's tables with them. The first stop after a million rows
also makes the index; its time is reported separately.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.figures import Row, keep, line, median, require, row, spread
from bench.size import FULL, BenchSize
from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.airlock.history import released_counts
from phtlab.station.airlock.history.released_index import NAME
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.station.airlock.run_leftovers import LeftInMemory

_RELATED = 40
"""Number of released tables with the dimensions of a table of the stop, of other days."""
_ROWS = 100
"""Number of rows of each other released table."""

BY_SEX: Final[Mapping[tuple[str, ...], int]] = {("f",): 9600, ("m",): 20800}
BY_ILLNESS: Final[Mapping[tuple[str, ...], int]] = {
    ("f", "no"): 5000,
    ("f", "yes"): 4600,
    ("m", "no"): 10000,
    ("m", "yes"): 10800,
}


def measure(size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the row."""
    seconds_by_rows: dict[int, list[float]] = {0: [], size.airlock_rows: []}
    with TemporaryDirectory(prefix="phtlab-bench-") as name:
        folders = {rows: Path(name) / f"{rows}" for rows in seconds_by_rows}
        for rows, folder in folders.items():
            folder.mkdir()
            _fill_released(folder, rows)
        first = {rows: _stop(folder) for rows, folder in folders.items()}
        for _ in range(size.airlock_runs):
            for rows, folder in folders.items():
                seconds_by_rows[rows].append(_stop(folder))
        index = (folders[size.airlock_rows] / NAME).stat().st_size
        files = sum(path.stat().st_size for path in folders[size.airlock_rows].glob("*.json"))
    print("Two tables through the airlock:")
    for rows, seconds in seconds_by_rows.items():
        print(line(f"with {rows:,} released rows", seconds))
    print(f"The first stop makes the index: {first[size.airlock_rows]:.1f} s.")
    ours, theirs = seconds_by_rows[size.airlock_rows], seconds_by_rows[0]
    note = (
        f"{spread(ours)}, with {size.airlock_rows:,} released rows; the index takes "
        f"{index / 2**20:.0f} MiB, the files of released tables {files / 2**20:.0f} MiB. The index "
        f"is made once, in {first[size.airlock_rows]:.1f} s."
    )
    return [
        row(
            "airlock_million_rows",
            median(ours),
            note,
            peer="no released rows",
            peer_value=median(theirs),
        )
    ]


def _fill_released(folder: Path, rows: int) -> None:
    """Note `rows` released rows in `folder`, and the tables that are related to the stop's."""
    for number in range(rows // _ROWS):
        cells = [({f"d{number}": f"label {at}"}, 50 + at + number) for at in range(_ROWS)]
        released_counts.note(folder, ["heart"], [_output(cells)])
    for number in range(_RELATED if rows else 0):
        day = 1000 * (number + 1)
        cells = [({"sex": "f"}, 9600 + day), ({"sex": "m"}, 20800 + 2 * day)]
        released_counts.note(folder, ["heart"], [_output(cells)])


def _output(cells: list[tuple[dict[str, str], int]]) -> Mapping[str, Any]:
    return {
        "name": "t",
        "dimensions": sorted(cells[0][0]),
        "rows": [{"cell": cell, "count": count} for cell, count in cells],
    }


def _stop(folder: Path) -> float:
    """Return the seconds in which the airlock checks the stop's two tables."""
    files = _files("by_sex", ("sex",), BY_SEX) | _files("by_illness", ("sex", "ill"), BY_ILLNESS)
    outputs = tuple(
        Output(name=name, kind="table", counts="n") for name in ("by_sex", "by_illness")
    )
    left = LeftInMemory(files.__getitem__)
    began = time.monotonic()
    history = released_counts.ReleasedHistory(folder, ["heart"])
    passed = pass_outputs(outputs, left, AirlockRules(), history)
    took = time.monotonic() - began
    verdicts = {output.verdict.name: output.verdict.verdict for output in passed}
    require(
        set(verdicts.values()) == {"released"}, f"The stop's tables were not released: {verdicts}."
    )
    return took


def _files(
    name: str, dimensions: tuple[str, ...], people: Mapping[tuple[str, ...], int]
) -> dict[str, bytes]:
    columns = [{"name": name, "type": "string"} for name in dimensions]
    labels = [[cell[at] for cell in people] for at in range(len(dimensions))]
    content = {
        "columns": [*columns, {"name": "n", "type": "integer"}],
        "data": [*labels, list(people.values())],
    }
    return {
        f"{name}.json": b'{"kind": "table"}',
        f"{name}.table.json": json.dumps(content).encode(),
    }


if __name__ == "__main__":
    keep(measure(FULL))
