"""Small counts: rows, scalars and models of fewer people than the policy's minimum.

Threshold rule, or primary suppression: SACRO guide to statistical output checking (Zenodo
10054629), part II.
"""

from __future__ import annotations

from collections.abc import Collection

from phtlab.station.airlock.disclosure.beside_counts import small_parts
from phtlab.station.airlock.formats import scalar, table
from phtlab.station.airlock.formats.table import Table
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import TOO_MANY_STEPS, TooManyStepsError, WorkLimit
from phtlab.station.policy.airlock_findings import named
from phtlab.station.policy.airlock_rules import AirlockRules


def check_rows(
    draft: MarkedOutput,
    parsed: Table,
    others: Collection[str],
    also: Collection[int],
    rules: AirlockRules,
    steps: WorkLimit,
) -> None:
    """Find the rows of a table, or of a figure's data, that count too few people.

    `also` are rows that are of few people for another reason. `others` are columns of which no
    number is a part of the count beside it.
    """
    output, minimum = draft.output, rules.minimum_count
    actions = rules.tables if output.kind == "table" else rules.figures
    counts = table.count_column(parsed, output.counts or "")
    small = {row for row, count in enumerate(counts) if count < minimum} | set(also)
    try:
        small |= small_parts(parsed, counts, others, minimum, steps)
    except TooManyStepsError:
        draft.find("unchecked", actions.unchecked, TOO_MANY_STEPS, (), set(range(parsed.rows)))
    if small:
        draft.find(
            "small-count",
            actions.small_count,
            f"It has rows with a count below {rules.minimum_count}."
            if output.kind == "table"
            else f"The figure shows a count below {rules.minimum_count}.",
            named(table.described(parsed, row) for row in sorted(small)),
            small,
        )


def check_scalar(draft: MarkedOutput, count: int, rules: AirlockRules) -> None:
    """Find a scalar that counts too few people."""
    if count < rules.minimum_count:
        sentence = f"The scalar counts fewer than {rules.minimum_count}."
        detail = (f"{draft.output.name} = {count}",)
        draft.find("small-count", rules.scalars.small_count, sentence, detail, set())


def check_share(
    draft: MarkedOutput, value: float | bool | None, people: int, rules: AirlockRules
) -> None:
    """Find a scalar that is of too few people, or that may be a share of too few or of all."""
    part = scalar.share(value, people)
    if part is None and scalar.may_reveal_few(value, people, rules.minimum_count):
        draft.find(
            "small-count",
            "hold" if rules.scalars.small_count == "refuse" else rules.scalars.small_count,
            f"The scalar may be a rounded share of fewer than {rules.minimum_count} people, or "
            "their number.",
            (f"{draft.output.name} = {value}, of {people}",),
            set(),
        )
        return
    detail = (f"{draft.output.name} = {value}, of {people}",)
    least = rules.minimum_count
    if people < least or (part is not None and 0 < min(part, people - part) < least):
        sentence = f"The scalar is of fewer than {least} people, or a share of so few."
        draft.find("small-count", rules.scalars.small_count, sentence, detail, set())
    elif part is not None and part in (0, people):
        sentence = "The scalar is a share of none or of all."
        draft.find("class-disclosure", rules.scalars.class_disclosure, sentence, detail, set())


def check_model(draft: MarkedOutput, people: int, rules: AirlockRules) -> None:
    """Find a model of too few people."""
    if people < rules.minimum_count:
        detail = (f"{draft.parameters} numbers, of {people}",)
        sentence = f"The model is of fewer than {rules.minimum_count} people."
        draft.find("small-count", rules.models.small_count, sentence, detail, set())
