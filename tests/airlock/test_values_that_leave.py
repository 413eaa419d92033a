"""Values beside counts that no rule holds: what only looks like one person's, or like too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from phtlab.station.airlock.disclosure.bins import bins_of_the_data
from phtlab.station.airlock.disclosure.extremes import extreme_arrays, is_extreme, level_of
from phtlab.station.airlock.formats.table import Table, TableColumn
from phtlab.station.policy.airlock_rules import AirlockRules
from tests.attack.publishing import Airlock, bars, counts, found_in, model, scalar, table

EVERYBODY = (303, 303)
BY_SEX: Mapping[str, Sequence[Any]] = {"sex": ["f", "m"], "n": [96, 207]}
AGES = pd.Series(np.random.default_rng(1).integers(29, 78, 303))


@pytest.fixture
def airlock(tmp_path: Path) -> Airlock:
    return Airlock(tmp_path / "released")


def test_a_policy_says_what_too_many_numbers_do(tmp_path: Path) -> None:
    rows = {"replicate": [*range(80)], "n": [303] * 80}
    means = table({**rows, "mean": [54.1 + row / 7 for row in range(80)]})
    for action, verdict in (("refuse", "refused"), ("pass", "released")):
        rules = AirlockRules(values=action)  # type: ignore[arg-type]
        airlock = Airlock(tmp_path / action, EVERYBODY, rules)
        assert airlock.stop(t=means)["t"].verdict == verdict


def test_a_value_of_few_people_keeps_none_of_many_back(tmp_path: Path) -> None:
    bands = {"band": [*range(30, 80, 10)], "n": [61, 60, 61, 60, 61]}
    columns = {name: [54.1 + i for i in range(5)] for name in ("mean", "sd", "median", "chol")}
    outputs = {"t": table({**bands, **columns}), "s": scalar(131.6, of=25)}
    verdicts = Airlock(tmp_path / "released", EVERYBODY).stop(**outputs)
    assert {one.verdict for one in verdicts.values()} == {"released"}


def test_the_mean_of_everybody_leaves_after_counts_of_which_a_small_one_stayed(
    tmp_path: Path,
) -> None:
    overall = {
        "a": scalar(54.05, of=307),
        "b": model({"w": [54.3]}, of=307, names=("w",)),
    }
    for name, value in overall.items():
        airlock = Airlock(tmp_path / name)
        by_sex = counts("sex", {"f": 96, "m": 207, "o": 4})
        assert airlock.stop(t=by_sex)["t"].suppressed_rows == 1
        assert airlock.stop(value=value)["value"].verdict == "released"


@pytest.mark.parametrize(
    "name",
    ["mean_max_heart_rate", "thalach", "median", "q1", "first_line", "minutes", "25%", "climax"],
)
def test_what_only_sounds_like_an_extreme_leaves(name: str, airlock: Airlock) -> None:
    assert found_in(airlock, table({**BY_SEX, name: [150.25, 149.75]})) == ("released", "")


def test_labels_that_sound_like_extremes_leave_where_they_are_categories(airlock: Airlock) -> None:
    levels = table(
        {
            "education": ["lowest", "middle", "highest"],
            "n": [96, 107, 100],
            "age": [60.25, 55.5, 50],
        }
    )
    assert found_in(airlock, levels) == ("released", "")
    measures = table(
        {"variable": ["age", "max heart rate"], "n": [303, 303], "mean": [54.5, 149.25]}
    )
    assert found_in(airlock, measures) == ("released", "")


def test_quarters_and_crossed_labels_are_no_quantiles(airlock: Airlock) -> None:
    quarters = {"q1": [50.5, 49.5], "q2": [40.5, 41.5], "q3": [50.5, 60.5], "q4": [62.5, 63.5]}
    assert found_in(airlock, table({**BY_SEX, **quarters})) == ("released", "")
    crossed = table(
        {"site": ["a", "b"], "n": [96, 207], "0.0": [46.0, 100.0], "1.0": [50.0, 107.0]}
    )
    assert found_in(airlock, crossed) == ("released", "")


def test_names_say_which_quantile_a_value_is() -> None:
    assert [level_of(n) for n in ("p05", "P 99", "q25", "Q3", "1st Qu.", "97.5%")] == [
        *(0.05, None, 0.25, 0.75, 0.25, 0.975)
    ]
    assert not any(map(is_extreme, ("p1", "q2", "patients", "mean_age", "hba1c", "median_age")))
    assert extreme_arrays(["max_pool.weight", "layer/w", "max_iter", "net.max"]) == ["net.max"]


@pytest.mark.parametrize(
    "labels",
    [
        [str(one) for one in pd.cut(AGES, [20, 30, 50, 65, 80]).cat.categories],
        [str(one) for one in pd.cut(AGES, range(20, 90, 10), right=False).cat.categories],
        [str(one) for one in pd.cut(AGES, [20, 40, 60, 80], include_lowest=True).cat.categories],
        ["[18, 28)", "[28, 38)", "[38, 48)"],
        ["[1950, 1960)", "[1960, 1970)"],
        ["(0, 2.5]", "(2.5, 5.0]", "(5.0, 7.5]"],
    ],
)
def test_bands_of_round_edges_leave(labels: list[str]) -> None:
    assert not bins_of_the_data(Table((TableColumn("band", "string", tuple(labels)),)))


def test_histograms_of_women_and_of_men_leave(airlock: Airlock) -> None:
    found = airlock.stop(
        women=bars([12, 30, 44, 50, 41, 22], series="women"),
        men=bars([14, 35, 61, 70, 40, 25], series="men"),
    )
    assert {one.verdict for one in found.values()} == {"released"}
