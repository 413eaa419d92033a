"""No set of tables that left, at one stop or at several, gives a small count by linear algebra.

The oracle is independent of the airlock: it writes each count that left as a 0/1 vector over the
single cells of the people's common table, and asks by elimination with fractions whether a small
cell's vector is a combination of those.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.disclosure import linear_bounds
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.station.airlock.run_leftovers import LeftInMemory

RULES = AirlockRules()
SLACK = 1e-6
LABELS = {"sex": ["f", "m"], "ill": ["no", "yes"], "age": ["old", "mid", "young"]}
Place = tuple[str, ...]
People = dict[Place, int]


def table_of(people: People, dimensions: Sequence[str], totals: bool, zeros: bool) -> list[Any]:
    """A crosstab of the people, with `total` rows if asked for, as rows of labels and count."""
    names = list(LABELS)
    choices = [[*LABELS[name], *(["total"] if totals else [])] for name in dimensions]
    rows = []
    for labels in product(*choices):
        wanted = dict(zip(dimensions, labels, strict=True))
        count = sum(
            n
            for place, n in people.items()
            if all(
                wanted.get(name, "total") in ("total", label)
                for name, label in zip(names, place, strict=True)
            )
        )
        if count or zeros:
            rows.append([*labels, count])
    return rows


def encoded(dimensions: Sequence[str], rows: list[Any]) -> bytes:
    heads = [{"name": name, "type": "string"} for name in dimensions]
    heads.append({"name": "n", "type": "integer"})
    data = [[row[i] for row in rows] for i in range(len(heads))]
    return json.dumps({"columns": heads, "data": data}).encode()


def stop(
    folder: Path, tables: dict[str, tuple[Sequence[str], list[Any]]]
) -> Sequence[CheckedOutput]:
    """One stop's passage, after which its tables have left."""
    files: dict[str, bytes] = {}
    for name, (dimensions, rows) in tables.items():
        files[f"{name}.json"] = b'{"kind": "table"}'
        files[f"{name}.table.json"] = encoded(dimensions, rows)
    outputs = tuple(Output(name=name, counts="n") for name in tables)
    before = released_counts.ReleasedHistory(folder, ["heart"])
    passed = pass_outputs(outputs, LeftInMemory(files.__getitem__), RULES, before)
    released_counts.note(folder, ["heart"], remembered_outputs.outputs_to_remember(outputs, passed))
    return passed


def left(passed: Iterable[CheckedOutput]) -> list[tuple[dict[str, str], int]]:
    """What a recipient reads: of whom, how many."""
    found = []
    for one in passed:
        if one.verdict.verdict in ("released", "suppressed"):
            content = one.files[f"{one.verdict.name}.parquet"]
            for row in pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist():  # type: ignore[arg-type]
                count = row.pop("n")
                found.append(({k: v for k, v in row.items() if v != "total"}, count))
    return found


def vector(wanted: dict[str, str]) -> list[Fraction]:
    return [
        Fraction(all(dict(zip(LABELS, place, strict=True))[k] == v for k, v in wanted.items()))
        for place in product(*LABELS.values())
    ]


def computed(known: list[tuple[dict[str, str], int]], wanted: dict[str, str]) -> Fraction | None:
    """The count of `wanted` by a combination of the known ones, if there is one."""
    rows = [[*vector(of), Fraction(count)] for of, count in known]
    target = [*vector(wanted), Fraction(0)]
    width = len(target) - 1
    for column in range(width):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        for row in [*rows, target]:
            factor = row[column] / pivot[column]
            for i, value in enumerate(pivot):
                row[i] -= factor * value
    return None if any(target[:width]) else -target[width]


def small_cells(
    known: list[tuple[dict[str, str], int]], least: int
) -> list[tuple[dict[str, str], Fraction]]:
    found = []
    for size in range(len(LABELS) + 1):
        for names in combinations(LABELS, size):
            for labels in product(*(LABELS[name] for name in names)):
                wanted = dict(zip(names, labels, strict=True))
                value = computed(known, wanted)
                if value is not None and least <= value < RULES.minimum_count:
                    found.append((wanted, value))
    return found


populations = st.lists(
    st.one_of(st.integers(0, 12), st.integers(0, 60)), min_size=12, max_size=12
).map(lambda counts: dict(zip(product(*LABELS.values()), counts, strict=True)))
shapes = st.lists(st.sampled_from(list(LABELS)), min_size=1, max_size=2, unique=True)
tables = st.lists(st.tuples(shapes, st.booleans()), min_size=1, max_size=3)


def test_the_oracle_sees_what_complementary_suppression_prevents() -> None:
    people = dict.fromkeys(product(*LABELS.values()), 20)
    people["f", "yes", "old"] = people["f", "yes", "mid"] = people["f", "yes", "young"] = 1
    rows = [row for row in table_of(people, ["sex", "ill"], True, True) if row[-1] >= 10]
    known = [
        ({k: v for k, v in zip(("sex", "ill"), r, strict=False) if v != "total"}, r[-1])
        for r in rows
    ]
    assert ({"sex": "f", "ill": "yes"}, 3) in small_cells(known, 0)


stopping = st.lists(tables, min_size=1, max_size=3)


@settings(deadline=None, max_examples=40)
@given(populations, stopping, st.booleans())
def test_no_small_cell_follows_from_all_that_left(
    people: People, stops: list[list[tuple[list[str], bool]]], zeros: bool
) -> None:
    require_nothing_follows(people, stops, zeros)


@pytest.mark.long
@settings(deadline=None, max_examples=600)
@given(populations, stopping, st.booleans())
def test_no_small_cell_follows_from_all_that_left_long(
    people: People, stops: list[list[tuple[list[str], bool]]], zeros: bool
) -> None:
    require_nothing_follows(people, stops, zeros)


unknowns = st.lists(st.integers(0, 6), min_size=1, max_size=4)
weights = st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4), min_size=1, max_size=4)
LEAST = 4


@settings(deadline=None)
@given(unknowns, weights)
@example([4, 3, 0, 6], [[-3, 0, -2, 1], [2, -2, 0, 1]])  # the solver stopped, from a bad start
@example([2, 1, 4, 1], [[-3, 3, -1, -1], [2, -3, 2, -3]])
def test_small_ones_and_intervals_hold_for_every_solution(
    true: list[int], rows: list[list[int]]
) -> None:
    equations: list[dict[str | int, int]] = []
    known: dict[str | int, int] = {}
    for number, row in enumerate(rows):
        equation: dict[str | int, int] = {i: w for i, w in enumerate(row[: len(true)]) if w}
        known[f"sum {number}"] = sum(w * true[int(i)] for i, w in equation.items())
        equations.append(equation | {f"sum {number}": -1})
    about = sorted({cell for one in equations for cell in one if isinstance(cell, int)})
    counts = linear_bounds.CountSystem(equations, known, LEAST)
    assert counts.exist()
    small = dict(counts.small(about))
    intervals = {cell: counts.interval(cell) for cell in about}
    for solution in product(range(10), repeat=len(true)):
        values = dict(enumerate(solution)) | known
        if any(sum(w * values[cell] for cell, w in e.items()) for e in equations):
            continue
        assert all(values[cell] <= bound.value + SLACK < LEAST for cell, bound in small.items())
        for cell, (least, most) in intervals.items():
            assert least.value - SLACK <= values[cell]
            assert most is None or values[cell] <= most.value + SLACK


def test_a_bound_names_what_it_follows_from() -> None:
    equations = [{"all": -1, "a": 1, "b": 1}, {"b": -1, "c": 1, "d": 1}, {"other": -1, "e": 1}]
    counts = linear_bounds.CountSystem(equations, {"all": 20, "a": 15, "other": 7}, 10)
    assert {cell: bound.value for cell, bound in counts.small(["b", "c"])} == {"b": 5, "c": 5}
    assert {bound.support for _, bound in counts.small(["b", "c"])} == {frozenset({"all", "a"})}


def test_what_contradicts_itself_is_said_so() -> None:
    counts = linear_bounds.CountSystem([{"a": 1, "b": -1}, {"a": 1, "c": -1}], {"b": 1, "c": 2}, 10)
    assert not counts.exist()


def test_a_count_beyond_what_the_solver_tells_apart_is_not_looked_at() -> None:
    with pytest.raises(linear_bounds.UnsolvedError):
        linear_bounds.CountSystem([{"a": 1, "b": -1}], {"a": 10**12}, 10)


def require_nothing_follows(
    people: People, stops: list[list[tuple[list[str], bool]]], zeros: bool
) -> None:
    known: list[tuple[dict[str, str], int]] = []
    with TemporaryDirectory() as folder:
        for number, asked in enumerate(stops):
            passed = stop(
                Path(folder) / "released",
                {
                    f"t{number}_{i}": (names, table_of(people, names, totals, zeros))
                    for i, (names, totals) in enumerate(asked)
                },
            )
            known += left(passed)
    # Without rows of zero a reader does not know which labels there are.
    assert small_cells(known, 0 if zeros else 1) == []
