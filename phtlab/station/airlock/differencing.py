"""Differencing: a count beside one that has left, of almost the same people.

Who holds both knows the few people by which they differ (Hundepool et al. 2012, section 5.2.3;
Griffiths et al. 2019, section B, "differencing"). Tables of the very same people are compared by
`computable.py`; here are those of others: another age limit, another day.
"""

from __future__ import annotations

from collections.abc import Sequence

from phtlab.station.airlock.cells import CountedRow, Reading


def close_rows(
    reading: Reading, earlier: Sequence[Reading], minimum: int
) -> list[tuple[CountedRow, int]]:
    """The rows that differ from a released count of the same cell by fewer than `minimum`.

    With each row the released count. Equal counts are the same table once more. Only tables of
    the same dimensions are compared.
    """
    found: dict[int | None, tuple[CountedRow, int]] = {}
    for other in earlier:
        if set(other.dimensions) != set(reading.dimensions) or not other.whole:
            continue
        released = {row.cell: row.count for row in other.rows}
        for row in reading.rows:
            before = released.get(row.cell)
            if before is None or row.count is None:
                continue
            if 0 < abs(row.count - before) < minimum:
                found.setdefault(row.row, (row, before))
    return list(found.values())
