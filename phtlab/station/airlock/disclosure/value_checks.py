"""Checks of the numbers of one table, or of a figure's data, for values of one person or of few."""

from __future__ import annotations

from phtlab.station.airlock.disclosure import small_counts
from phtlab.station.airlock.disclosure.bins import bins_of_the_data
from phtlab.station.airlock.disclosure.extremes import extremes_in
from phtlab.station.airlock.disclosure.table_readings import dimensions_of
from phtlab.station.airlock.formats import figure, table
from phtlab.station.airlock.formats.table import Table
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.station.policy.airlock_findings import named
from phtlab.station.policy.airlock_rules import AirlockRules


def check_values(draft: MarkedOutput, parsed: Table, rules: AirlockRules, steps: WorkLimit) -> None:
    """Check the counts of a table or of a figure's data, and the values beside them."""
    output, minimum = draft.output, rules.minimum_count
    actions = rules.tables if output.kind == "table" else rules.figures
    counts = table.count_column(parsed, output.counts or "")
    others = {output.counts or "", output.total or "", *output.largest}
    if output.kind == "figure":
        others |= figure.places(parsed)
    numbers = output.kind == "table"
    others.update(dimensions_of(parsed, output.by, others, numbers=numbers))
    extremes = extremes_in(parsed, counts, others, output.by, minimum)
    small_counts.check_rows(draft, parsed, others, extremes.rows, rules, steps)
    if names := [*extremes.names, *bins_of_the_data(parsed)]:
        draft.find(
            "extreme",
            actions.extreme,
            "It has largest or smallest values, each of which is one person's, or bins that end at "
            "them: bins have round edges that are given.",
            named(names),
            set(),
        )
