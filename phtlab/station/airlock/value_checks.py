"""What the numbers of one table tell of few people."""

from __future__ import annotations

from phtlab.station.airlock import table
from phtlab.station.airlock.beside_counts import extreme_columns, small_parts
from phtlab.station.airlock.draft import Draft
from phtlab.station.airlock.findings import named
from phtlab.station.airlock.rules import AirlockRules
from phtlab.station.airlock.steps import Steps, TooManyStepsError
from phtlab.station.airlock.table import Table
from phtlab.station.airlock.table_readings import dimensions_of


def check_values(draft: Draft, parsed: Table, rules: AirlockRules, steps: Steps) -> None:
    """The counts of a table, and what stands beside them."""
    output, minimum = draft.output, rules.minimum_count
    actions = rules.tables
    counts = table.count_column(parsed, output.counts or "")
    others = {output.counts or "", output.total or "", *output.largest}
    others.update(dimensions_of(parsed, output.by, others))
    small = {row for row, count in enumerate(counts) if count < minimum}
    try:
        small |= small_parts(parsed, counts, others, minimum, steps)
    except TooManyStepsError:
        sentence = "Its columns take too many steps to be checked."
        draft.find("unchecked", actions.unchecked, sentence, (), set(range(parsed.rows)))
    if small:
        draft.find(
            "small-count",
            actions.small_count,
            f"It has rows with a count below {minimum}.",
            named(table.described(parsed, row) for row in sorted(small)),
            small,
        )
    if extremes := extreme_columns(parsed, others):
        draft.find(
            "extreme",
            actions.extreme,
            "It has a column of largest or smallest values, each of which is one person's.",
            named(extremes),
            set(),
        )
