"""One person's value under another name: the oldest, the last visit, the ends of a histogram.

And figures, whose numbers are a table's as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.attack.publishing import Airlock, Published, bars, found_in, model, scalar, table
from tests.evidence import Evidence

ATTACKER = "hostile researcher"
BY_SEX: Mapping[str, Sequence[Any]] = {"sex": ["f", "m"], "n": [96, 207]}
AGES = pd.Series(np.random.default_rng(1).integers(29, 78, 303))


@pytest.fixture
def airlock(tmp_path: Path) -> Airlock:
    return Airlock(tmp_path / "released")


def dated(column: str) -> Published:
    """A table with a day for each sex, of which `sex` says whom a row counts."""
    one = table({**BY_SEX, column: ["2019-01-03", "2019-02-11"]}, by=("sex",))
    content = one.files[".table.json"].replace(
        f'"{column}", "type": "string"'.encode(), f'"{column}", "type": "date"'.encode()
    )
    assert b'"date"' in content
    return Published("table", {".table.json": content}, None, one.declared)


@pytest.mark.parametrize(
    ("what", "published"),
    [
        (
            f"a column called {name}",
            table({**BY_SEX, name: [71.0, 76.5]}),
        )
        for name in ("Max.", "maxAge", "ageMIN", "age_last", "1.0", "100%", "p100", "oldest_age")
    ]
    + [
        (
            "describe() as rows",
            table(
                {
                    "index": ["count", "mean", "std", "min", "50%", "max"],
                    "age": [303.0, 54.4, 9.1, 29.0, 56.0, 77.0],
                    "n": [303] * 6,
                },
                by=("index",),
            ),
        ),
        ("the day of the first visit", dated("first")),
        ("the day of the last visit", dated("visitMax")),
    ],
)
def test_a_value_of_one_person_is_known_by_its_name(
    what: str, published: Published, airlock: Airlock, evidence: Evidence
) -> None:
    assert found_in(airlock, published) == ("held", "extreme")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out one person's value as {what}",
        outcome="held: `extreme`",
    )


@pytest.mark.parametrize("name", ["max_age", "oldest", "age_p99", "age_min", "q1_of_age"])
def test_a_scalar_that_is_called_an_extreme_is_one(
    name: str, airlock: Airlock, evidence: Evidence
) -> None:
    found = airlock.stop(**{name: scalar(77.0, of=303)})[name]
    assert (found.verdict, found.rule) == ("held", "extreme")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out one person's value as a scalar called {name}",
        outcome="held: `extreme`, as if it were declared",
    )


def test_an_array_of_extremes_is_held(airlock: Airlock, evidence: Evidence) -> None:
    names = ("data_min_", "data_max_", "mean_")
    arrays = model({name: [29.0, 94.0] for name in names}, of=303, names=names)
    assert found_in(airlock, arrays) == ("held", "extreme")
    assert found_in(airlock, model({"mean_": [54.4]}, of=303, names=("mean_",)))[0] == "released"
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot carry out the largest values of each column in a scaler",
        outcome="arrays that are named as extremes are held: `extreme`",
    )


@pytest.mark.parametrize("name", ["p99", "0.99", "99%", "99th_percentile"])
def test_a_quantile_beyond_which_there_are_few_stays(
    name: str, airlock: Airlock, evidence: Evidence
) -> None:
    """Of 96 women one is older than the 99th percentile, of 2,070 men twenty."""
    quantiles = table({"sex": ["f", "m"], "n": [96, 2_070], name: [71.5, 76.5]})
    found = airlock.stop(t=quantiles)["t"]
    assert (found.verdict, found.rule, found.suppressed_rows) == ("suppressed", "small-count", 1)
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out one person's value as a column called {name}",
        outcome="rows with fewer than the minimum of people beyond the quantile stay: "
        "`small-count`",
    )


def interval_table(labels: Sequence[str]) -> Published:
    return table({"band": list(labels), "n": [100 + 11 * k for k in range(len(labels))]})


@pytest.mark.parametrize(
    ("what", "labels"),
    [
        ("pandas.cut(age, 5)", [str(one) for one in pd.cut(AGES, 5).cat.categories]),
        ("pandas.qcut(age, 4)", [str(one) for one in pd.qcut(AGES, 4).cat.categories]),
    ],
)
def test_bands_that_are_cut_by_the_data_are_held(
    what: str, labels: Sequence[str], airlock: Airlock, evidence: Evidence
) -> None:
    assert found_in(airlock, interval_table(labels)) == ("held", "extreme")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out the youngest and the oldest as labels of {what}",
        outcome="bins whose width is no round number, or whose ends have many digits: `extreme`",
    )


def test_a_histogram_whose_bins_the_data_cuts_is_held(airlock: Airlock, evidence: Evidence) -> None:
    columns = {"low": [29 + 9.6 * k for k in range(5)], "high": [38.6 + 9.6 * k for k in range(5)]}
    by_the_data = table(
        {
            "axes": [1] * 5,
            "artist": ["bar"] * 5,
            "series": ["age"] * 5,
            "x": [33.8 + 9.6 * k for k in range(5)],
            "y": [30, 120, 214, 90, 41],
            **columns,
        },
        kind="figure",
        counts="y",
    )
    assert found_in(airlock, by_the_data) == ("held", "extreme")
    assert found_in(airlock, bars([30, 120, 214, 90, 41])) == ("released", "")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot carry out the youngest and the oldest as the ends of a histogram",
        outcome="bins whose width is no round number, or whose ends have many digits: `extreme`",
    )


@pytest.mark.parametrize(
    ("what", "columns", "expected"),
    [
        ("deaths beside the count", {"deaths": [4, 20]}, ("refused", "small-count")),
        ("the share of the ill", {"ill": [4 / 96, 20 / 207]}, ("refused", "small-count")),
        ("the oldest", {"max": [71.0, 76.5]}, ("held", "extreme")),
    ],
)
def test_what_stands_beside_the_count_of_a_figure_is_looked_at(
    what: str,
    columns: Mapping[str, Sequence[Any]],
    expected: tuple[str, str],
    airlock: Airlock,
    evidence: Evidence,
) -> None:
    assert found_in(airlock, table({**BY_SEX, **columns}, kind="figure")) == expected
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out {what} in the data of a figure",
        outcome=f"as in a table: `{expected[1]}`",
    )


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("the same series", {}),
        ("another series", {"series": "cohort"}),
        ("other axes", {"axes": 2}),
        ("names at its places", {"names": ["a", "b", "c", "d", "e", "f"]}),
    ],
)
def test_two_histograms_are_compared_bar_by_bar(
    what: str, changed: Mapping[str, Any], airlock: Airlock, evidence: Evidence
) -> None:
    """One bin has a patient less, and another thirty more: all in all they are far apart."""
    found = airlock.stop(
        a=bars([30, 120, 214, 180, 90, 40]), b=bars([30, 120, 213, 180, 121, 40], **changed)
    )
    assert (found["b"].verdict, found["b"].rule) == ("held", "differencing")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot learn of a patient by two histograms of which a bin differs, with {what}",
        outcome="held: `differencing`, where half of the bars are the same",
    )
