"""What is remembered of outputs that leave, and what is kept of those that wait for a person."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow.parquet

from phtlab.station.airlock.cells import OF, Cell, Cells, folded
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, Joined
from phtlab.train.documents.manifest import Output


def outputs_to_remember(
    outputs: Sequence[Output], passed: Sequence[CheckedOutput], *, held: bool = False
) -> list[dict[str, Any]]:
    """Return what to remember of outputs that leave: each count that is in their files.

    With `held` also of those that a person may release.

    The counts are read from the files, not from the airlock's verdict: a person may have removed
    more rows. `passed` has the cells of each output that counts people (`CheckedOutput.cells`),
    withheld ones included.
    """
    declared = {output.name: output for output in outputs}
    found = []
    for output in passed:
        stays = ("refused",) if held else ("refused", "held")
        if output.cells is None or output.verdict.verdict in stays:
            continue
        counts = _counts_in(output.files, declared[output.verdict.name], output.cells)
        rows = [{"cell": dict(cell), "count": counts.get(cell)} for cell in output.cells.cells]
        kept: dict[str, Any] = {
            "name": output.verdict.name,
            "dimensions": list(output.cells.dimensions),
            "rows": rows,
        }
        if output.cells.within:
            kept["within"] = dict(output.cells.within)
        if output.cells.values:
            kept["values"] = output.cells.values
        if not output.cells.reveals_count:
            kept["told"] = False
        if any(row["count"] is None for row in rows):
            kept["sums"] = [{"cell": dict(cell), "count": n} for cell, n in output.cells.sums]
        found.append(kept)
    return found


def cells_kept(passed: Sequence[CheckedOutput]) -> dict[str, Any]:
    """Return the cells of outputs that wait for a person, as JSON, with their sums."""
    return {
        output.verdict.name: {
            "dimensions": output.cells.dimensions,
            "columns": output.cells.columns,
            "cells": [dict(cell) for cell in output.cells.cells],
            "sums": [[dict(cell), count] for cell, count in output.cells.sums],
            "within": dict(output.cells.within),
            "values": output.cells.values,
            "told": output.cells.reveals_count,
        }
        for output in passed
        if output.cells is not None
    }


def with_cells(
    passed: Sequence[CheckedOutput], kept: Mapping[str, Any]
) -> tuple[CheckedOutput, ...]:
    """Return `passed`, as people decided, with the cells of each output from `cells_kept`."""
    return tuple(
        replace(output, cells=_cells(kept[output.verdict.name]))
        if output.verdict.name in kept
        else output
        for output in passed
    )


def _cells(kept: Mapping[str, Any]) -> Cells:
    cells = tuple(frozenset(cell.items()) for cell in kept["cells"])
    sums = tuple((frozenset(cell.items()), count) for cell, count in kept["sums"])
    within = frozenset(kept.get("within", {}).items())
    return Cells(
        tuple(kept["dimensions"]),
        tuple(kept["columns"]),
        cells,
        sums,
        within,
        values=kept.get("values", 0),
        reveals_count=kept.get("told", True),
    )


def _counts_in(files: Mapping[str, Content], output: Output, cells: Cells) -> dict[Cell, int]:
    if cells.dimensions == (OF,):
        return {cell: int(dict(cell)[OF]) for cell in cells.cells}
    if output.kind == "scalar":
        value = json.loads(_whole(files[f"{output.name}.json"]))["value"]
        return {cells.within: int(value)}
    table = pyarrow.parquet.read_table(io.BytesIO(_whole(files[f"{output.name}.parquet"])))
    names = table.column_names
    columns = {folded(name): name for name in names} | {name: name for name in names}
    if output.counts not in names or not columns.keys() >= set(cells.columns):
        return {}  # a person removed a column: the rows cannot be identified any more
    counts = table[output.counts].to_pylist()
    if cells.untold:
        # No column identifies the rows, so the remaining counts take the first cells in order.
        return dict(zip(cells.cells, map(int, counts), strict=False))
    labels = zip(*(table[columns[name]].to_pylist() for name in cells.columns), strict=True)
    rows = labels if cells.columns else [()] * len(counts)
    return {
        cells.cell_of(row): int(count)
        for row, count in zip(rows, counts, strict=True)
        if count is not None
    }


def _whole(content: Content) -> bytes:
    return io.BufferedReader(Joined([content])).read()
