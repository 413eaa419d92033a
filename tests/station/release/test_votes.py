"""Words on an output come to the same, whoever says them in whatever order; a part is a part."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from phtlab.errors import StationError
from phtlab.station.airlock.formats.content import Joined
from phtlab.station.airlock.formats.model import read_model
from phtlab.station.release.output_view import OutputView, view_of
from phtlab.station.release.redaction import apply_decision, without
from phtlab.station.release.votes import Outcome, Redaction, Vote, outcome_of
from phtlab.station.stops.file_contents import HeldOutput
from phtlab.train.documents.record import OutputVerdict

COLUMNS = ("ward", "n", "share")


def word(choice: str, by: str, part: Redaction | None = None) -> Vote:
    return Vote.model_validate(
        {"choice": choice, "part": part, "by": by, "reason": "Looked.", "at": datetime.now(UTC)}
    )


def test_a_part_is_the_same_in_whatever_order_it_is_named() -> None:
    assert Redaction(rows=(3, 1, 3)) == Redaction(rows=(1, 3))
    assert Redaction(cells=((2, "n"), (1, "n"))) == Redaction(cells=((1, "n"), (2, "n"), (2, "n")))


@given(st.lists(st.sampled_from(["release", "refuse"]), max_size=4), st.integers(1, 3))
def test_nothing_leaves_that_one_refused_or_too_few_released(
    choices: Sequence[str], persons: int
) -> None:
    words = [word(choice, f"person-{number}") for number, choice in enumerate(choices)]
    outcome = outcome_of(words, persons)
    if "refuse" in choices:
        assert outcome is not None
        assert outcome.choice == "refuse"
    elif len(choices) < persons:
        assert outcome is None
    else:
        assert outcome is not None
        assert len(outcome.by) >= persons


def parquet(rows: Sequence[tuple[str, int, float]]) -> bytes:
    columns = list(zip(*rows, strict=True))
    table = pa.table(dict(zip(COLUMNS, map(list, columns), strict=True)))
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()


tables = st.lists(
    st.tuples(
        st.text(st.characters(codec="ascii"), max_size=5), st.integers(0, 99), st.floats(0, 1)
    ),
    min_size=2,
    max_size=6,
)


@settings(deadline=None)
@given(tables, st.data())
def test_what_a_part_takes_out_is_gone_and_all_else_is_as_it_was(
    rows: Sequence[tuple[str, int, float]], data: st.DataObject
) -> None:
    numbers = range(1, len(rows) + 1)
    gone = data.draw(st.sets(st.sampled_from(numbers), max_size=len(rows) - 1))
    cell = st.tuples(st.sampled_from(numbers), st.sampled_from(COLUMNS))
    cells = data.draw(st.sets(cell, max_size=4, min_size=0 if gone else 1))
    left = pq.read_table(
        io.BytesIO(without(parquet(rows), Redaction(rows=tuple(gone), cells=tuple(cells))))
    )
    expected = [
        tuple(
            None if (number, column) in cells else value
            for column, value in zip(COLUMNS, row, strict=True)
        )
        for number, row in zip(numbers, rows, strict=True)
        if number not in gone
    ]
    assert list(zip(*(left[name].to_pylist() for name in COLUMNS), strict=True)) == expected


def test_no_byte_of_a_row_that_was_taken_out_is_in_the_file() -> None:
    content = parquet([("A", 40, 0.5), ("Kanarienvogel", 77_777_777, 0.123456789)])
    left = without(content, Redaction(rows=(2,)))
    for value in (b"Kanarienvogel", (77_777_777).to_bytes(8, "little")):
        assert value in content
        assert value not in left
    emptied = without(content, Redaction(cells=((2, "ward"), (2, "n"))))
    for value in (b"Kanarienvogel", (77_777_777).to_bytes(8, "little")):
        assert value not in emptied


@pytest.mark.parametrize(
    "part",
    [
        Redaction(rows=(3,)),
        Redaction(rows=(0,)),
        Redaction(cells=((1, "age"),)),
        Redaction(rows=(1, 2)),
    ],
)
def test_a_part_that_is_none_is_refused(part: Redaction) -> None:
    with pytest.raises(StationError) as raised:
        without(parquet([("A", 40, 0.5), ("B", 41, 0.5)]), part)
    assert raised.value.code == "release-part"


def test_what_rules_took_out_before_a_person_was_asked_is_still_told() -> None:
    held = OutputVerdict(
        name="wards",
        kind="table",
        verdict="held",
        rule="class-disclosure",
        sentence="All are alike.",
        suppressed_rows=2,
    )
    outcome = Outcome(choice="release", by=("anna",))
    verdict = apply_decision(HeldOutput(verdict=held), {}, outcome).verdict
    assert (verdict.verdict, verdict.suppressed_rows) == ("suppressed", 2)


def shown(kind: str, files: dict[str, bytes]) -> OutputView:
    held = OutputVerdict(name="out", kind=kind, verdict="held", rule="unchecked")  # type: ignore[arg-type]
    return view_of(HeldOutput(verdict=held), files, (), (), 1)


def test_a_figure_is_seen_with_the_table_that_it_is_drawn_from() -> None:
    view = shown("figure", {"out.png": b"\x89PNG", "out.parquet": parquet([("A", 40, 0.5)])})
    assert view.picture == b"\x89PNG"
    assert view.table is not None
    assert view.table.rows == (("A", 40, 0.5),)


def test_a_model_is_seen_by_its_arrays() -> None:
    arrays = {"coef": np.array([[-0.5, 2.0]]), "zero": np.zeros((1, 3), np.float32)}
    passed = io.BufferedReader(Joined([read_model(io.BytesIO(save(arrays))).content])).read()
    view = shown("model", {"out.safetensors": passed})
    assert [(t.name, t.type, t.shape, t.least, t.greatest) for t in view.tensors] == [
        ("coef", "F64", (1, 2), -0.5, 2.0),
        ("zero", "F32", (1, 3), 0, 0),
    ]


def test_a_scalar_is_seen_by_its_value_and_a_file_by_its_size_alone() -> None:
    assert shown("scalar", {"out.json": b'{"value": 7}\n'}).value == 7
    view = shown("file", {"out.bin": b"anything"})
    assert (view.table, view.picture, view.value, view.tensors) == (None, None, None, ())
