"""Notebooks about a journey's results: new ones run as they are, one's own are filled."""

from __future__ import annotations

import ast
from typing import Any

import nbformat
import pytest

from phtlab.lab.aggregation.notebook import Sent, filled, new_notebook, sources, with_journey

JOURNEY = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
SENT = (
    Sent("counts", "table", "n", ("sex", "disease")),
    Sent("plain", "table"),
    Sent("age_hist", "figure"),
    Sent("total", "scalar"),
    Sent("model", "model"),
    Sent("report", "file"),
)


def cell(source: Any, *tags: str, kind: str = "code") -> dict[str, Any]:
    made = {"cell_type": kind, "id": "a", "metadata": {"tags": list(tags)}, "source": source}
    return made | ({"outputs": [{"old": 1}], "execution_count": 3} if kind == "code" else {})


def notebook(*cells: dict[str, Any], language: str = "python") -> dict[str, Any]:
    spec = {"name": "x", "display_name": "X", "language": language}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": spec},
        "cells": list(cells),
    }


def test_a_new_notebook_is_valid_names_the_journey_and_is_python():
    made = new_notebook(JOURNEY, "heart_disease", ["cleveland", "hungary"], SENT)
    nbformat.validate(nbformat.from_dict(made))
    assert made["cells"][0]["source"].startswith("# Heart disease: what came back\n")
    codes = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert all(cell["metadata"]["tags"] == ["aggregate"] for cell in codes)
    assert f'phtlab.results("{JOURNEY}")' in codes[0]["source"]
    for code in codes:
        ast.parse(code["source"])
    text = "\n".join(code["source"] for code in codes)
    for output in SENT:
        assert f'"{output.name}"' in text


def test_only_what_is_used_is_imported():
    assert next(sources(JOURNEY, ())).startswith("import phtlab\n")
    first = next(sources(JOURNEY, SENT))
    for module in ("io", "matplotlib.pyplot as plt", "pandas as pd"):
        assert f"import {module}\n" in first


@pytest.mark.parametrize("name", ["import", "results", "plt", "list", "phtlab"])
def test_an_output_s_name_hides_nothing(name: str):
    _, shown = sources(JOURNEY, (Sent(name, "scalar"),))
    assert shown.startswith(f"{name}_ = ")


@pytest.mark.parametrize(
    "column",
    ['"]; import os; os.system("x"); x = ["', "a\nb", "\u202eevil", "{name}", "'", "\\", '"""'],
)
def test_a_hostile_column_is_a_literal(column: str):
    """A station names the columns of its tables; in the cell each is text, whatever it says."""
    *_, plot = sources(JOURNEY, (Sent("counts", "table", column, (column,)),))
    tree = ast.parse(plot)
    assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert texts.count(column) >= 3
    assert plot.replace("\n", "").isprintable()


def test_aggregate_cells_ask_for_this_journey():
    own = notebook(
        cell("phtlab.results()"),
        cell(["import phtlab\n", "counts = phtlab.results().table('counts')"], "aggregate"),
        cell("counts.plot()", "aggregate"),
    )
    made = filled(own, JOURNEY, SENT)
    assert made is not None
    local, first, second = made["cells"]
    assert local == own["cells"][0]
    assert first["source"] == (
        f"import phtlab\ncounts = phtlab.results(\"{JOURNEY}\").table('counts')"
    )
    assert second["source"] == "counts.plot()"
    # What they showed was another journey's.
    assert (first["outputs"], second["outputs"], first["execution_count"]) == ([], [], None)
    assert own["cells"][1]["outputs"] == [{"old": 1}]


def test_an_empty_aggregate_cell_is_filled_with_all_there_is():
    own = notebook(cell("x = 1"), cell(" \n", "aggregate"), cell("# mine", "aggregate"))
    made = filled(own, JOURNEY, SENT[:2])
    assert made is not None
    texts = [cell["source"] for cell in made["cells"]]
    assert texts == ["x = 1", *sources(JOURNEY, SENT[:2]), "# mine"]
    nbformat.validate(nbformat.from_dict(made | {"cells": made["cells"][1:2]}))


def test_a_notebook_without_aggregate_cells_gets_them_at_its_end():
    made = filled(notebook(cell("x = 1", "station")), JOURNEY, SENT)
    assert made is not None
    assert [cell["source"] for cell in made["cells"][1:]] == list(sources(JOURNEY, SENT))


def test_filling_again_changes_the_journey_only():
    own = notebook(cell("r = phtlab.results()", "aggregate"))
    once = filled(own, OTHER, SENT)
    assert once is not None
    twice = filled(once, JOURNEY, SENT)
    assert twice is not None
    assert [cell["source"] for cell in twice["cells"]] == [f'r = phtlab.results("{JOURNEY}")']


def test_a_notebook_of_another_language_is_left_alone():
    assert filled(notebook(cell("", "aggregate"), language="R"), JOURNEY, SENT) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("phtlab.results()", 'phtlab.results("J")'),
        ("phtlab.results ( )", 'phtlab.results("J")'),
        ('phtlab.results("sha256:1")', 'phtlab.results("J")'),
        ('phtlab.results(\n  "x"\n)["ulm"]', 'phtlab.results("J")["ulm"]'),
        ('"é", phtlab.results()', '"é", phtlab.results("J")'),
        ("%matplotlib inline\nphtlab.results()", '%matplotlib inline\nphtlab.results("J")'),
        ("f(phtlab.results(), phtlab.results())", 'f(phtlab.results("J"), phtlab.results("J"))'),
        ("phtlab.results(journey)", None),
        ("phtlab.results(journey=1)", None),
        ("phtlab.results(partial=True)", 'phtlab.results("J")'),
        ('phtlab.results("x", partial=True)', 'phtlab.results("J")'),
        ("phtlab.results(partial=so_far)", None),
        ("other.results()", None),
        ("'phtlab.results()'", None),
        ("phtlab.results(", None),
        ("", None),
    ],
)
def test_where_results_are_asked_for(source: str, expected: str | None):
    assert with_journey(source, "J") == expected


def test_results_so_far_are_asked_for_as_such_until_all_are_there():
    own = notebook(cell("counts = phtlab.results().table('counts')", "aggregate"))
    so_far = filled(own, JOURNEY, SENT, partial=True)
    assert so_far is not None
    asked = f"counts = phtlab.results(\"{JOURNEY}\", partial=True).table('counts')"
    assert so_far["cells"][0]["source"] == asked
    whole = filled(so_far, JOURNEY, SENT)
    assert whole is not None
    assert "partial" not in whole["cells"][0]["source"]
    made = new_notebook(JOURNEY, "heart", ["ulm"], SENT, partial=True)
    assert "partial=True" in made["cells"][1]["source"]


def test_each_cell_that_shows_numbers_asks_the_results_for_them():
    """Which say above it what is missing: a plot of a frame of another cell would say nothing."""
    _, *shown = sources(JOURNEY, SENT)
    assert all("results." in source for source in shown)
