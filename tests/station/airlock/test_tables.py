"""Tables in the airlock: what leaves, what is suppressed, and hostile ones."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import AirlockError
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.formats import strict_json
from phtlab.station.airlock.formats.plain_text import text_error
from phtlab.station.policy.airlock_actions import TableActions
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.raising import raises_code
from tests.station.airlock.run_leftovers import LeftInMemory

RULES = AirlockRules()
UNCOUNTED = TableActions(uncounted="pass")


def table(columns: dict[str, tuple[str, list[Any]]]) -> bytes:
    return json.dumps(
        {
            "columns": [{"name": n, "type": t} for n, (t, _) in columns.items()],
            "data": [values for _, values in columns.values()],
        }
    ).encode()


def passed(content: bytes, counts: str | None = None, rules: AirlockRules = RULES) -> CheckedOutput:
    files = {"t.json": b'{"name": "t", "kind": "table"}', "t.table.json": content}

    left = LeftInMemory(files.__getitem__)
    return pass_outputs((Output(name="t", kind="table", counts=counts),), left, rules)[0]


def rows(one: CheckedOutput) -> dict[str, list[Any]]:
    return pyarrow.parquet.read_table(io.BytesIO(one.files["t.parquet"])).to_pydict()


def rule(content: bytes, counts: str | None = None, rules: AirlockRules = RULES) -> str:
    one = passed(content, counts, rules)
    assert one.verdict.verdict == "refused"
    assert one.files == {}
    return one.verdict.rule


def test_every_type_leaves_as_it_is_and_empty_cells_stay_empty() -> None:
    one = passed(
        rules=AirlockRules(tables=UNCOUNTED),
        content=table(
            {
                "n": ("integer", [1, None]),
                "mean": ("number", [1.5, None]),
                "sex": ("string", ["female", None]),
                "yes": ("boolean", [True, None]),
                "day": ("date", ["2026-01-31", None]),
            }
        ),
    )
    assert one.verdict.verdict == "released"
    found = rows(one)
    assert found["n"] == [1, None]
    assert found["mean"] == [1.5, None]
    assert [str(day) for day in found["day"]] == ["2026-01-31", "None"]


def test_a_table_that_counts_nobody_waits_for_a_person_unless_it_is_empty() -> None:
    one = passed(table({"age": ("integer", [63, 41])}))
    assert (one.verdict.verdict, one.verdict.rule) == ("held", "uncounted")
    assert one.verdict.sentence == "It is a table that does not say which column counts people."
    assert passed(table({"age": ("integer", [])})).verdict.verdict == "released"
    refusing = AirlockRules(tables=TableActions(uncounted="refuse"))
    assert rule(table({"age": ("integer", [63, 41])}), rules=refusing) == "uncounted"


def test_a_small_count_takes_its_whole_row_along_and_the_record_says_how_many() -> None:
    one = passed(
        table(
            {
                "sex": ("string", ["female", "male", "other"]),
                "n": ("integer", [12, 9, 10]),
                "mean_age": ("number", [51.0, 44.0, 60.0]),
            }
        ),
        counts="n",
    )
    assert rows(one) == {"sex": ["female", "other"], "n": [12, 10], "mean_age": [51.0, 60.0]}
    assert one.verdict.model_dump() == {
        "name": "t",
        "kind": "table",
        "verdict": "suppressed",
        "rule": "small-count",
        "sentence": "1 row with a count below 10 stayed at the station.",
        "suppressed_rows": 1,
        "below": 10,
    }


def test_zero_counts_as_small() -> None:
    one = passed(table({"n": ("integer", [0, 50])}), counts="n")
    assert rows(one) == {"n": [50]}


def test_a_minimum_of_zero_lets_all_counts_leave() -> None:
    rules = AirlockRules(minimum_count=0)
    one = passed(table({"n": ("integer", [0, 3])}), counts="n", rules=rules)
    assert rows(one) == {"n": [0, 3]}


@pytest.mark.parametrize(
    "column",
    [
        ("integer", [12, None]),
        ("integer", [12, -4]),
        ("number", [12.0, 10.5]),
        ("string", ["12", "13"]),
        ("boolean", [True, True]),
    ],
)
def test_a_count_column_that_holds_no_counts_is_refused(column: tuple[str, list[Any]]) -> None:
    assert rule(table({"n": column}), counts="n") == "counts"


def test_a_declared_count_column_that_is_missing_is_refused() -> None:
    assert rule(table({"m": ("integer", [12])}), counts="n") == "counts"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[" * 100_000, "json"),
        (b'{"columns":' + b"[" * 50 + b"]" * 50 + b"}", "json"),
        (b'{"columns": [], "columns": [], "data": []}', "json"),
        (table({"n": ("number", [float("nan")])}), "json"),
        (table({"n": ("number", [float("inf")])}), "json"),
        (b'{"columns": [{"name": "n", "type": "number"}], "data": [[1e999]]}', "json"),
        (
            b'{"columns": [{"name": "n", "type": "integer"}], "data": [[' + b"9" * 10**6 + b"]]}",
            "json",
        ),
        (
            b'{"columns": [{"name": "n", "type": "number"}], "data": [[0.' + b"1" * 10**6 + b"]]}",
            "json",
        ),
        (b"[" + b"{}," * 100_000 + b"{}]", "json"),
        (b"{" + b",".join(b'"k%d":0' % i for i in range(100_000)) + b"}", "json"),
        (b"[" + b"0," * 2_000_001 + b"0]", "json"),
        (b'"' + b'\\"' * 1_000_000, "json"),
        (b"\xff\xfe", "json"),
        (b"", "json"),
        (b"[]", "table-form"),
        (b'{"columns": [], "data": []}', "columns"),
        (b'{"columns": [{"name": "n", "type": "integer"}], "data": []}', "table-form"),
        (b'{"columns": [{"name": "n", "type": "integer"}], "data": [[]], "x": 1}', "table-form"),
        (
            b'{"columns": [{"name": "n", "type": "integer", "x": 1}], "data": [[]]}',
            "table-form",
        ),
        (b'{"columns": [{"name": "n", "type": "object"}], "data": [[]]}', "columns"),
        (b'{"columns": [{"name": "n", "type": ["integer"]}], "data": [[]]}', "columns"),
        (b'{"columns": [{"name": " ", "type": "integer"}], "data": [[]]}', "columns"),
        (table({"a": ("integer", [1]), "b": ("integer", [1, 2])}), "table-form"),
        (table({"n": ("integer", [True])}), "cell-type"),
        (table({"n": ("integer", [1.0])}), "cell-type"),
        (table({"n": ("integer", [2**63])}), "cell-type"),
        (table({"n": ("integer", ["1"])}), "cell-type"),
        (table({"n": ("integer", [[1]])}), "cell-type"),
        (table({"n": ("number", ["1"])}), "cell-type"),
        (table({"n": ("boolean", [1])}), "cell-type"),
        (table({"n": ("string", [1])}), "cell-type"),
        (table({"n": ("date", ["2026-02-30"])}), "cell-type"),
        (table({"n": ("date", ["31.01.2026"])}), "cell-type"),
        (table({"n": ("string", ["x" * 65])}), "free-text"),
        (table({"n": ("string", ["=HYPERLINK(1)"])}), "free-text"),
        (table({"n": ("string", ["@SUM(A1)"])}), "free-text"),
        (table({"n": ("string", ["+cmd|x"])}), "free-text"),
        (table({"n": ("string", ["-2+3+cmd"])}), "free-text"),
        (table({"n": ("string", ["\t=1"])}), "free-text"),
        (table({"n": ("string", ["abc\u202edef"])}), "free-text"),
        (table({"n": ("string", ["a\x1b[2Jb"])}), "free-text"),
        (table({"n": ("string", ["zero\u200bwidth"])}), "free-text"),
        (table({"n": ("string", [f"patient {i}" for i in range(101)])}), "free-text"),
        (table({"\u202en": ("integer", [1])}), "columns"),
        (table({"n\n": ("integer", [1])}), "columns"),
        (table({"=n": ("integer", [1])}), "columns"),
        (table({"n" * 65: ("integer", [1])}), "columns"),
        (table({f"n{i}": ("integer", [1]) for i in range(101)}), "columns"),
        (table({"n": ("integer", [1] * 10_001)}), "rows"),
    ],
)
def test_a_hostile_table_is_refused_by_a_rule(content: bytes, expected: str) -> None:
    assert rule(content) == expected


def test_doubled_column_names_are_refused() -> None:
    content = (
        b'{"columns": [{"name": "n", "type": "integer"}, {"name": "n", "type": "integer"}],'
        b' "data": [[1], [2]]}'
    )
    assert rule(content) == "columns"


def test_a_table_larger_than_the_limit_is_not_even_parsed() -> None:
    with raises_code(AirlockError, "json"):
        strict_json.parse(b"[1,2,3,4,5,6]", limit=10)


def test_a_refusal_names_the_rule_and_no_value_or_column() -> None:
    one = passed(table({"Jane": ("string", ["Jane Doe, born 1950" * 9])}))
    assert one.verdict.sentence == (
        "The table may not leave: a column has text longer than 64 characters."
    )


@pytest.mark.parametrize(
    "label", ["-1", "+", "-", "-1.5", "20-30", "-10-0", "(20.0, 30.0]", "<40", "m\u00fcnster", ""]
)
def test_ordinary_labels_may_leave(label: str) -> None:
    assert text_error(label, 64) is None


def test_brackets_inside_of_text_are_no_depth() -> None:
    assert strict_json.parse(json.dumps({"a": "[" * 50 + '\\"' + "{"}).encode(), limit=1000)


@pytest.mark.parametrize(
    ("digits", "integers", "numbers"),
    [
        (3, [123, 123000, -123000, 9220000000000000000], [123000.0, 0.00123]),
        (11, [123, 123456, -123456, 9223372036800000000], [123456.789, 0.00123456]),
        (17, [123, 123456, -123456, 9223372036854775800], [123456.789, 0.00123456]),
    ],
)
def test_numbers_have_so_many_significant_digits(
    digits: int, integers: list[int], numbers: list[float]
) -> None:
    rules = AirlockRules(significant_digits=digits)
    content = {
        "i": ("integer", [123, 123456, -123456, 2**63 - 1]),
        "x": ("number", [123456.789, 0.00123456, None, None]),
        "yes": ("boolean", [True, False, None, None]),
    }
    one = passed(table(content), rules=rules)
    yes = [True, False, None, None]
    assert rows(one) == {"i": integers, "x": [*numbers, None, None], "yes": yes}


def test_the_low_digits_of_a_number_stay() -> None:
    one = passed(table({"x": ("number", [1 / 3])}))
    assert rows(one) == {"x": [0.333333333333]}


def test_the_same_table_gives_the_same_bytes() -> None:
    content = table({"n": ("integer", [1, 2])})
    assert passed(content).files == passed(content).files


def test_another_kind_than_declared_is_refused() -> None:
    files = {"t.json": b'{"name": "t", "kind": "file"}'}
    one = pass_outputs((Output(name="t"),), LeftInMemory(files.__getitem__), RULES)[0]
    assert (one.verdict.verdict, one.verdict.rule) == ("refused", "kind")


def test_what_cannot_be_read_is_refused_by_the_readers_rule() -> None:
    def find(name: str) -> bytes:
        raise AirlockError("The output t.json is not a plain file.", code="output-not-a-file")

    one = pass_outputs((Output(name="t"),), LeftInMemory(find), RULES)[0]
    assert one.verdict.rule == "output-not-a-file"


def test_all_outputs_together_are_bounded() -> None:
    content = table({"n": ("integer", list(range(1000)))})

    def find(name: str) -> bytes:
        return content if ".table" in name else b'{"kind": "table"}'

    left = LeftInMemory(find)
    size = len(next(iter(pass_outputs((Output(name="a"),), left, RULES)[0].files.values())))
    rules = AirlockRules(max_total=size * 2, tables=UNCOUNTED)
    verdicts = [
        (p.verdict.verdict, p.verdict.rule)
        for p in pass_outputs(tuple(Output(name=n) for n in "abc"), left, rules)
    ]
    assert verdicts == [("released", ""), ("released", ""), ("refused", "total-size")]


@given(st.binary(max_size=300))
def test_no_bytes_make_the_airlock_raise_anything_but_its_own_error(content: bytes) -> None:
    assert passed(content).verdict.verdict in ("refused", "released", "held")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_no_json_makes_the_airlock_raise_anything_but_its_own_error(value: Any) -> None:
    document = json.dumps({"columns": [{"name": "n", "type": "number"}], "data": value})
    assert passed(document.encode()).verdict.verdict in ("refused", "released", "held")
