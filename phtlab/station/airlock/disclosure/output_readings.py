"""An output read as counts of people: whom it counts, and in which ways its rows can be read."""

from __future__ import annotations

from phtlab.station.airlock.cells import OF, Cell, CountedRow, folded, is_total, label_of
from phtlab.station.airlock.disclosure.beside_counts import with_known_sums
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.disclosure.table_readings import dimensions_of, readings_of
from phtlab.station.airlock.disclosure.values import values_in
from phtlab.station.airlock.formats.table import Table, count_column
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.train.documents.manifest import Output


def _of_people(draft: MarkedOutput) -> CountReading:
    """A reading of an output about a number of people, of whom only the number is known."""
    cell = frozenset({(OF, str(draft.people))})
    row = CountedRow(cell, draft.people, 0)
    return CountReading(draft.output.name, (OF,), (row,), values=True, known=draft.reveals_count)


def condition_of(draft: MarkedOutput) -> Cell:
    """The people whom an output counts, as the train declares."""
    where = draft.output.where.items()
    condition = ((folded(name), folded(label)) for name, label in where)
    return frozenset(part for part in condition if not is_total(part[1]))


def readings_of_output(
    draft: MarkedOutput, minimum: int, steps: WorkLimit | None
) -> list[CountReading]:
    """Return the readings of a draft; without `steps` only the first. Raises TooManyStepsError."""
    output = draft.output
    if draft.table is None and draft.count is None:
        return [_of_people(draft)]
    condition = condition_of(draft)
    if draft.table is None:
        row = CountedRow(condition, draft.count, 0)
        names = tuple(sorted(name for name, _ in condition))
        return [CountReading(output.name, names, (row,), within=condition)]
    labels = {(folded(c.name), label_of(v)) for c in draft.table.columns for v in c.values}
    # A column that only repeats the condition adds nothing; a column with other labels overrides
    # it.
    condition = frozenset(p for p in condition if not any(p[0] == name for name, _ in labels - {p}))
    counts = count_column(draft.table, output.counts or "")
    others = _others(output)
    others |= {
        c.name for c in draft.table.columns if any(folded(c.name) == n for n, _ in condition)
    }
    figure = output.kind == "figure"
    dimensions = dimensions_of(draft.table, output.by, others, numbers=not figure)
    found = readings_of(
        output.name,
        draft.table,
        counts,
        dimensions,
        within=condition,
        minimum=minimum,
        steps=steps,
        drawn=[c.name for c in draft.table.columns if c.name not in others] if figure else (),
    )
    if steps is None or found[0].has_too_many_dimensions:
        return found
    others.update(dimensions)
    summed = with_known_sums(found[0], draft.table, others, minimum, steps)
    return found if summed is None else [*found, summed]


def _others(output: Output) -> set[str]:
    """The columns that are no dimensions: counts, sums and their largest contributions."""
    return {output.counts or "", output.total or "", *output.largest}


def values_beside(draft: MarkedOutput, table: Table) -> int:
    """How many numbers beside the counts leave with a table."""
    output, figure = draft.output, draft.output.kind == "figure"
    dimensions = dimensions_of(table, output.by, _others(output), numbers=not figure)
    leaving = Table(tuple(c for c in table.columns if c.name not in output.largest))
    rows = [row for row in range(table.rows) if row not in draft.taken]
    return values_in(leaving, output.counts or "", dimensions, rows, drawn=figure)


def counts_people(draft: MarkedOutput) -> bool:
    """Whether anything of it is a count of people, or of so many."""
    people_given = draft.output.kind in ("scalar", "model") and draft.people is not None
    counts = draft.count is not None or draft.output.counts is not None
    return people_given or (counts and (draft.table is not None or draft.count is not None))
