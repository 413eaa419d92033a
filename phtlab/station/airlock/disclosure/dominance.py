"""Sums of what people contribute: dominance and the p% rule.

Sources: Hundepool et al. (2024), Handbook on SDC, 2nd edition, section 4.2: a cell is sensitive by
the (n,k) rule if its n largest contributions are more than k per cent of it, and by the p% rule if
the second largest contributor, who knows the own contribution, can compute the largest contribution
to within p per cent. The defaults (2, 90, 10) are those of ACRO.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats.table import Table
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output

LEAST: Final = 2
"""The p% rule needs the two largest contributions."""
_ROUNDING: Final = 1e-9


def dominated_rows(table: Table, output: Output, rules: AirlockRules) -> tuple[set[int], set[int]]:
    """Return the rows that break the (n,k) rule, and those that break the p% rule.

    Raises AirlockError (``contributions``) if the declared columns are missing, too few or invalid.
    """
    columns = {column.name: column for column in table.columns}
    names = [output.total or "", *output.largest]
    if any(n not in columns or columns[n].type not in ("integer", "number") for n in names):
        raise _refused("the declared total or largest contributions are no columns of numbers")
    needed = max(LEAST, rules.dominance_n)
    if len(output.largest) < needed:
        raise _refused(f"this station needs the {needed} largest contributions beside a total")
    by_share, by_p = set(), set()
    for row in range(table.rows):
        total, *largest = (columns[name].values[row] for name in names)
        parts = [float(part) for part in largest if part is not None]
        if total is None and not parts:
            continue
        if total is None:
            raise _refused("a total is missing beside its largest contributions")
        _require_sound(float(total), parts)
        if is_dominated(float(total), parts, rules.dominance_n, rules.dominance_k):
            by_share.add(row)
        if is_known_within(float(total), parts, rules.p_percent):
            by_p.add(row)
    return by_share, by_p


def is_dominated(total: float, largest: Sequence[float], n: int, k: float) -> bool:
    """The (n,k) rule: whether the `n` largest contributions are more than `k` % of `total`."""
    return sum(largest[:n]) > k / 100 * total * (1 + _ROUNDING)


def is_known_within(total: float, largest: Sequence[float], p: float) -> bool:
    """The p% rule: whether the rest beside the two largest is less than `p` % of the largest.

    A cell of one person, or of one person and zeros, has no second contributor who protects it.
    """
    if not largest or largest[0] == 0:
        return False
    rest = total - sum(largest[:LEAST])
    return rest < p / 100 * largest[0] * (1 - _ROUNDING)


def _require_sound(total: float, largest: Sequence[float]) -> None:
    if any(part < 0 for part in largest) or total < 0:
        raise _refused("its contributions are not all zero or more, and the rules are for those")
    if any(larger < other for larger, other in pairwise(largest)):
        raise _refused("its largest contributions are not in order, the largest first")
    if sum(largest) > total * (1 + _ROUNDING):
        raise _refused("its largest contributions are more than their total")


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The table may not leave: {why}.", code="contributions")
