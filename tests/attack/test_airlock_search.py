"""A researcher made at random, who tells no lie, against the airlock: nothing small follows.

People are made at random, and journeys: tables and figures over some of the dimensions, with totals
or without, cells left out, or dimensions and labels under other names; counts by themselves.
Everything that leaves is known to the oracle with its true meaning. A cell follows if the most that
it can count, over all numbers of people that fit what has left (linear programming), is below the
threshold; the oracle is checked by trying all people where those are few.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.formats import figure
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.evidence import Evidence
from tests.station.airlock.run_leftovers import LeftInMemory, leaving

RULES = AirlockRules()
LABELS = {"sex": ("f", "m"), "ill": ("no", "yes"), "age": ("old", "mid", "young")}
PLACES = tuple(product(*LABELS.values()))
Cell = Mapping[str, str]
People = tuple[int, ...]
"""How many there are in each of PLACES."""
SLACK = 1e-6


@dataclass(frozen=True)
class Told:
    """One count that has left: of whom, and how many."""

    cell: Cell
    count: int


@dataclass(frozen=True)
class Asked:
    """An output: a table or a figure over `dimensions`, or the count of `cell`.

    `total` adds the rows that sum up; rows whose number is in `without` are left out, if there are
    others of their labels; `alias` is put before the names of dimensions and labels.
    """

    kind: str = "table"
    dimensions: tuple[str, ...] = ()
    cell: tuple[tuple[str, str], ...] | None = None
    total: bool = False
    without: frozenset[int] = frozenset()
    alias: str = ""

    def rows(self, people: People) -> list[Told]:
        if self.cell is not None:
            return [Told(dict(self.cell), counted(people, dict(self.cell)))]
        choices = [[*LABELS[n], *([""] if self.total else [])] for n in self.dimensions]
        cells = [
            {n: label for n, label in zip(self.dimensions, labels, strict=True) if label}
            for labels in product(*choices)
        ]
        told = [Told(cell, counted(people, cell)) for cell in cells]
        kept = [one for number, one in enumerate(told) if number not in self.without]
        every = {label for one in told for label in one.cell.items()}
        return kept if every == {label for one in kept for label in one.cell.items()} else told

    def files(self, name: str, people: People) -> dict[str, bytes]:
        rows = self.rows(people)
        if self.cell is not None:
            content = json.dumps({"value": rows[0].count}).encode()
            return {f"{name}.json": b'{"kind": "scalar"}', f"{name}.scalar.json": content}
        heads = [{"name": f"{self.alias}{n}", "type": "string"} for n in self.dimensions]
        labels = [
            [self.alias + one.cell[n] if n in one.cell else "total" for one in rows]
            for n in self.dimensions
        ]
        heads.append({"name": "n", "type": "integer"})
        data = [*labels, [one.count for one in rows]]
        content = json.dumps({"columns": heads, "data": data}).encode()
        index = {f"{name}.json": json.dumps({"kind": self.kind}).encode()}
        if self.kind == "figure":
            return index | {f"{name}.png": b"", f"{name}.data.json": content}
        return index | {f"{name}.table.json": content}

    def output(self, name: str) -> Output:
        if self.cell is not None:
            return Output(name=name, kind="scalar", counts=name, where=dict(self.cell))
        by = tuple(self.alias + n for n in self.dimensions) if self.kind == "table" else ()
        return Output.model_validate({"name": name, "kind": self.kind, "counts": "n", "by": by})

    def told_by(self, passed: CheckedOutput) -> Iterator[Told]:
        """What a recipient reads of what left."""
        name = passed.verdict.name
        if passed.verdict.verdict not in ("released", "suppressed"):
            return
        if self.cell is not None:
            value = json.loads(leaving(passed.files[f"{name}.json"]))["value"]
            yield Told(dict(self.cell), value)
            return
        content = leaving(passed.files[f"{name}.parquet"])
        for row in pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist():
            labels = {n: row[self.alias + n].removeprefix(self.alias) for n in self.dimensions}
            yield Told({n: v for n, v in labels.items() if v != "total"}, row["n"])


def labels_of(asked: Asked, people: People) -> set[tuple[str, str]]:
    return {part for told in asked.rows(people) for part in told.cell.items()}


def names_in(journeys: Sequence[Sequence[Asked]], people: People) -> set[tuple[str, str]]:
    """The labels that the outputs of `journeys` name, whether they left or not."""
    return {part for asked in journeys for one in asked for part in labels_of(one, people)}


def counted(people: People, cell: Cell) -> int:
    return sum(n for n, inside in zip(people, within(cell), strict=True) if inside)


def within(cell: Cell) -> tuple[bool, ...]:
    """Which of PLACES lie in `cell`."""
    return _within(tuple(sorted(cell.items())))


@cache
def _within(cell: tuple[tuple[str, str], ...]) -> tuple[bool, ...]:
    return tuple(set(cell) <= set(zip(LABELS, place, strict=True)) for place in PLACES)


def every_cell() -> Iterator[Cell]:
    for size in range(1, len(LABELS) + 1):
        for names in combinations(LABELS, size):
            for labels in product(*(LABELS[n] for n in names)):
                yield dict(zip(names, labels, strict=True))


def most(known: Sequence[Told], cell: Cell) -> float:
    """The most people that can be in `cell`, given what is `known`."""
    if not known:
        return np.inf
    found = linprog(
        -np.array(within(cell), dtype=float),
        A_eq=np.array([within(one.cell) for one in known], dtype=float),
        b_eq=np.array([one.count for one in known], dtype=float),
        bounds=(0, None),
        method="highs",
    )
    if found.status == 3:
        return np.inf
    assert found.status == 0, found.message
    return float(-found.fun)


def travelled(
    folder: Path, journeys: Sequence[Sequence[Asked]], people: People
) -> Iterator[list[Told]]:
    """What left in each journey."""
    for asked in journeys:
        named = {f"o{number}": one for number, one in enumerate(asked)}
        files: dict[str, bytes] = {}
        for name, one in named.items():
            files |= one.files(name, people)
        outputs = tuple(one.output(name) for name, one in named.items())
        history = released_counts.ReleasedHistory(folder, ["heart"])
        passed = pass_outputs(outputs, LeftInMemory(files.__getitem__), RULES, history)
        released_counts.note(
            folder, ["heart"], remembered_outputs.outputs_to_remember(outputs, passed)
        )
        yield [told for one in passed for told in named[one.verdict.name].told_by(one)]


def require_nothing_follows(journeys: Sequence[Sequence[Asked]], people: People) -> None:
    """But that nobody has a label that no output had named by then: any table of the labels there
    are says so.

    The airlock knows no label but those that it has seen, and takes nothing back that has left.
    """
    with TemporaryDirectory() as folder:
        left = list(travelled(Path(folder), journeys, people))
    known = [told for each in left for told in each]
    named = names_in(journeys, people)
    # What lies in a small cell is small too: so it is enough to look at the smallest ones.
    places = [dict(zip(LABELS, place, strict=True)) for place in PLACES]
    small = {
        str(cell): (counted(people, cell), bound)
        for cell in places
        if (bound := most(known, cell)) < RULES.minimum_count - SLACK
        and (bound > SLACK or named.issuperset(cell.items()))
        and not any(
            most([told for each in left[:end] for told in each], cell) <= SLACK
            and not names_in(journeys[:end], people).issuperset(cell.items())
            for end in range(1, len(journeys))
        )
    }
    if small:
        for asked in journeys:
            note(f"journey of {asked}")
        note(f"people {dict(zip(PLACES, people, strict=True))}")
        note(f"known {[(dict(one.cell), one.count) for one in known]}")
    assert not small, small


people = st.tuples(*[st.one_of(st.integers(0, 12), st.integers(0, 60)) for _ in PLACES])
shapes = st.lists(st.sampled_from(list(LABELS)), min_size=1, max_size=2, unique=True).map(tuple)
kinds = st.sampled_from(["table", "table", "figure"])
holed = st.frozensets(st.integers(0, 8), max_size=2)
whole = st.builds(Asked, kinds, shapes, total=st.booleans())
tables = st.builds(Asked, kinds, shapes, total=st.booleans(), without=holed)
renamed = st.builds(Asked, kinds, shapes, total=st.booleans(), alias=st.sampled_from(["x_", "y_"]))
counts = st.builds(
    Asked, cell=st.sampled_from([tuple(cell.items()) for cell in [{}, *every_cell()]])
)


def travelling(output: st.SearchStrategy[Asked]) -> st.SearchStrategy[list[list[Asked]]]:
    return st.lists(st.lists(output, min_size=1, max_size=3), min_size=1, max_size=3)


# Other names are known by what they sum up to: so not of tables with gaps, and a count by itself
# is known by what `where` says.
journeys = st.one_of(travelling(st.one_of(tables, counts)), travelling(st.one_of(whole, renamed)))


@pytest.fixture(autouse=True)
def _no_picture_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels are no counts; a process for each would take most of the time."""
    monkeypatch.setattr(figure, "redraw", lambda picture, pixels, colors: picture)


FEW_PLACES = [place for place in PLACES if place[2] != "young"]


def all_that_fit(known: Sequence[Told], total: int) -> list[People]:
    """All ways in which so many people can be in FEW_PLACES."""
    inside = [place in FEW_PLACES for place in PLACES]
    found = []
    for chosen in combinations_with_replacement(range(len(FEW_PLACES)), total):
        numbers = iter([chosen.count(at) for at in range(len(FEW_PLACES))])
        people = tuple(next(numbers) if few else 0 for few in inside)
        if all(counted(people, one.cell) == one.count for one in known):
            found.append(people)
    return found


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.sampled_from(FEW_PLACES), max_size=5),
    st.lists(st.sampled_from([dict(cell) for cell in every_cell()]), max_size=6),
)
def test_the_oracle_is_right_where_all_people_can_be_tried(
    drawn: list[tuple[str, ...]], cells: list[Cell]
) -> None:
    people = tuple(drawn.count(place) for place in PLACES)
    known = [Told({}, len(drawn)), Told({"age": "young"}, 0)]
    known += [Told(cell, counted(people, cell)) for cell in cells]
    fitting = all_that_fit(known, len(drawn))
    assert people in fitting
    for place in FEW_PLACES:
        cell = dict(zip(LABELS, place, strict=True))
        tried = max(counted(one, cell) for one in fitting)
        assert tried - SLACK <= most(known, cell) < tried + 1


@pytest.fixture(autouse=True)
def _row(request: pytest.FixtureRequest, evidence: Evidence) -> None:
    many = "10,000" if request.node.get_closest_marker("long") else "300"
    promise = f"cannot compute a small count from tables and counts at random, {many} times"
    if "oracle" in request.node.name:
        promise = "cannot compute more than the oracle of that search, where all people are tried"
    if "all_are_of_one_label" in request.node.name:
        promise = "cannot learn that nobody has a label that an output named before"
    evidence("attacks", attacker="hostile researcher", promise=promise, outcome="nothing follows")


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(journeys, people)
def test_nothing_small_follows_from_what_an_honest_sounding_researcher_got(
    journeys: list[list[Asked]], people: People
) -> None:
    require_nothing_follows(journeys, people)


ALL_MALE: People = tuple(10 if place == ("m", "no", "old") else 0 for place in PLACES)
TOTAL_AND_MALE = [Asked(cell=()), Asked(cell=(("sex", "m"),))]
BY_SEX = [Asked("table", ("sex",))]


def test_that_all_are_of_one_label_is_known_before_another_output_names_the_other() -> None:
    require_nothing_follows([TOTAL_AND_MALE, BY_SEX], ALL_MALE)
    with TemporaryDirectory() as folder:
        first, second = travelled(Path(folder), [TOTAL_AND_MALE, BY_SEX], ALL_MALE)
    assert [one.count for one in first] == [10, 10]
    assert {"sex": "f"} not in [one.cell for one in second]


def test_that_all_are_of_one_label_does_not_follow_once_an_output_named_the_other() -> None:
    require_nothing_follows([BY_SEX, TOTAL_AND_MALE], ALL_MALE)
    with TemporaryDirectory() as folder:
        _, second = travelled(Path(folder), [BY_SEX, TOTAL_AND_MALE], ALL_MALE)
    assert len(second) < 2


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
@settings(
    deadline=None, max_examples=2_500, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(journeys, people)
def test_nothing_small_follows_from_what_an_honest_sounding_researcher_got_long(
    part: int, journeys: list[list[Asked]], people: People
) -> None:
    """Four times 2,500, for two workers."""
    require_nothing_follows(journeys, people)
