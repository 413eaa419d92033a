"""Rules for held outputs, `[release]` of policy.toml: how many persons decide, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from phtlab.governance.risk import Risk
from phtlab.strict_model import StrictModel
from phtlab.train.documents.record import OutputVerdict

Reasons = Literal["none", "general", "rule"]
COUNTS: Final = "counts"
"""Published in place of any rule about the counts, and so about the data."""
OF_STRUCTURE: Final = {
    "uncounted": "it does not say which column counts people (counts=) or of how many it is "
    "(of=), says that it is of more people than there are rows, or is a model of more numbers "
    "than people",
    "extreme": "it is the largest or smallest value, or a quantile, which is one person's",
    "amount": "with it more would leave than the station lets leave unasked, of this run or for "
    "one researcher in a month",
    "unchecked": "it is a file, or too large to be checked against the others",
    "membership": "its models hold so many numbers that they may remember persons",
    "structure": "it is a model with a graph of operations",
    "forgotten": "the station was restored from a backup, and does not know all that has left",
}
"""Rules that follow from the train's declarations, from sizes, or from the station's own state."""
_OF_COUNTS: Final = (
    "a rule about counts of people: few of them, all of a group alike, sums from which others "
    "follow, what left before, or a count that does not say whom it is of (where=)"
)
_MOST: Final = 4
_MOST_NAMES: Final = 5


class ReleaseRules(StrictModel):
    """Rules for decisions on outputs that the airlock holds."""

    days: float = Field(
        7.0, gt=0, le=366, description="Days that an output waits; at most until the order expires"
    )
    two_persons: tuple[Risk, ...] = Field(
        (), description="Risks of trains whose held outputs two persons release"
    )
    reasons: Reasons = Field(
        "general",
        description="What the author is shown at once about why an output is held: `none`; "
        "`general`: the rule if the train's declaration implies it, else only that counts are the "
        "cause; or the `rule`, which discloses something of the data before a person decides",
    )

    def persons(self, risk: Risk) -> int:
        """Return how many persons have to agree before an output of a train of `risk` leaves."""
        return 2 if risk in self.two_persons else 1

    def why_held(self, verdicts: Iterable[OutputVerdict]) -> str:
        """Return sentences for everyone on why outputs among `verdicts` are held; "" for none.

        One rule an output, as `reasons` permits. Never a count, a label or how many rows.
        """
        held = [verdict for verdict in verdicts if verdict.verdict == "held"]
        if self.reasons == "none" or not held:
            return ""
        found: dict[str, list[str]] = {}
        for verdict in held:
            found.setdefault(_reason(verdict.rule, self.reasons), []).append(verdict.name)
        sentences = [f"{_listed(names)} {why}." for why, names in found.items()]
        more = f"And {len(sentences) - _MOST} more reasons." if len(sentences) > _MOST else ""
        return " ".join([*sentences[:_MOST], *([more] if more else [])])

    def until(self, held: datetime, order_expires: datetime) -> datetime:
        """Return until when a person may decide on what was held at `held`."""
        return min(held + timedelta(days=self.days), order_expires)


def _reason(rule: str, how: Reasons) -> str:
    if rule in OF_STRUCTURE:
        return f"({rule}): {OF_STRUCTURE[rule]}"
    return f"({rule if how == 'rule' else COUNTS}): {_OF_COUNTS}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
