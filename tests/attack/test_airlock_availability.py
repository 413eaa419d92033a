"""A researcher who keeps a station busy: outputs whose check would not end.

All stops of the same data wait while one is checked. Each of these either gets its verdict, or is
held as `unchecked`; that it ends is what the limit of each test is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from phtlab.errors import AirlockError
from phtlab.station.airlock import work_limit
from phtlab.station.airlock.formats.model import MAX_COMPARED, require_declared
from tests.airlock.cases import Published, counted, crossed
from tests.airlock.test_cases import stop
from tests.evidence import Evidence
from tests.raising import raises_code

ATTACKER = "hostile researcher"
PROMISE = "cannot keep a station busy with {}"


def codes(name: str, counts: Mapping[int, int]) -> Published:
    """A table of whole numbers, declared as its dimension."""
    columns = {name: ("integer", [*counts]), "n": ("integer", [*counts.values()])}
    return Published(columns, by=(name,))


def scalars(where: Mapping[int, Mapping[str, str]]) -> dict[str, Published]:
    return {
        f"s{n}": Published(kind="scalar", value=1_000 + 20 * n, where=labels)
        for n, labels in where.items()
    }


def verdicts(folder: Path, published: Mapping[str, Published]) -> set[tuple[str, str]]:
    passed = stop(folder, published)
    return {(one.verdict.verdict, one.verdict.rule) for one in passed.values()}


ALMOST = (
    counted("x", {f"a{n}": 20 for n in range(13)} | {f"b{n}": 30 for n in range(12)}),
    counted("y", {f"c{n}": 20 for n in range(12)} | {f"d{n}": 30 for n in range(13)}),
)


def test_labels_that_almost_match_are_soon_told_apart(tmp_path: Path, evidence: Evidence) -> None:
    """Of 25 labels 13 count twenty in one table, 12 in the other: no way to rename fits."""
    assert verdicts(tmp_path / "released", dict(zip("xy", ALMOST, strict=True))) == {
        ("released", "")
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("two tables whose labels almost match"),
        outcome="told apart by how often each count is there",
    )


def test_labels_that_almost_match_what_has_left_are_held(
    tmp_path: Path, evidence: Evidence
) -> None:
    """With a withheld row in each not all counts are known: then the search ends by its limit."""
    folder = tmp_path / "released"
    first, second = (
        Published(
            {
                name: ("string", [*one.columns[name][1], "few"]),
                "n": ("integer", [*one.columns["n"][1], 3]),
            }
        )
        for name, one in zip("xy", ALMOST, strict=True)
    )
    assert verdicts(folder, {"x": first}) == {("suppressed", "small-count")}
    assert verdicts(folder, {"y": second}) <= {
        ("suppressed", "small-count"),
        ("held", "unchecked"),
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("a table whose labels almost match what has left"),
        outcome="its verdict, or held beyond the steps of a search: `unchecked`",
    )


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("labels of one dimension", {n: {"x": f"l{n}"} for n in range(200)}),
        ("a dimension each", {n: {f"x{n}": "yes"} for n in range(200)}),
        (
            "cells of two dimensions",
            {n: {"x": f"l{n % 14}", "y": f"m{n // 14}"} for n in range(200)},
        ),
    ],
)
def test_two_hundred_honest_counts_leave(
    what: str, where: Mapping[int, Mapping[str, str]], tmp_path: Path, evidence: Evidence
) -> None:
    assert verdicts(tmp_path / "released", scalars(where)) == {("released", "")}
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format(f"two hundred counts, of {what}"),
        outcome="all are checked, and leave",
    )


@pytest.mark.parametrize("when", ["in one stop", "in two stops"])
@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("all alike", {("held", "unchecked")}),
        ("all different", {("released", "")}),
    ],
)
def test_fifteen_hundred_labels_in_two_tables(
    counts: str, expected: set[tuple[str, str]], when: str, tmp_path: Path, evidence: Evidence
) -> None:
    folder = tmp_path / "released"
    # By labels that all count as many there are no more people: enough for so many numbers.
    people = {n: 20_000 if counts == "all alike" else 20 + n for n in range(1_500)}
    tables = {"t": codes("x", people), "u": codes("y", people)}
    if when == "in two stops":
        assert verdicts(folder, {"t": tables.pop("t")}) == {("released", "")}
    assert verdicts(folder, tables) == expected
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format(f"1,500 labels in two tables {when}, {counts}"),
        outcome="their verdict, or held: `unchecked`",
    )


def test_what_takes_too_many_steps_is_held_whatever_counts_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    outputs = {
        "by_sex": counted("sex", {"female": 96, "male": 208, "other": 4}),
        "both": crossed("sex", "ill", {"f": {"yes": 40, "no": 50}, "m": {"yes": 60, "no": 30}}),
        "n": Published(kind="scalar", value=308),
        "women": Published(kind="scalar", value=96, where={"sex": "female"}),
        "mean": Published(kind="scalar", counts=None, value=54.4, of=308),
    }
    monkeypatch.setattr(work_limit, "MOST_STEPS", 3)
    passed = stop(tmp_path / "released", outputs)
    assert {(one.verdict.verdict, one.verdict.rule) for one in passed.values()} == {
        ("held", "unchecked")
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("any other outputs: the check of a stop has a limit in steps"),
        outcome="beyond it all that counts people is held: `unchecked`",
    )


def test_tables_of_thousands_of_codes_end_in_a_verdict(tmp_path: Path, evidence: Evidence) -> None:
    """Each with labels of its own, of as many people: each row could be a new coding of another."""
    tables = {
        f"t{k}": codes("x", {20_000 * k + n: 20 + (7 * n + k) % 5 for n in range(2_000)})
        for k in range(5)
    }
    assert {verdict for verdict, _ in verdicts(tmp_path / "released", tables)} <= {
        *("held", "suppressed")
    }
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("tables of thousands of codes"),
        outcome="held, or all rows stay",
    )


def test_counts_of_more_than_there_can_be_are_refused(tmp_path: Path, evidence: Evidence) -> None:
    outputs = {
        "table": counted("sex", {"f": 2**60, "m": 208}),
        "sum": codes("code", dict.fromkeys(range(5), 2**53 // 4)),
        "count": Published(kind="scalar", value=2**53),
        "mean": Published(kind="scalar", counts=None, value=0.1, of=2**53),
        "model": Published(kind="model", value=3, of=2**63),
    }
    assert verdicts(tmp_path / "released", outputs) == {("refused", "counts")}
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot break a stop by a count that JSON has no exact form for",
        outcome="refused: `counts`",
    )


def test_names_with_stars_are_compared_in_few_steps(evidence: Evidence) -> None:
    names = [f"w{n}/{'1/' * 40}x" for n in range(1_000)]
    most = MAX_COMPARED // len(names)
    with raises_code(AirlockError, "model-names"):
        require_declared(["1" * 128], ["*" * 60 + "x"])
    with raises_code(AirlockError, "model-names"):
        require_declared(names, [f"v*/{n}" for n in range(most + 1)])
    require_declared(names, ["w*/" + "*/" * 40 + "x", *(f"v*/{n}" for n in range(most - 1))])
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("names of arrays that match a declared one in many ways"),
        outcome="a `*` beside a digit or another one is refused: `model-names`",
    )


def test_a_model_of_a_thousand_undeclared_arrays_is_refused(
    tmp_path: Path, evidence: Evidence
) -> None:
    content = save({f"l{n}": np.zeros(1) for n in range(1_000)})
    model = Published(kind="model", content=content, of=10_000)
    assert verdicts(tmp_path / "released", {"m": model}) == {("refused", "model-names")}
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot send a thousand arrays that are not declared",
        outcome="refused: model-names",
    )
