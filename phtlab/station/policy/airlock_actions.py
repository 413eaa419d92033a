"""Actions for findings, by kind of output: `[airlock.tables]` and its siblings in policy.toml.

By default a table's rows are suppressed where that solves the finding, a person decides where only
a person can judge, and the output is refused where nothing else helps. The rules are named as in
the stop record, with a hyphen.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phtlab.station.policy.airlock_findings import Action
from phtlab.strict_model import StrictModel

WholeAction = Literal["hold", "refuse", "pass"]
"""Actions for findings that no suppressed row could solve."""


class _Actions(StrictModel):
    def of(self, rule: str) -> Action:
        """Return the action for a finding of `rule`."""
        action: Action = getattr(self, rule.replace("-", "_"))
        return action


class TableActions(_Actions):
    """Actions for tables: `suppress` removes the rows; `hold` keeps them in and asks a person."""

    small_count: Action = Field("suppress", description="A row counts too few persons")
    dominance: Action = Field("suppress", description="A few persons make most of a row's sum")
    p_percent: Action = Field(
        "suppress", description="A contribution can be estimated closely from a row's sum"
    )
    complementary: Action = Field(
        "suppress", description="A withheld row could be computed from what leaves or has left"
    )
    class_disclosure: Action = Field("hold", description="All persons of a group are alike")
    differencing: Action = Field(
        "suppress", description="A row differs by too few persons from one that has left"
    )
    unchecked: Action = Field("hold", description="Too large to be compared with the other outputs")
    uncounted: WholeAction = Field(
        "hold", description="No column is declared to count persons: rows may be persons"
    )
    extreme: WholeAction = Field(
        "hold",
        description="Largest or smallest values by their names, or bins that end at them: each is "
        "one person's",
    )
    forgotten: WholeAction = Field(
        "hold", description="The station was restored, and does not know all that has left"
    )


class ScalarActions(_Actions):
    small_count: WholeAction = Field(
        "refuse", description="The scalar counts too few persons, or is computed from too few"
    )
    class_disclosure: WholeAction = Field("hold", description="A share of none or of all")
    complementary: WholeAction = Field("refuse", description="A withheld row follows from it")
    differencing: WholeAction = Field(
        "hold", description="The scalar differs by too few persons from one that has left"
    )
    unchecked: WholeAction = Field("hold", description="Too much to be checked against the others")
    uncounted: WholeAction = Field(
        "hold",
        description="The scalar declares neither that it counts persons nor from how many it is "
        "computed",
    )
    extreme: WholeAction = Field(
        "hold", description="The largest or smallest value, or a quantile: one person's"
    )
    forgotten: WholeAction = Field(
        "hold", description="The station was restored, and does not know all that has left"
    )
    group: WholeAction = Field(
        "hold",
        description="The scalar counts other persons than another output, and `where` does not "
        "declare which",
    )


class FigureActions(_Actions):
    """Actions for figures: no row can be removed from a picture."""

    small_count: WholeAction = Field("refuse", description="A point counts too few persons")
    complementary: WholeAction = Field("refuse", description="A withheld row follows from it")
    class_disclosure: WholeAction = Field("hold", description="All persons of a group are alike")
    differencing: WholeAction = Field(
        "hold", description="A point differs by too few persons from one that has left"
    )
    unchecked: WholeAction = Field("hold", description="Too large to be checked")
    uncounted: WholeAction = Field(
        "hold",
        description="No column of its data is declared to count persons: points may be persons",
    )
    extreme: WholeAction = Field(
        "hold",
        description="Largest or smallest values by their names, or bins that end at them: each is "
        "one person's",
    )
    forgotten: WholeAction = Field(
        "hold", description="The station was restored, and does not know all that has left"
    )


class ModelActions(_Actions):
    membership: WholeAction = Field(
        "hold", description="A model of many numbers, which may disclose who was in its data"
    )
    uncounted: WholeAction = Field(
        "hold",
        description="The model does not declare its number of persons, or has fewer than five for "
        "each number",
    )
    small_count: WholeAction = Field(
        "refuse", description="The model is computed from too few persons"
    )
    extreme: WholeAction = Field(
        "hold", description="An array named as largest or smallest values: each is one person's"
    )
    differencing: WholeAction = Field(
        "hold",
        description="The model's persons differ by too few from those of values that have left",
    )
    unchecked: WholeAction = Field("hold", description="Too much to be checked against the others")
    forgotten: WholeAction = Field(
        "hold", description="The station was restored, and does not know all that has left"
    )
    structure: WholeAction = Field("hold", description="A graph of operations beside the numbers")


class FileActions(_Actions):
    unchecked: WholeAction = Field("hold", description="Content that no rule can check")
