"""Limits on outputs together: a large model may leave in parts, a column of the data as means."""

from __future__ import annotations

from collections.abc import Sequence

from phtlab.station.airlock.formats.model import PEOPLE_PER_NUMBER
from phtlab.station.airlock.marked_output import MarkedOutput
from phtlab.station.policy.airlock_findings import Action
from phtlab.station.policy.airlock_rules import AirlockRules


def check_models(drafts: Sequence[MarkedOutput], rules: AirlockRules) -> None:
    """Note in `drafts` where the models together hold too many numbers."""
    models = [draft for draft in drafts if draft.parameters]
    numbers = sum(draft.parameters for draft in models)
    people = min((draft.people for draft in models if draft.people is not None), default=0)
    for draft in models:
        _find_membership(draft, numbers, rules)
        if draft.people is not None and numbers * PEOPLE_PER_NUMBER > people:
            _find_saturated(draft, numbers, people, rules)


def check_numbers(drafts: Sequence[MarkedOutput], rules: AirlockRules, most: int | None) -> None:
    """Note in `drafts` where the numbers beside counts are together too many.

    `most` is how many people there are at most, if that is known.
    """
    _check_values(drafts, rules)
    _check_claims(drafts, rules, most)


def _find_membership(draft: MarkedOutput, numbers: int, rules: AirlockRules) -> None:
    large = numbers >= rules.large_model
    more = (f"{numbers} in all models",) if numbers > draft.parameters else ()
    draft.find(
        "membership",
        rules.models.membership if large else "pass",
        f"The models hold {rules.large_model} numbers or more, which may remember who was in "
        "their data."
        if large
        else "It is a model: who was in its data may be told from it.",
        (f"{draft.parameters} numbers", *more),
        set(),
    )


def _find_saturated(draft: MarkedOutput, numbers: int, people: int, rules: AirlockRules) -> None:
    """Note models with nearly as many numbers as people, each by itself or together."""
    draft.find(
        "uncounted",
        rules.models.uncounted,
        f"The models hold more than one number for each {PEOPLE_PER_NUMBER} people, and may "
        "hold theirs.",
        (f"{numbers} numbers in all models, of {people} at least",),
        set(),
    )


def _check_values(drafts: Sequence[MarkedOutput], rules: AirlockRules) -> None:
    """Check numbers of all kinds of outputs: those of few people also count among those of many.

    In their order, outputs leave as long as their numbers together are few.
    """
    leaving: list[tuple[int, int]] = []
    for draft in drafts:
        if draft.people is None or not draft.values or draft.refused:
            continue
        others = [*leaving, (draft.people, draft.values)]
        for people in sorted({most for most, _ in others if most >= draft.people}):
            numbers = sum(values for most, values in others if most <= people)
            if numbers * PEOPLE_PER_NUMBER > people:
                _find_too_many(draft, numbers, people, rules)
                break
        else:
            leaving = others


def _find_too_many(draft: MarkedOutput, numbers: int, people: int, rules: AirlockRules) -> None:
    is_model = draft.output.kind == "model"
    action: Action = rules.models.uncounted if is_model else rules.values
    draft.find(
        "uncounted" if is_model else "amount",
        action,
        "With it the outputs hold, beside counts, more than one number for each "
        f"{PEOPLE_PER_NUMBER} people, and may hold theirs.",
        (f"{numbers} numbers of at most {people} people",),
        set(),
    )


def _check_claims(drafts: Sequence[MarkedOutput], rules: AirlockRules, most: int | None) -> None:
    """Note outputs about more people than there are: that number limits how many numbers leave."""
    if most is None:
        return
    for draft in drafts:
        if draft.claimed is not None and draft.claimed > most:
            draft.find(
                "uncounted",
                rules.beyond_rows,
                "It says that it is of more people than there are rows.",
                (f"of {draft.claimed}, where there are {most} rows at most",),
                set(),
            )
