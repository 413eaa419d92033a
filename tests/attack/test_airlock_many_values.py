"""A researcher whose values leave beside counts that are large enough, one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.station.airlock.formats.model import PEOPLE_PER_NUMBER
from phtlab.station.airlock.history import monthly_amount
from phtlab.station.policy.month_limits import MonthLimits
from tests.attack.publishing import Airlock, Published, model, scalar, table
from tests.evidence import Evidence

ATTACKER = "hostile researcher"
PEOPLE = 303
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
EVERYBODY = (PEOPLE, PEOPLE)
AGES = np.random.default_rng(1).integers(29, 78, PEOPLE).astype(float)
MANY = f"fewer than {PEOPLE_PER_NUMBER} people for each number of a stop: `amount`"


def means(samples: Sequence[np.ndarray], **labels: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """A table of the mean age of each sample of patients."""
    ages = [float(AGES[sample].mean()) for sample in samples]
    return {**labels, "n": [len(sample) for sample in samples], "mean": ages}


def samples(how_many: int, size: int, among: int = PEOPLE) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    return [random.integers(0, among, size) for _ in range(how_many)]


def marks(x: Sequence[float], people: int = PEOPLE) -> Published:
    """Dots of a figure, each of so many people, as the runtime reads them."""
    return table(
        {
            "axes": [1] * len(x),
            "artist": ["points"] * len(x),
            "series": ["patients"] * len(x),
            "x": list(x),
            "y": [people] * len(x),
        },
        kind="figure",
        counts="y",
    )


ROUNDS = range(80)
WITHOUT_EACH = [np.delete(np.arange(PEOPLE), left_out) for left_out in range(PEOPLE)]
COLUMNS: Mapping[str, Mapping[str, Published]] = {
    "a column by means of samples": {"t": table(means(samples(80, PEOPLE), replicate=[*ROUNDS]))},
    "a column by means without each patient": {
        "t": table(means(WITHOUT_EACH, left_out=[*range(PEOPLE)]))
    },
    "a column by means that are the labels": {"t": table(means(WITHOUT_EACH))},
    "a column by means of samples in several tables": {
        f"t{k}": table(means(samples(20, PEOPLE), replicate=[*range(20)])) for k in range(4)
    },
    "a column by means of samples in a figure": {
        "f": marks([float(AGES[sample].mean()) for sample in samples(80, PEOPLE)])
    },
    "a column by scalars, each a mean of many": {
        f"s{k}": scalar(float(AGES[sample].mean()), of=PEOPLE)
        for k, sample in enumerate(samples(70, PEOPLE))
    },
    "a column by a table, a model and scalars together": {
        "t": table(means(samples(25, PEOPLE), replicate=[*range(25)])),
        "m": model({"w": AGES[:25]}, of=PEOPLE, names=("w",)),
        **{f"s{k}": scalar(54.4 + k / 7, of=PEOPLE) for k in range(15)},
    },
    "the ages of fifteen by means of samples of those": {
        "t": table(means(samples(18, 15, 15), replicate=[*range(18)]))
    },
}


def numbers(output: Published) -> int:
    """How many means an output has."""
    if output.kind == "scalar":
        return 1
    if output.kind == "model":
        return 25
    return len(json.loads(output.files[".table.json"])["data"][0])


@pytest.mark.parametrize("what", COLUMNS)
def test_means_beside_large_counts_hold_no_value_of_each_patient(
    what: str, tmp_path: Path, evidence: Evidence
) -> None:
    outputs = COLUMNS[what]
    verdicts = Airlock(tmp_path / "released", EVERYBODY).stop(**outputs)
    held = [one for one in verdicts.values() if one.verdict == "held"]
    assert {one.rule for one in held} <= {"amount", "uncounted"}
    assert held
    # Of several those leave that are few together: 60 numbers of 303 people.
    leaving = [name for name, one in verdicts.items() if one.verdict != "held"]
    assert sum(numbers(outputs[name]) for name in leaving) <= PEOPLE // PEOPLE_PER_NUMBER
    evidence("attacks", attacker=ATTACKER, promise=f"cannot carry out {what}", outcome=MANY)


@pytest.mark.parametrize(
    ("what", "output"),
    [
        ("a model", model({"w": np.zeros(50)}, of=50_000, names=("w",))),
        ("a mean", scalar(54.4, of=50_000)),
        ("a table", table({"cohort": ["a", "b"], "n": [50_000, 96], "mean": [54.4, 50.1]})),
        ("a figure", marks([1.0, 2.0], 50_000)),
    ],
)
def test_nothing_is_of_more_people_than_there_are(
    what: str, output: Published, tmp_path: Path, evidence: Evidence
) -> None:
    found = Airlock(tmp_path / "released", EVERYBODY).stop(o=output)["o"]
    assert (found.verdict, found.rule) == ("held", "uncounted")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot say that {what} is of more people than the station has rows",
        outcome="held: `uncounted`",
    )


MEAN_OF = "one person more, by {} and {}"
BY_SEX = {"sex": ["f", "m"], "n": [96, 207], "mean": [54.4, 54.1]}
PAIRS: Mapping[str, tuple[Published, Published]] = {
    MEAN_OF.format("a model", "a model"): (
        model({"w": [54.4]}, of=303, names=("w",)),
        model({"w": [54.3]}, of=302, names=("w",)),
    ),
    MEAN_OF.format("a model", "a mean"): (
        model({"w": [54.4]}, of=303, names=("w",)),
        scalar(54.3, of=302),
    ),
    MEAN_OF.format("a table of one mean", "a mean"): (
        table({"cohort": ["all"], "n": [303], "mean": [54.4]}),
        scalar(54.3, of=302),
    ),
    MEAN_OF.format("a table of means", "a mean"): (table(BY_SEX), scalar(54.3, of=302)),
    MEAN_OF.format("a table of means", "a model"): (
        table(BY_SEX),
        model({"w": [54.3]}, of=302, names=("w",)),
    ),
}


@pytest.mark.parametrize("what", PAIRS)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("later", [False, True], ids=["together", "later"])
def test_values_of_nearly_the_same_people_do_not_both_leave(
    what: str, turned: bool, later: bool, tmp_path: Path, evidence: Evidence
) -> None:
    one, other = PAIRS[what][::-1] if turned else PAIRS[what]
    airlock = Airlock(tmp_path / "released")
    if later:
        assert airlock.stop(one=one)["one"].verdict == "released"
        verdicts = airlock.stop(other=other)
    else:
        verdicts = airlock.stop(one=one, other=other)
    assert {(v.verdict, v.rule) for v in verdicts.values()} == {("held", "differencing")}
    if later and not turned:
        evidence(
            "attacks",
            attacker=ATTACKER,
            promise=f"cannot ask for {what}",
            outcome="of how many people each is, is remembered: `differencing`",
        )


def test_of_whom_a_group_that_stays_is_left_out_no_value_tells(
    tmp_path: Path, evidence: Evidence
) -> None:
    airlock = Airlock(tmp_path / "released")
    means_by_sex = {"sex": ["f", "m", "o"], "n": [96, 207, 4], "mean": [54.4, 54.1, 30.0]}
    assert airlock.stop(t=table(means_by_sex))["t"].verdict == "suppressed"
    found = airlock.stop(s=scalar(54.05, of=307))["s"]
    assert (found.verdict, found.rule) == ("held", "differencing")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot have the mean of a small group told by the others' and everybody's",
        outcome="held: `differencing`",
    )


def test_no_more_numbers_than_patients_leave_in_a_month(tmp_path: Path, evidence: Evidence) -> None:
    """Stop by stop few, together a column of the data; the same output again counts once."""
    folder = tmp_path / "released"
    verdicts = []
    for number in (0, 0, *range(1, 7)):
        outputs = {"m": model({"w": AGES[:60] + number}, of=PEOPLE, names=("w",))}
        passed = Airlock(folder, EVERYBODY).passed(**outputs)
        month = monthly_amount.amounts_of_month(folder, NOON)
        before = monthly_amount.most_left(month, "ada", ["heart"])
        values = monthly_amount.values_left(month, "ada", ["heart"])
        passed = monthly_amount.hold_beyond(passed, before, MonthLimits(), values, PEOPLE)
        left = monthly_amount.ReleasedAmount(
            researcher="ada",
            datasets=("heart",),
            amount=monthly_amount.amount_of(passed),
            values=monthly_amount.values_of(passed),
        )
        monthly_amount.note(folder, f"{len(verdicts):064x}", NOON, left)
        verdicts += [(one.verdict.verdict, one.verdict.rule) for one in passed]
    assert verdicts == [("released", "")] * 6 + [("held", "amount")] * 2
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot carry out a column by models of many stops of a month",
        outcome="as many numbers as the data set has rows, unasked: `amount`",
    )
