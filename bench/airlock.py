"""The airlock beside a million rows that have left, next to the same beside nothing.

A folder `released/` as years of journeys leave it: thousands of files, of tables of other
dimensions each, and some of the very dimensions of the stop that is measured. A stop with two
tables is checked as a station does: what is related is found by the index, read, and held against.
The first stop after a million rows also makes the index, which is told apart.
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
"""So many tables of the stop's own dimensions have left before, of other days."""
_ROWS = 100
"""Of each of the others."""

BY_SEX: Final[Mapping[tuple[str, ...], int]] = {("f",): 9600, ("m",): 20800}
BY_ILLNESS: Final[Mapping[tuple[str, ...], int]] = {
    ("f", "no"): 5000,
    ("f", "yes"): 4600,
    ("m", "no"): 10000,
    ("m", "yes"): 10800,
}


def measure(size: BenchSize) -> list[Row]:
    """Print what was found, and return its row."""
    beside: dict[int, list[float]] = {0: [], size.airlock_rows: []}
    with TemporaryDirectory(prefix="phtlab-bench-") as name:
        folders = {rows: Path(name) / f"{rows}" for rows in beside}
        for rows, folder in folders.items():
            folder.mkdir()
            _leave(folder, rows)
        first = {rows: _stop(folder) for rows, folder in folders.items()}
        for _ in range(size.airlock_runs):
            for rows, folder in folders.items():
                beside[rows].append(_stop(folder))
        index = (folders[size.airlock_rows] / NAME).stat().st_size
        files = sum(one.stat().st_size for one in folders[size.airlock_rows].glob("*.json"))
    print("Two tables through the airlock:")
    for rows, seconds in beside.items():
        print(line(f"beside {rows:,} rows", seconds))
    print(f"The first stop makes the index: {first[size.airlock_rows]:.1f} s.")
    ours, theirs = beside[size.airlock_rows], beside[0]
    note = (
        f"{spread(ours)}, beside {size.airlock_rows:,} rows that have left; the index takes "
        f"{index / 2**20:.0f} MiB, what has left {files / 2**20:.0f} MiB. To make the index, once: "
        f"{first[size.airlock_rows]:.1f} s."
    )
    return [
        row(
            "airlock_million_rows",
            median(ours),
            note,
            peer="beside nothing",
            peer_value=median(theirs),
        )
    ]


def _leave(folder: Path, rows: int) -> None:
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
    files = _files("by_sex", ("sex",), BY_SEX) | _files("by_illness", ("sex", "ill"), BY_ILLNESS)
    outputs = tuple(
        Output(name=name, kind="table", counts="n") for name in ("by_sex", "by_illness")
    )
    left = LeftInMemory(files.__getitem__)
    began = time.monotonic()
    history = released_counts.ReleasedHistory(folder, ["heart"])
    passed = pass_outputs(outputs, left, AirlockRules(), history)
    took = time.monotonic() - began
    found = {one.verdict.name: one.verdict.verdict for one in passed}
    require(set(found.values()) == {"released"}, f"The stop's tables did not leave: {found}.")
    return took


def _files(
    name: str, dimensions: tuple[str, ...], people: Mapping[tuple[str, ...], int]
) -> dict[str, bytes]:
    heads = [{"name": one, "type": "string"} for one in dimensions]
    labels = [[cell[at] for cell in people] for at in range(len(dimensions))]
    content = {
        "columns": [*heads, {"name": "n", "type": "integer"}],
        "data": [*labels, list(people.values())],
    }
    return {
        f"{name}.json": b'{"kind": "table"}',
        f"{name}.table.json": json.dumps(content).encode(),
    }


if __name__ == "__main__":
    keep(measure(FULL))
