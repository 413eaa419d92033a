"""Figures bring the numbers that they are drawn from, or are refused."""

from __future__ import annotations

import json

import matplotlib as mpl

mpl.use("agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from phtlab.runtime import PublishError
from phtlab.runtime.figure import figure_of, figure_table, picture


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def rows(axes):
    content = json.loads(figure_table("f", figure_of("f", axes)))
    names = [column["name"] for column in content["columns"]]
    return [dict(zip(names, row, strict=True)) for row in zip(*content["data"], strict=True)]


def refusal(value):
    with pytest.raises(PublishError) as caught:
        figure_table("f", figure_of("f", value))
    return str(caught.value)


def test_line_is_its_points(axes):
    axes.plot([1, 2], [3, np.nan], label="mean")

    assert rows(axes) == [
        {"axes": 1, "artist": "line", "series": "mean", "x": 1, "y": 3},
        {"axes": 1, "artist": "line", "series": "mean", "x": 2, "y": None},
    ]


def test_histogram_is_its_bars(axes):
    axes.hist([1, 1, 2, 4], bins=[0, 2, 4], label="age")

    assert rows(axes) == [
        {"axes": 1, "artist": "bar", "series": "age", "x": 1, "y": 2, "low": 0, "high": 2},
        {"axes": 1, "artist": "bar", "series": "age", "x": 3, "y": 2, "low": 2, "high": 4},
    ]


def test_counts_of_a_figure_are_checked(axes):
    axes.hist([1, 1, 2, 4], bins=[0, 2, 4])
    figure_table("f", axes.figure, "y")
    with pytest.raises(PublishError, match="figure 'f': counts='n' names no column of it"):
        figure_table("f", axes.figure, "n")
    axes.plot([1], [0.5])
    with pytest.raises(PublishError, match="the counts column 'y' must hold whole numbers"):
        figure_table("f", axes.figure, "y")


def test_bars_of_categories_carry_their_words(axes):
    axes.bar(["f", "m"], [3, 4])

    assert [(row["x_text"], row["y"]) for row in rows(axes)] == [("f", 3), ("m", 4)]


def test_bars_with_set_ticks_carry_their_labels(axes):
    axes.bar([0, 1], [3, 4])
    axes.set_xticks([0, 1], ["no disease", "disease"])

    assert [row["x_text"] for row in rows(axes)] == ["no disease", "disease"]


def test_horizontal_bars_lie_on_their_side(axes):
    axes.barh([0, 1], [3, 4])

    assert [(row["x"], row["y"], row["low"], row["high"]) for row in rows(axes)] == [
        (3, 0, -0.4, 0.4),
        (4, 1, 0.6, 1.4),
    ]


def test_scatter_is_its_points(axes):
    axes.scatter([1, 2], [3, 4], label="patients")

    assert [(row["artist"], row["x"], row["y"]) for row in rows(axes)] == [
        ("scatter", 1, 3),
        ("scatter", 2, 4),
    ]


def test_error_bars_are_points_and_spans_counted_once(axes):
    axes.errorbar([1, 2], [10, 20], yerr=[1, 2], label="mean", capsize=3)

    found = [(r["artist"], r["x"], r["y"], r["low"], r["high"]) for r in rows(axes)]
    assert found == [
        ("errorbar", 1, 10, None, None),
        ("errorbar", 2, 20, None, None),
        ("errorbar", 1, None, 9, 11),
        ("errorbar", 2, None, 18, 22),
    ]


def test_bars_with_error_bars(axes):
    axes.bar([1], [10], yerr=[2])

    assert sorted((row["artist"], row["low"], row["high"]) for row in rows(axes)) == [
        ("bar", 0.6, 1.4),
        ("errorbar", 8, 12),
    ]


def test_areas_spans_and_texts_are_data_too(axes):
    axes.fill_between([0, 1], [0, 0], [1, 2], label="band")
    axes.axvspan(0.2, 0.4)
    axes.text(0.5, 0.5, "n = 12")

    found = rows(axes)
    assert {row["artist"] for row in found} == {"area", "rectangle", "text"}
    assert [row["series"] for row in found if row["artist"] == "text"] == ["n = 12"]


def test_outliers_of_a_box_plot_are_seen(axes):
    axes.boxplot([1, 2, 2, 3, 99])

    assert 99 in [row["y"] for row in rows(axes)]


def test_pandas_plots_are_figures(axes):
    pd.DataFrame({"n": [3, 4]}, index=["f", "m"]).plot.bar(ax=axes)

    assert [(row["series"], row["x_text"], row["y"]) for row in rows(axes)] == [
        ("n", "f", 3),
        ("n", "m", 4),
    ]


def test_several_axes_are_numbered():
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([1], [1])
    right.plot([2], [2])

    assert [row["axes"] for row in rows(figure)] == [1, 2]
    plt.close(figure)


def test_picture_is_the_same_for_the_same_figure_and_has_no_metadata(axes):
    axes.plot([1, 2])
    first, second = picture(axes.figure), picture(axes.figure)

    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"tEXt" not in first
    assert b"Matplotlib" not in first


@pytest.mark.parametrize(
    ("draw", "what"),
    [
        (lambda axes: axes.imshow([[1, 2], [3, 4]]), "an image"),
        (lambda axes: axes.pcolormesh([[1, 2], [3, 4]]), "a QuadMesh"),
        (lambda axes: axes.contourf([[1, 2], [3, 4]]), "a QuadContourSet"),
        (lambda axes: axes.hexbin([1, 2], [3, 4]), "a PolyCollection"),
        (lambda axes: axes.pie([1, 2]), "a pie"),
        (lambda axes: axes.table([["a"]]), "a table"),
        (lambda axes: axes.figure.figimage(np.zeros((2, 2))), "an image"),
    ],
)
def test_what_has_no_numbers_to_read_back_is_refused(axes, draw, what):
    draw(axes)

    assert refusal(axes).startswith(f"figure 'f' holds {what}, whose numbers cannot be read back")


def test_three_dimensions_are_refused():
    figure = plt.figure()
    figure.add_subplot(projection="3d")

    assert "a plot in three dimensions" in refusal(figure)
    plt.close(figure)


def test_empty_figure_is_refused(axes):
    assert refusal(axes) == "figure 'f' draws nothing. Plot into it, then publish it."


def test_too_many_points_are_refused(axes):
    axes.plot(range(10_001))

    assert "draws more than 10,000 points. Aggregate first" in refusal(axes)


def test_giant_figure_is_refused():
    figure = plt.figure(figsize=(16, 12))

    assert refusal(figure) == (
        "figure 'f' of 16 by 12 inches has more than 4,000,000 pixels at 150 dpi. Set a smaller "
        "figsize."
    )
    plt.close(figure)


def test_what_is_not_matplotlib_is_refused():
    class Figure:
        __module__ = "plotly.graph_objs"

    assert refusal(Figure()) == (
        "figure 'f': a figure is one of matplotlib, and this is a plotly Figure. Draw it with "
        "matplotlib, or publish its numbers as a table."
    )
