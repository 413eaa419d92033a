"""What analysts usually publish leaves, but for what counts fewer than ten people."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.demo.heart import HOSPITALS
from tests.airlock.typical import OTHERS, TABLES, Typical, alone, verdicts

# Held wherever they run: of the first, each label of one column occurs with one label of another
# alone, as if that were found out about people; the others are to be held.
HELD = {
    "table one: sex, chest pain and sugar by diagnosis, one below the other": "class-disclosure",
    "a mean that does not say of how many": "uncounted",
    "the highest age": "extreme",
    "a scatter plot of patients": "uncounted",
}


@pytest.mark.parametrize("typical", [*TABLES, *OTHERS], ids=lambda typical: typical.title)
def test_what_is_published_usually_is_held_only_where_it_says_too_little_or_too_much(
    typical: Typical,
) -> None:
    passed = [one for name in HOSPITALS for one in alone(typical, name)]
    held = {one.verdict.rule for one in passed if one.verdict.verdict == "held"}
    if typical.title in HELD:
        assert {one.verdict.verdict for one in passed} == {"held"}
        assert held == {HELD[typical.title]}
    else:
        # In Switzerland and at VA Long Beach there are groups in which all or none are ill.
        assert held <= {"class-disclosure"}
        assert all(one.verdict.verdict != "held" for one in passed[:2])


# Tables that keep back more than what counts few. Those with totals: one small cell more would
# follow. In Switzerland: from about how many patients there are (two tables), and from the other.
BESIDE_WHAT_IS_SMALL = {
    "a cross table with totals": list(HOSPITALS),
    "two tables: by sex, and by sex and diagnosis": ["switzerland"],
}


def test_a_table_by_itself_keeps_back_what_counts_few_and_next_to_nothing_else() -> None:
    beside: dict[str, list[str]] = {}
    for typical in TABLES:
        for name in HOSPITALS:
            found = {rule.rule for one in alone(typical, name) for rule in one.findings}
            assert found <= {"small-count", "complementary", "class-disclosure"}, typical.title
            if "complementary" in found:
                beside.setdefault(typical.title, []).append(name)
    assert beside == BESIDE_WHAT_IS_SMALL


def test_one_after_the_other_at_one_station_most_of_them_still_leave(tmp_path: Path) -> None:
    kept = {"released": 0, "suppressed": 0, "held": 0, "refused": 0}
    for typical in TABLES:
        for one in verdicts(typical, "cleveland", tmp_path):
            kept[one.verdict.verdict] += 1
    assert kept == {"released": 13, "suppressed": 7, "held": 1, "refused": 0}
