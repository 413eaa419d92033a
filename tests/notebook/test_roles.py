"""Cells and their roles; files that are no notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import NotebookError
from phtlab.notebook import read_analysis, train_name


def test_a_tag_gives_a_cell_its_role_and_no_tag_keeps_it_local(nb: Any) -> None:
    analysis = read_analysis(
        nb(
            ("parameters", "x: int = 1"),
            ("station", "a = x"),
            ("round", "b = a"),
            ("combine", "c = 1"),
            ("aggregate", "c = 1"),
            (None, "d = 1"),
            ("local", "e = 1"),
        )
    )
    roles = [cell.role for cell in analysis.cells]
    assert roles == ["parameters", "station", "round", "combine", "aggregate", "local", "local"]
    assert [cell.number for cell in analysis.travelling_cells] == [1, 2, 3, 4]
    assert [cell.number for cell in analysis.travelling_cells if cell.runs_at_stations] == [1, 2, 3]
    assert [cell.number for cell in analysis.aggregate_cells] == [5]


@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        ("stations", "station"),
        ("Station", "station"),
        ("parameter", "parameters"),
        ("params", "parameters"),
        ("rounds", "round"),
        ("combined", "combine"),
        ("aggregated", "aggregate"),
        ("phtlab-station", "station"),
    ],
)
def test_a_misspelt_role_is_an_error_that_suggests_the_right_one(
    nb: Any, tag: str, meant: str
) -> None:
    analysis = read_analysis(nb((tag, "x = 1"), ("station", "y = 1")))
    (finding,) = analysis.errors
    assert (finding.code, finding.cell) == ("unknown-role", 1)
    assert finding.message == (
        f"cell 1 has the tag '{tag}', which is no role. Did you mean '{meant}'? "
        "The roles are parameters, station, round, combine, aggregate; a cell without one stays "
        "local."
    )


@pytest.mark.parametrize(
    "tag",
    [
        "remove-input",
        "hide-cell",
        "injected-parameters",
        "slideshow",
        "important",
        "raises-exception",
    ],
)
def test_other_tags_of_jupyter_are_left_alone(nb: Any, tag: str) -> None:
    analysis = read_analysis(nb((tag, "x = 1"), ("station", "y = 1")))
    assert analysis.errors == ()
    assert analysis.cells[0].role == "local"


def test_two_roles_on_a_cell_are_an_error(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station round", "x = 1"))).errors
    assert finding.code == "two-roles"
    assert "cell 1 has the roles 'station' and 'round'" in finding.message


def test_a_second_parameters_cell_is_an_error_at_that_cell(nb: Any) -> None:
    (finding,) = read_analysis(
        nb(("parameters", "x: int = 1"), ("parameters", "y: int = 1"), ("station", "x"))
    ).errors
    assert (finding.code, finding.cell) == ("parameters-twice", 2)
    assert "cell 1 is the first" in finding.message


def test_tags_that_a_station_does_not_follow_are_warned_of(nb: Any) -> None:
    analysis = read_analysis(nb(("station skip-execution", "x = 1")))
    assert "tag-ignored" in {finding.code for finding in analysis.warnings}


def test_a_markdown_cell_counts_but_has_no_role() -> None:
    notebook = {
        "nbformat": 4,
        "metadata": {},
        "cells": [
            {"cell_type": "markdown", "metadata": {"tags": ["station"]}, "source": "# Title"},
            {"cell_type": "code", "metadata": {"tags": ["station"]}, "source": ["x = ", "y"]},
        ],
    }
    analysis = read_analysis(json.dumps(notebook).encode())
    assert [f.code for f in analysis.warnings] == ["no-output", "role-not-code"]
    (finding,) = analysis.errors
    assert finding.message.startswith("cell 2 uses 'y', which no cell defines.")


def test_a_notebook_of_which_nothing_travels_is_an_error(nb: Any) -> None:
    (finding,) = read_analysis(nb((None, "x = 1"))).errors
    assert finding.code == "no-station-cell"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Analysis is not a notebook: it is not JSON"),
        (b"import phtlab", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it has no list of cells"),
        (b'{"nbformat": 3, "worksheets": []}', "its format is version 3. Open it in JupyterLab"),
        (b'{"nbformat": 5, "cells": []}', "of format 5; phtlab reads format 4"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "cell 1 has no source"),
        (b'{"nbformat": 4, "cells": [7]}', "cell 1 has no source"),
    ],
)
def test_what_is_no_notebook_is_refused_in_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(NotebookError) as refused:
        read_analysis(content, name="Analysis")
    assert message in str(refused.value)
    assert refused.value.code == "notebook-format"


def test_a_missing_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(NotebookError) as refused:
        read_analysis(tmp_path / "gone.ipynb")
    assert str(tmp_path / "gone.ipynb") in str(refused.value)
    assert refused.value.code == "notebook-missing"


def test_the_name_is_the_files(nb: Any, tmp_path: Path) -> None:
    path = tmp_path / "Heart disease (2).ipynb"
    path.write_bytes(nb(("station", "x = 1")))
    assert read_analysis(path).name == "heart_disease_2"


@pytest.mark.parametrize(
    ("text", "name"),
    [("2nd try", "train_2nd_try"), ("Ärzte", "rzte"), ("!", "train"), ("a" * 99, "a" * 63)],
)
def test_any_text_makes_a_trains_name(text: str, name: str) -> None:
    assert train_name(text) == name


def test_require_sound_says_everything_at_once(nb: Any) -> None:
    content = nb(("station", "x = y"), ("station", "input()"))
    with pytest.raises(NotebookError) as refused:
        read_analysis(content, name="many").require_sound()
    assert refused.value.code == "notebook-findings"
    assert str(refused.value).startswith("many cannot become a train; 2 things to mend:\n  - ")
