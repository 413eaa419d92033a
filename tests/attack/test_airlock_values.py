"""A researcher whose values leave one by one, in models, or whose labels a station would forget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from phtlab.station.airlock.formats.model import PEOPLE_PER_NUMBER
from tests.airlock.cases import Published
from tests.airlock.test_cases import stop
from tests.evidence import Evidence

ATTACKER = "hostile researcher"
PEOPLE = 303


@pytest.mark.parametrize(
    ("what", "outputs"),
    [
        (
            "a data set as a model for each column",
            {f"c{n}": Published(kind="model", value=PEOPLE, of=PEOPLE) for n in range(13)},
        ),
        (
            "a column in models of a few numbers each",
            {f"c{n}": Published(kind="model", value=20, of=PEOPLE) for n in range(15)},
        ),
        (
            "a column in a model beside one of many people",
            {
                "m": Published(kind="model", value=100, of=10_000),
                "o": Published(kind="model", value=1, of=PEOPLE),
            },
        ),
    ],
)
def test_a_model_holds_no_value_of_each_patient(
    what: str, outputs: Mapping[str, Published], tmp_path: Path, evidence: Evidence
) -> None:
    passed = stop(tmp_path / "released", outputs)
    assert {(one.verdict.verdict, one.verdict.rule) for one in passed.values()} == {
        ("held", "uncounted")
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot carry out {what}",
        outcome=f"fewer than {PEOPLE_PER_NUMBER} people for each number of all models of the stop: "
        "`uncounted`",
    )


@pytest.mark.parametrize(
    ("what", "kind", "labels"),
    [
        ("whole numbers of 13 digits", "integer", [1_234_567_890_123, 2_234_567_890_123]),
        ("numbers of 17 digits", "number", [0.1 + 0.2, 0.7 + 0.1]),
    ],
)
def test_a_station_remembers_labels_that_are_rounded(
    what: str, kind: str, labels: list[Any], tmp_path: Path, evidence: Evidence
) -> None:
    def table(*counts: int) -> dict[str, Published]:
        columns = {"code": (kind, labels), "n": ("integer", [*counts])}
        return {"t": Published(columns, by=("code",))}

    folder = tmp_path / "released"
    assert stop(folder, table(96, 208))["t"].verdict.verdict == "released"
    again = stop(folder, table(97, 208))["t"].verdict
    assert (again.verdict, again.rule) == ("suppressed", "differencing")
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=f"cannot ask for one person more by labels that are {what}",
        outcome="labels are rounded before they are checked and remembered: `differencing`",
    )
