"""The same numbers, said otherwise: what a reader can work out does not leave under other words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict
from tests.attack.publishing import Airlock, bars, counts, scalar, table
from tests.evidence import Evidence

BY_SEX = {"f": 96, "m": 208, "o": 4}
"""Of the third there are few: whoever knows of all 308 knows how many."""


@pytest.fixture
def airlock(tmp_path: Path) -> Airlock:
    (tmp_path / "released").mkdir()
    return Airlock(tmp_path / "released")


@pytest.fixture(autouse=True)
def _row(request: pytest.FixtureRequest, evidence: Evidence) -> None:
    """Each test's docstring is what the researcher cannot do."""
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise=request.function.__doc__,
        outcome="withheld, or a person is asked",
    )


def few_can_be_told(verdicts: Mapping[str, OutputVerdict], *names: str) -> bool:
    """Whether all of `names` leave, and of each no more stays than its one small row."""
    return all(
        verdicts[name].verdict == "released"
        or (verdicts[name].verdict == "suppressed" and verdicts[name].suppressed_rows == 1)
        for name in names or verdicts
    )


@pytest.mark.parametrize(
    "columns",
    [
        {"n": [96, 208, 4, 308]},
        {"g": ["a", "a", "a", "total"], "n": [96, 208, 4, 308]},
        {"sex": [0.0, 1.0, 2.0, None], "n": [96, 208, 4, 308]},
        {"sex": [0, 1, 2, None], "n": [96, 208, 4, 308]},
        {"sex": ["f", "m", "o", "all patients"], "n": [96, 208, 4, 310]},
        {"sex": ["f", "m", "o", "N"], "n": [96, 208, 4, 308]},
        {"sex": ["f", "m", "o", None], "n": [96, 208, 4, 310]},
        {"sex": ["f", "m", "o"], "n": [96, 208, 4], "share": [96 / 308, 208 / 308, 4 / 308]},
        {"sex": ["f", "m", "o"], "n": [96, 208, 4], "percent": [31.17, 67.53, 1.3]},
        {"sex": ["f", "m", "o"], "n": [96, 208, 4], "of_all": [308, 308, 308]},
        {"sex": ["f", "m", "o"], "n": [96, 208, 4], "others": [212, 100, 304]},
    ],
    ids=[
        *("no label", "one label", "numbers as labels", "codes as labels", "all patients"),
        *("N", "no label for all", "shares", "percentages", "all beside each", "the others"),
    ],
)
def test_a_withheld_row_follows_from_no_column_or_total(airlock: Airlock, columns: Any) -> None:
    """cannot have a withheld row follow from a total or a column, however it is written"""
    assert not few_can_be_told(airlock.stop(t=table(columns)))


@pytest.mark.parametrize("label", ["", None, "-", "N"])
@pytest.mark.parametrize("word", ["overall", "total", "all"])
def test_no_withheld_row_follows_from_everybody_among_the_variables(
    airlock: Airlock, word: str, label: str | None
) -> None:
    """cannot have a withheld row follow from a row of everybody beside variables and labels"""
    columns = {
        "variable": ["sex", "sex", "sex", word],
        "label": ["f", "m", "o", label],
        "n": [96, 208, 4, 308],
    }
    assert not few_can_be_told(airlock.stop(t=table(columns)))


def test_shares_of_more_than_the_table_tell_of_those_left_out(airlock: Airlock) -> None:
    """cannot have shares tell how many are in no row"""
    both = {"sex": ["f", "m"], "n": [96, 208], "share": [96 / 308, 208 / 308]}
    verdict = airlock.stop(t=table(both))["t"]
    assert (verdict.verdict, verdict.rule) == ("suppressed", "complementary")


@pytest.mark.parametrize(
    "columns",
    [
        {"sex": ["f", "m"], "n": [96, 208], "deaths": [4, 19]},
        {"sex": ["f", "m"], "n": [96, 208], "alive": [92, 180]},
        {"sex": ["f", "m"], "n": [96, 208], "share_ill": [4 / 96, 0.5]},
        {"sex": ["f", "m"], "n": [96, 208], "percent_ill": [4.17, 50.0]},
    ],
    ids=["a count", "a count of all but few", "a share", "a rounded percentage"],
)
def test_a_column_beside_the_count_tells_of_no_few(airlock: Airlock, columns: Any) -> None:
    """cannot tell of few people in a column beside the count"""
    verdict = airlock.stop(t=table(columns))["t"]
    assert (verdict.verdict, verdict.rule) == ("suppressed", "small-count")


@pytest.mark.parametrize("name", ["min", "max_age", "oldest"])
def test_the_largest_and_smallest_of_a_group_wait_for_a_person(airlock: Airlock, name: str) -> None:
    """cannot have the extremes of a group leave unasked"""
    verdict = airlock.stop(t=table({"sex": ["f", "m"], "n": [96, 208], name: [34.5, 29.5]}))["t"]
    assert (verdict.verdict, verdict.rule) == ("held", "extreme")


def test_a_table_that_contradicts_itself_is_not_passed_unchecked(airlock: Airlock) -> None:
    """cannot make a table pass unchecked by contradicting it"""
    twice = BY_SEX | {"total": 308, "all": 309}
    assert airlock.stop(t=counts("sex", twice))["t"].verdict == "held"


@pytest.mark.parametrize("where", [{"sex": "any"}, {"sex": "total"}, {"sex": "f"}])
def test_where_names_no_column_of_the_table_away(airlock: Airlock, where: Any) -> None:
    """cannot hide a column by saying of whom the table is"""
    total = counts("sex", BY_SEX | {"total": 308}, where=where)
    assert not few_can_be_told(airlock.stop(t=total))


@pytest.mark.parametrize("where", [{"sex": "total"}, {"cohort": "all"}, {"cohort": "enrolled"}])
def test_a_count_of_all_is_one_whatever_it_says_of_whom(airlock: Airlock, where: Any) -> None:
    """cannot count everybody under another word"""
    everybody = scalar(308, counts="s", where=where)
    assert not few_can_be_told(airlock.stop(t=counts("sex", BY_SEX), s=everybody))


def test_a_total_is_one_line_by_line(airlock: Airlock) -> None:
    """cannot spoil a total by a line in which it is none"""
    columns = {
        "age": ["old"] * 3 + ["young"] * 4,
        "ill": ["a", "b", "total", "a", "b", "c", "total"],
        "n": [60, 80, 120, 96, 208, 4, 308],
    }
    assert not few_can_be_told(airlock.stop(t=table(columns)))


@pytest.mark.parametrize(
    ("value", "of"), [(0.013, 308), (1.2987012987, 308), (1.3, 308), (4, 308), (304.0, 308)]
)
def test_a_share_of_few_is_one_in_any_form(airlock: Airlock, value: float, of: int) -> None:
    """cannot send a share of few as a rounded one, a percentage or their number"""
    assert airlock.stop(s=scalar(value, of=of))["s"].verdict in ("held", "refused")


def test_of_how_many_a_share_is_tells_no_withheld_row(airlock: Airlock) -> None:
    """cannot have a total told by the denominator of a share"""
    shared = scalar(151 / 308, of=308)
    assert not few_can_be_told(airlock.stop(t=counts("sex", BY_SEX), s=shared))


def test_of_how_many_a_share_is_tells_nothing_later_either(airlock: Airlock) -> None:
    """cannot have a total told by the denominator of a share that left before"""
    airlock.stop(s=scalar(151 / 308, of=308))
    assert not few_can_be_told(airlock.stop(t=counts("sex", BY_SEX)))


def test_two_means_of_one_person_more_do_not_both_leave(airlock: Airlock) -> None:
    """cannot single out a person by two means"""
    mean, without = scalar(54.4389438944, of=303), scalar(54.4105960265, of=302)
    verdicts = airlock.stop(a=mean, b=without)
    assert {one.rule for one in verdicts.values()} == {"differencing"}
    assert not few_can_be_told(verdicts)


def test_nor_one_after_the_other(airlock: Airlock) -> None:
    """cannot single out a person by two means, one after the other"""
    assert few_can_be_told(airlock.stop(a=scalar(54.4389438944, of=303)))
    assert not few_can_be_told(airlock.stop(b=scalar(54.4105960265, of=302)))


@pytest.mark.parametrize(
    ("name", "label", "other"),
    [
        ("sex", "f", "F"),
        ("sex", "f", "f "),
        ("sex", "1", "1.0"),
        ("Sex", "f", "f"),
        ("sex", "\u00e9", "e\u0301"),
        ("sex", "f", "\uff46"),
    ],
)
def test_a_label_is_the_same_however_it_is_spelt(
    airlock: Airlock, name: str, label: str, other: str
) -> None:
    """cannot hide a count by spelling its label otherwise"""
    airlock.stop(t=counts("sex", {label: 96, "m": 208}))
    later = airlock.stop(t=counts(name, {other: 97, "m": 190}))["t"]
    assert (later.verdict, later.rule) == ("suppressed", "differencing")


def test_a_label_holds_nothing_that_is_not_seen(airlock: Airlock) -> None:
    """cannot send characters that are not seen in a label"""
    verdict = airlock.stop(t=counts("sex", {"f\ufe0f": 97, "m": 190}))["t"]
    assert verdict.verdict == "refused"


@pytest.mark.parametrize(
    "people",
    [
        {"sex": ["m", "f"], "n": [194, 6]},
        {"v": ["age", "age", "chol", "chol"], "sex": ["m", "f"] * 2, "n": [194, 6] * 2},
    ],
    ids=["one table", "two measures"],
)
@pytest.mark.parametrize("declared", [{}, {"where": {"cohort": "all"}}])
def test_a_published_number_of_people_tells_no_withheld_row(
    airlock: Airlock, people: Any, declared: Any
) -> None:
    """cannot have a withheld row follow from how many people a station publishes"""
    airlock.everybody = (200, 200)
    verdict = airlock.stop(t=table(people, **declared))["t"]
    assert verdict.suppressed_rows == len(people["n"])


def test_tables_are_compared_by_what_both_sum_up_to(airlock: Airlock) -> None:
    """cannot single out a person by tables with one dimension in common"""
    by_age = table({"sex": [*"ffmm"], "age": ["o", "y"] * 2, "n": [46, 50, 108, 100]})
    by_illness = table({"sex": [*"ffmm"], "ill": ["n", "y"] * 2, "n": [40, 57, 80, 70]})
    rules = {one.rule for one in airlock.stop(a=by_age, b=by_illness).values()}
    assert "differencing" in rules


@pytest.mark.parametrize("bins", [[10.0, 20.0, 30.0], [10, 20, 30]])
def test_edges_of_bins_are_labels(airlock: Airlock, bins: Any) -> None:
    """cannot single out a person by the same bins twice"""
    assert few_can_be_told(airlock.stop(f=table({"bin": bins, "n": [20, 30, 40]})))
    later = airlock.stop(g=table({"bin": bins, "n": [20, 31, 60]}))["g"]
    assert (later.verdict, later.rule) == ("suppressed", "differencing")


def test_a_table_of_one_row_is_about_the_people_of_its_code(airlock: Airlock) -> None:
    """cannot single out a person by a table of one code"""
    airlock.stop(a=table({"code": [1, 2], "n": [46, 208]}))
    later = airlock.stop(a=table({"code": [1], "n": [47]}))["a"]
    assert (later.verdict, later.rule) == ("suppressed", "differencing")


def test_tables_of_one_label_each_tell_of_nobody_between_them(airlock: Airlock) -> None:
    """cannot single out people of whom a value is missing"""
    all_of_them = counts("sex", {"f": 96, "m": 208})
    ill = table({"sex": ["f", "m"], "ill": ["y", "y"], "n": [60, 150]})
    well = table({"sex": ["f", "m"], "ill": ["n", "n"], "n": [33, 40]})
    verdicts = airlock.stop(a=all_of_them, b=ill, c=well)
    assert "complementary" in {one.rule for one in verdicts.values()}


def test_what_is_missing_of_a_group_tells_no_withheld_row(airlock: Airlock) -> None:
    """cannot have a withheld row follow from a group of which some values are missing"""
    airlock.stop(a=counts("sex", {"f": 16, "m": 80}))
    rest = {"sex": [*"ffmm"], "ill": ["yes", "no"] * 2, "n": [11, 4, 45, 35]}
    verdict = airlock.stop(b=table(rest))["b"]
    assert verdict.suppressed_rows >= 2


def test_counts_of_one_label_each_add_up_stop_by_stop(airlock: Airlock) -> None:
    """cannot compute a small count from counts that left stop by stop"""
    old, middle = (scalar(n, counts="n", where={"age": a}) for a, n in (("old", 150), ("mid", 100)))
    assert few_can_be_told(airlock.stop(old=old))
    assert few_can_be_told(airlock.stop(middle=middle))
    assert not few_can_be_told(airlock.stop(all=scalar(256, counts="n")))


@pytest.mark.parametrize("first", [counts("sex", {"m": 194}), scalar(194, counts="s")])
def test_nearly_all_of_those_that_are_published_are_not_counted(
    airlock: Airlock, first: Any
) -> None:
    """cannot count all but few of those that a station publishes"""
    airlock.everybody = (200, 200)
    verdict = airlock.stop(t=first)["t"]
    assert (verdict.verdict, verdict.rule) == ("held", "differencing")


@pytest.mark.parametrize("people", [212, 86])
def test_a_count_of_whom_others_count_otherwise_waits_for_a_person(
    airlock: Airlock, people: int
) -> None:
    """cannot count others than it says"""
    women = scalar(people, counts="women", where={"sex": "f"})
    verdict = airlock.stop(t=counts("sex", BY_SEX), women=women)["women"]
    assert (verdict.verdict, verdict.rule) == ("held", "group")


def test_a_word_for_a_total_may_be_a_label_like_others(airlock: Airlock) -> None:
    """cannot hide a label behind a word for a total"""
    places = counts("place", {"home": 304, "both": 400, "road": 4})
    assert not few_can_be_told(airlock.stop(t=places, all=scalar(708, counts="n")))


def test_a_dimension_named_as_ours_is_refused() -> None:
    """cannot name a dimension as the station names its own"""
    with pytest.raises(ValidationError):
        Output(name="a", kind="table", counts="n", where={"\0w": "1"})


def test_sums_of_a_few_people_do_not_leave_as_a_figure(airlock: Airlock) -> None:
    """cannot send a sum that one person dominates as a figure"""
    costs = {"r": ["X"], "n": [50], "cost": [100.0], "top1": [99.0], "top2": [0.5]}
    figure = table(costs, kind="figure", total="cost", largest=("top1", "top2"))
    assert airlock.stop(f=figure)["f"].verdict == "refused"


@pytest.mark.parametrize("texts", [False, True])
def test_bars_of_two_journeys_are_held_against_each_other(airlock: Airlock, texts: bool) -> None:
    """cannot ask for a figure twice, of a few people less in each bar"""
    first, second = (50, 80, 97, 61, 40), (47, 77, 94, 58, 37)
    assert airlock.stop(ages=bars(first, texts=texts))["ages"].verdict == "released"
    verdict = airlock.stop(again=bars(second, texts=texts))["again"]
    assert (verdict.verdict, verdict.rule) == ("held", "differencing")


@pytest.mark.parametrize(
    "drawn",
    [
        {"series": "patients of 51 and over"},
        {"axes": 2},
        {"width": 8},
        {"first": 35.5},
    ],
    ids=lambda drawn: " and ".join(drawn),
)
def test_bars_that_are_drawn_otherwise_are_held_against_each_other(
    airlock: Airlock, drawn: dict[str, Any]
) -> None:
    """cannot ask for a figure twice, of a few people less in each bar, drawn otherwise"""
    assert airlock.stop(ages=bars((50, 80, 97, 61, 40)))["ages"].verdict == "released"
    verdict = airlock.stop(again=bars((47, 77, 94, 58, 37), **drawn))["again"]
    assert (verdict.verdict, verdict.rule) == ("held", "differencing")


def test_named_bars_of_another_series_are_held_against_each_other(airlock: Airlock) -> None:
    """cannot ask for a figure of named bars twice, of a few people less, as another series"""
    bands = ("under 45", "45 to 54", "55 to 64", "65 to 74", "75 and over")
    first = bars((50, 80, 97, 61, 40), names=bands)
    assert airlock.stop(ages=first)["ages"].verdict == "released"
    second = bars((47, 77, 94, 58, 37), names=bands, series="patients of 51 and over")
    verdict = airlock.stop(again=second)["again"]
    assert (verdict.verdict, verdict.rule) == ("held", "differencing")


@pytest.mark.parametrize(
    "again",
    [(61, 40, 97, 80, 47), (50, 80, 97, 61, 39), (47, 77, 94, 58, 37, 30)],
    ids=["bars in another order", "one bar of one person less", "a bar more"],
)
def test_bars_of_almost_the_same_people_are_held(airlock: Airlock, again: tuple[int, ...]) -> None:
    """cannot ask for a figure twice, of a few people less, its bars in another order or one more"""
    assert airlock.stop(ages=bars((50, 80, 97, 61, 40)))["ages"].verdict == "released"
    verdict = airlock.stop(again=bars(again))["again"]
    assert (verdict.verdict, verdict.rule) == ("held", "differencing")
