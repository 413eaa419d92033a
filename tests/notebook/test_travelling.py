"""The notebook that travels, and the cell of parameters written into it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import NotebookError, ParameterError
from phtlab.notebook import parameterize, read_analysis
from tests.limits import LIMIT
from tests.raising import raises_code

CELLS = (
    ("parameters", "min_age: int = 40\nname: str = 'a'"),
    (None, "secret = 1"),
    ("station", "x = min_age\n"),
    ("aggregate", "y = 1"),
    ("round", "z = x"),
)


def cells(content: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(content)["cells"]
    return found


def test_only_the_cells_that_travel_travel(nb: Any) -> None:
    travelling = read_analysis(nb(*CELLS)).travelling()
    assert b"secret" not in travelling
    assert [cell["metadata"]["phtlab"] for cell in cells(travelling)] == [
        {"cell": 1, "role": "parameters"},
        {"cell": 3, "role": "station"},
        {"cell": 5, "role": "round"},
    ]
    nbformat.validate(nbformat.reads(travelling.decode(), as_version=4))


def test_the_bytes_do_not_depend_on_outputs_ids_kernels_or_line_ends(nb: Any) -> None:
    plain = json.loads(nb(*CELLS))
    travelling = read_analysis(json.dumps(plain).encode()).travelling()
    plain["metadata"] = {
        "kernelspec": {"name": "my-env", "display_name": "Mine", "language": "python"},
        "language_info": {"name": "python", "version": "3.14.0"},
        "widgets": {},
    }
    for number, cell in enumerate(plain["cells"]):
        cell["id"] = f"other-{number}"
        cell["execution_count"] = 99
        cell["metadata"]["collapsed"] = True
        cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "a row of data"}]
        cell["source"] = cell["source"].replace("\n", "\r\n").splitlines(keepends=True)
    assert read_analysis(json.dumps(plain, indent=4).encode()).travelling() == travelling


def test_the_bytes_are_the_same_in_another_process(nb: Any) -> None:
    content = nb(*CELLS)
    code = (
        "import sys; from phtlab.notebook import read_analysis; "
        "sys.stdout.buffer.write(read_analysis(sys.stdin.buffer.read()).travelling())"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], input=content, capture_output=True, check=True, timeout=LIMIT
    ).stdout
    assert made == read_analysis(content).travelling()


def test_a_changed_station_cell_changes_the_bytes_and_a_local_one_does_not(nb: Any) -> None:
    travelling = read_analysis(nb(*CELLS)).travelling()
    local = [c if c[0] else (None, "secret = 2") for c in CELLS]
    assert read_analysis(nb(*local)).travelling() == travelling
    station = [(r, s.replace("x = min_age", "x = 1")) for r, s in CELLS]
    assert read_analysis(nb(*station)).travelling() != travelling


def test_values_are_assigned_after_the_parameters_cell(nb: Any) -> None:
    travelling = read_analysis(nb(*CELLS)).travelling()
    made = parameterize(travelling, {"min_age": 50, "name": "b"})
    assert [cell["metadata"]["tags"] for cell in cells(made)] == [
        ["parameters"],
        ["injected-parameters"],
        ["station"],
        ["round"],
    ]
    assert cells(made)[1]["metadata"]["phtlab"] == {"cell": 1, "role": "parameters"}
    assert "".join(cells(made)[1]["source"]) == (
        '# The order\'s parameters\nmin_age = 50\nname = "b"\n'
    )
    nbformat.validate(nbformat.reads(made.decode(), as_version=4))
    assert made == parameterize(travelling, {"min_age": 50, "name": "b"})


def test_no_values_leave_the_notebook_as_it_is(nb: Any) -> None:
    travelling = read_analysis(nb(*CELLS)).travelling()
    assert parameterize(travelling, {}) == travelling


def test_without_a_parameters_cell_the_values_come_first(nb: Any) -> None:
    made = parameterize(read_analysis(nb(("station", "x"))).travelling(), {"x": 1})
    assert cells(made)[0]["metadata"]["tags"] == ["injected-parameters"]


@given(
    value=st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=3),
    )
)
def test_python_reads_back_exactly_the_value(value: Any) -> None:
    content = json.dumps(
        {
            "nbformat": 4,
            "metadata": {},
            "cells": [{"cell_type": "code", "metadata": {"tags": ["station"]}, "source": "y = x"}],
        }
    ).encode()
    made = parameterize(read_analysis(content).travelling(), {"x": value})
    namespace: dict[str, Any] = {}
    for cell in cells(made):
        exec("".join(cell["source"]), namespace)
    assert namespace["y"] == value
    assert type(namespace["y"]) is type(value)


def injected(nb: Any, language: str, kernel: str, values: dict[str, Any]) -> str:
    content = nb(("station", "x"), language=language, kernel=kernel)
    return "".join(cells(parameterize(read_analysis(content).travelling(), values))[0]["source"])


AWKWARD = 'Zoë said "100 $(run(`ls`)) \\n %"\n😀'


def test_the_cell_for_r(nb: Any) -> None:
    values = {"a": 40, "b": 0.5, "c": True, "d": AWKWARD, "e": ["x", "y"]}
    assert injected(nb, "R", "ir", values) == (
        "# The order's parameters\n"
        "a = 40\n"
        "b = 0.5\n"
        "c = TRUE\n"
        'd = "Zoë said \\"100 $(run(`ls`)) \\\\n %\\"\\n😀"\n'
        'e = list("x", "y")\n'
    )


def test_the_cell_for_julia_interpolates_nothing(nb: Any) -> None:
    values = {"a": 40, "b": 0.5, "c": False, "d": AWKWARD, "e": [1, 2]}
    assert injected(nb, "julia", "julia-1.11", values) == (
        "# The order's parameters\n"
        "a = 40\n"
        "b = 0.5\n"
        "c = false\n"
        'd = "Zoë said \\"100 \\$(run(`ls`)) \\\\n %\\"\\n😀"\n'
        "e = [1, 2]\n"
    )


def test_the_cell_for_bash_expands_nothing(nb: Any) -> None:
    text = injected(nb, "bash", "bash", {"a": "$(echo injected) `id` 'x'"})
    shown = subprocess.run(
        ["bash", "-c", text + 'printf %s "$a"'],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
    ).stdout
    assert shown == "$(echo injected) `id` 'x'"


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"x=1;import os": 1}, "parameter-name", "is not a parameter's name"),
        (
            {"x": date(2024, 1, 1)},
            "parameter-type",
            "is a date, which a notebook's parameters cell",
        ),
        ({"x": float("nan")}, "parameter-type", "takes a finite number, not nan"),
        ({"x": [float("inf")]}, "parameter-type", "takes a finite number, not inf"),
        ({"x": {"a": 1}}, "parameter-type", "is a dict"),
        ({"x": None}, "parameter-type", "is a NoneType"),
    ],
)
def test_what_papermill_would_write_wrongly_is_refused(
    nb: Any, values: dict[str, Any], code: str, message: str
) -> None:
    travelling = read_analysis(nb(("station", "x"))).travelling()
    with pytest.raises(ParameterError) as refused:
        parameterize(travelling, values)
    assert refused.value.code == code
    assert message in str(refused.value)


def test_text_in_a_language_with_unknown_escapes_is_plain_or_refused(nb: Any) -> None:
    assert 'x = "plain text"' in injected(nb, "scala", "scala", {"x": "plain text"})
    with raises_code(ParameterError, "parameter-characters"):
        injected(nb, "scala", "scala", {"x": "${x}"})


def test_a_language_that_papermill_does_not_know(nb: Any) -> None:
    with raises_code(ParameterError, "parameter-language"):
        injected(nb, "cobol", "cobol", {"x": 1})


@pytest.mark.parametrize("content", [b"", b"[]", b'{"cells": []}', b'{"metadata": 5}'])
def test_what_is_no_travelling_notebook_is_refused(content: bytes) -> None:
    with pytest.raises(NotebookError) as refused:
        parameterize(content, {"x": 1})
    assert refused.value.code == "notebook-format"


@given(source=st.text(max_size=60) | st.from_regex(r"([%!?(){}\[\]:=,'\"fx \n\\#]|def |lambda )*"))
def test_no_cell_breaks_the_reading(source: str) -> None:
    for language in ("python", "r"):
        content = json.dumps(
            {
                "nbformat": 4,
                "metadata": {"kernelspec": {"name": "k", "language": language}},
                "cells": [
                    {"cell_type": "code", "metadata": {"tags": [role]}, "source": source}
                    for role in ("parameters", "station", "aggregate")
                ],
            }
        ).encode()
        json.loads(read_analysis(content).travelling())
