"""Compare the outputs that count people with each other and with what has left before."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from phtlab.station.airlock.cells import (
    OF,
    Cell,
    described,
)
from phtlab.station.airlock.disclosure import differencing
from phtlab.station.airlock.disclosure.class_disclosure import uniform_groups
from phtlab.station.airlock.disclosure.complementary_suppression import (
    ComplementarySuppression,
    complement,
)
from phtlab.station.airlock.disclosure.count_reading import CountReading
from phtlab.station.airlock.disclosure.equal_dimensions import under_other_names
from phtlab.station.airlock.disclosure.implied_readings import (
    scalars_as_cells,
    tables_of_everybody,
)
from phtlab.station.airlock.disclosure.output_readings import (
    condition_of,
    counts_people,
    readings_of_output,
    values_beside,
)
from phtlab.station.airlock.disclosure.table_groups import Everybody
from phtlab.station.airlock.disclosure.values import people_in
from phtlab.station.airlock.intake import is_beyond
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.airlock.work_limit import (
    MOST_DIMENSIONS,
    TOO_MANY_STEPS,
    TooManyStepsError,
    WorkLimit,
)
from phtlab.station.policy.airlock_findings import Action, named
from phtlab.station.policy.airlock_rules import AirlockRules

_COMPUTABLE = "Counts that stay could be computed from rows of it, here or with what has left."


class TooManyCellsError(Exception):
    """More has left of the same people than a stop can be compared with."""


class History(Protocol):
    """What this station has released of the same data sets.

    `everybody` is the published number of their people, at least and at most; `forgotten` is True
    if the history is incomplete.
    """

    everybody: Everybody
    forgotten: bool

    @property
    def most(self) -> int | None:
        """How many people there are at most, if that is known."""

    def related(
        self, readings: Sequence[CountReading], near: int, steps: WorkLimit
    ) -> list[CountReading]:
        """Return the releases to compare with `readings`; `near` is how close two totals are.

        Raises TooManyCellsError and TooManyStepsError.
        """


class EmptyHistory(History):
    """A history without releases."""

    everybody: Everybody = None
    forgotten: bool = False
    most: int | None = None

    def related(
        self, readings: Sequence[CountReading], near: int, steps: WorkLimit
    ) -> list[CountReading]:
        return []


def check_together(
    drafts: Sequence[MarkedOutput], rules: AirlockRules, history: History, steps: WorkLimit
) -> None:
    """Note in `drafts` the findings of comparing them with each other and with `history`.

    Takes at most the remaining `steps`.
    """
    counted = [draft for draft in drafts if not draft.refused and counts_people(draft)]
    if not counted:
        return
    readings: dict[str, list[CountReading]] = {}
    checked: list[MarkedOutput] = []
    for draft in counted:
        readings[draft.output.name] = _readings_within(draft, rules, steps)
        if not any(finding.rule == "unchecked" for finding in draft.findings):
            checked.append(draft)
    try:
        wholes = [readings[d.output.name][0] for d in checked]
        # Values are about people whose rows leave; so the search includes totals without the other
        # rows.
        remaining = [readings[d.output.name][0].without(d.taken) for d in checked if d.taken]
        earlier = history.related(wholes + remaining, rules.minimum_count, steps)
    except (TooManyCellsError, TooManyStepsError):
        earlier = []
        for draft in checked:
            _unchecked(draft, rules, "So much has left of these people that it cannot be checked.")
    try:
        for draft in checked:
            _class_disclosure(draft, readings[draft.output.name][0], rules, steps)
        _check_linked(checked, readings, earlier, rules, history.everybody, steps)
    except TooManyStepsError:
        for draft in checked:
            _unchecked(draft, rules, TOO_MANY_STEPS)
    # A reader's totals: without the withheld rows.
    first_readings = {d.output.name: readings[d.output.name][0].without(d.taken) for d in counted}
    for draft in counted:
        whole = first_readings[draft.output.name]
        if draft.table is not None:
            ways = [reading.without(draft.taken) for reading in readings[draft.output.name]]
            draft.people = people_in(ways, history.most)
            draft.values = values_beside(draft, draft.table)
        draft.claimed = max((row.count or 0 for row in whole.rows), default=0)
        draft.cells = replace(
            readings[draft.output.name][0].known_cells(),
            values=draft.values,
            reveals_count=draft.reveals_count,
        )
    first_readings = {
        d.output.name: replace(first_readings[d.output.name], values=d.values > 0, _sums={})
        for d in counted
    }
    try:
        others = [*first_readings.values(), *earlier]
        for draft in checked:
            steps.take(sum(1 + len(other.rows) // 64 for other in others) // 8)
            _close_totals(
                draft, first_readings[draft.output.name], others, rules, history.everybody
            )
    except TooManyStepsError:
        for draft in checked:
            _unchecked(draft, rules, TOO_MANY_STEPS)
    for draft in checked:
        _group(draft, [other[0] for other in readings.values()], rules)
    for draft in counted if history.forgotten else ():
        sentence = "The station was restored from a backup, and does not know all that has left."
        draft.find("forgotten", _action(draft, rules, "forgotten"), sentence, (), set())


def _readings_within(
    draft: MarkedOutput, rules: AirlockRules, steps: WorkLimit
) -> list[CountReading]:
    """Return the readings of a draft; only the first if it exceeds a limit."""
    if is_beyond(draft):
        found = readings_of_output(draft, rules.minimum_count, None)
        _unchecked(draft, rules, "It is beyond what may leave, and not checked any further.")
        return found
    try:
        found = readings_of_output(draft, rules.minimum_count, steps)
    except TooManyStepsError:
        found = readings_of_output(draft, rules.minimum_count, None)
        _unchecked(draft, rules, TOO_MANY_STEPS)
    if found[0].has_too_many_dimensions:
        _unchecked(
            draft,
            rules,
            f"It has more than {MOST_DIMENSIONS} columns that say whom a row counts: name those "
            "that do with by=.",
        )
    return found


def _check_linked(
    counted: Sequence[MarkedOutput],
    readings: Mapping[str, Sequence[CountReading]],
    earlier: Sequence[CountReading],
    rules: AirlockRules,
    everybody: Everybody,
    steps: WorkLimit,
) -> None:
    """Note what follows from several outputs together. Raises TooManyStepsError."""
    others = [*(readings[draft.output.name][0] for draft in counted), *earlier]
    for draft in counted:
        steps.take(sum(1 + len(other.rows) // 8 for other in others) // 2)
        _differencing(draft, readings[draft.output.name][0], others, rules)
    every = [reading for draft in counted for reading in readings[draft.output.name]]
    every += scalars_as_cells(counted, every, steps)
    every += earlier
    # The station knows how many people a mean is about; a reader of the mean may not.
    every = [reading for reading in every if reading.known]
    every += tables_of_everybody(every, everybody)
    renamed, too_many = under_other_names(every, steps)
    every += renamed
    ours = {draft.output.name for draft in counted}
    for draft in counted:
        if draft.output.name in too_many or not too_many <= ours:
            _unchecked(draft, rules, "It can be read in too many ways beside the other tables.")
    _complementary(counted, every, rules, everybody, steps)


def _complementary(
    counted: Sequence[MarkedOutput],
    readings: Sequence[CountReading],
    rules: AirlockRules,
    everybody: Everybody,
    steps: WorkLimit,
) -> None:
    withheld = {(d.output.name, row) for d in counted for row in d.taken}
    # A model has no counts.
    counted = [draft for draft in counted if draft.output.kind != "model"]
    actions = {draft.output.name: _action(draft, rules, "complementary") for draft in counted}
    found = complement(
        readings,
        withheld,
        minimum=rules.minimum_count,
        removable={name for name, action in actions.items() if action == "suppress"},
        steps=steps,
        protected=_protected(counted, readings),
        everybody=everybody,
    )
    for draft in counted:
        name = draft.output.name
        if name in found.unchecked:
            _unchecked(draft, rules, "It has too many cells to be held against the other tables.")
        rows = found.rows.get(name, set())
        if rows or name in found.blamed:
            _find_computable(draft, actions[name], rows, found)


def _unchecked(draft: MarkedOutput, rules: AirlockRules, sentence: str) -> None:
    rows = set(range(draft.table.rows)) if draft.table is not None else set[int]()
    draft.find("unchecked", _action(draft, rules, "unchecked"), sentence, (), rows)


def _find_computable(
    draft: MarkedOutput, action: Action, rows: set[int], found: ComplementarySuppression
) -> None:
    draft.find("complementary", action, _COMPUTABLE, found.cells.get(draft.output.name, ()), rows)


def _class_disclosure(
    draft: MarkedOutput, whole: CountReading, rules: AirlockRules, steps: WorkLimit
) -> None:
    if draft.table is None or not (found := uniform_groups(whole, draft.taken, steps)):
        return
    draft.find(
        "class-disclosure",
        _action(draft, rules, "class-disclosure"),
        "All people of a group of it are alike.",
        named(f"all of a group are {described(row.cell)} ({row.count})" for row in found),
        {row.row for row in found if row.row is not None},
    )


def _differencing(
    draft: MarkedOutput, whole: CountReading, others: Sequence[CountReading], rules: AirlockRules
) -> None:
    action = _action(draft, rules, "differencing")
    close = differencing.close_rows(whole, others, rules.minimum_count, draft.taken)
    close = [(row, before) for row, before in close if row.row not in draft.taken]
    if close:
        draft.find(
            "differencing",
            action,
            f"It differs by fewer than {rules.minimum_count} people from another output, or from "
            "what has left before.",
            named(f"{described(r.cell)}: {r.count}, and {before} there" for r, before in close),
            {row.row for row, _ in close if row.row is not None},
        )


def _close_totals(
    draft: MarkedOutput,
    whole: CountReading,
    others: Sequence[CountReading],
    rules: AirlockRules,
    everybody: Everybody,
) -> None:
    if any(finding.rule == "differencing" for finding in draft.findings):
        return
    action = _action(draft, rules, "differencing")
    total = differencing.close_total(whole, others, rules.minimum_count, everybody)
    if total is not None:
        draft.find(
            "differencing",
            # A total is no row that could be withheld.
            rules.close_total if action == "suppress" else action,
            f"It counts, in all, fewer than {rules.minimum_count} people more or fewer than "
            "another output, or than what has left before.",
            (f"{sum(whole.known_counts)} in all, and {total} there",),
            set(),
        )


def _protected(
    counted: Sequence[MarkedOutput], readings: Sequence[CountReading]
) -> Collection[Cell]:
    """Return the cells that are withheld though they count enough people."""
    withheld = {
        draft.output.name: draft.taken
        for draft in counted
        if any(
            finding.rule != "small-count"
            for finding in draft.findings
            if finding.action == "suppress"
        )
    }
    return {
        row.cell
        for reading in readings
        if reading.whole
        for row in reading.rows
        if row.row in withheld.get(reading.source, ())
    }


def _group(draft: MarkedOutput, readings: Sequence[CountReading], rules: AirlockRules) -> None:
    """Note a count of other people than those whom the other outputs count.

    A count must be that of everybody, or of the people of its declared condition.
    """
    if draft.count is None:
        return
    others = [reading for reading in readings if reading.source != draft.output.name]
    condition = condition_of(draft)
    if condition:
        names = frozenset(name for name, _ in condition)
        known = [
            reading.sums(names).get(condition, (0, None))[1]
            for reading in others
            if not reading.within
        ]
        totals = [count for count in known if count is not None]
    else:
        totals = [
            reading.total
            for reading in others
            if not reading.within and reading.total is not None and OF not in reading.dimensions
        ]
    if totals and draft.count not in totals:
        draft.find(
            "group",
            _action(draft, rules, "group"),
            "It counts others than another output of the stop, or does not say whom: where=.",
            (f"{draft.count}, and {', '.join(map(str, sorted(set(totals))))} there",),
            set(),
        )


def _action(draft: MarkedOutput, rules: AirlockRules, rule: str) -> Action:
    by_kind = {
        "table": rules.tables,
        "scalar": rules.scalars,
        "figure": rules.figures,
        "model": rules.models,
    }
    return by_kind[draft.output.kind].of(rule)
