"""Results of a journey as the server extension tells them: hospitals, each with its own end."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from tests.ui.extension_simulator import a_journey, a_stop

SMALL = "2 rows with a count below 10 stayed at the station."


def a_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], **more: Any) -> dict[str, Any]:
    return {
        "columns": list(columns),
        "rows": [list(row) for row in rows],
        "total": len(rows),
        **more,
    }


def an_output(name: str, kind: str = "table", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, **more}


def a_verdict(name: str, kind: str = "table", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "verdict": "released",
        "rule": "",
        "sentence": "",
        "suppressed_rows": 0,
        **more,
    }


def results_of(
    station: str, *outputs: dict[str, Any], **verdicts: dict[str, Any]
) -> dict[str, Any]:
    """What `station` sent; `verdicts` overrides those of outputs by name, or adds."""
    told = {one["name"]: a_verdict(one["name"], one["kind"]) for one in outputs} | verdicts
    verdicts_told = list(told.values())
    sent: dict[str, Any] = {"outputs": list(outputs), "verdicts": verdicts_told, "forecasts": []}
    sent["rounds"] = None
    return {"station": station, "handed_on": [], **sent}


def _height(seed: int, n: int) -> int:
    return seed * ((7 * seed + 5 * n) % 17 + 10)


@cache
def picture(seed: int) -> str:
    """A bar chart as PNG, in base64."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.bar(range(6), [_height(seed, n) for n in range(6)], color="#4477aa")
    axes.set_xlabel("age group")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return base64.b64encode(drawn.getvalue()).decode()


def counts(seed: int) -> dict[str, Any]:
    rows = [
        (sex, group, 11 + (seed * 13 + n * 7) % 40)
        for n, (sex, group) in enumerate(
            (sex, group) for sex in ("Female", "Male") for group in ("none", "severe")
        )
    ]
    return an_output("counts", table=a_table(("sex", "disease", "n"), rows))


def histogram(seed: int) -> dict[str, Any]:
    """With the numbers that it is drawn from, as `phtlab.publish` reads them off the figure."""
    marks = [(1, "bar", "", n, _height(seed, n), n - 0.4, n + 0.4) for n in range(6)]
    numbers = a_table(("axes", "artist", "series", "x", "y", "low", "high"), marks)
    return an_output("age_hist", "figure", png=picture(seed), table=numbers)


def mean(value: float) -> dict[str, Any]:
    return an_output("mean_age", "scalar", scalar=value)


def a_model() -> dict[str, Any]:
    return an_output("weights", "model", shapes={"coefficients": [12, 3], "intercept": []})


def a_file() -> dict[str, Any]:
    return an_output("report", "file", bytes=15_300)


def some_results(**more: Any) -> dict[str, Any]:
    """Two sent all, one had something withheld, one failed, one was cancelled unsigned."""
    partly = {
        "counts": a_verdict(
            "counts", verdict="suppressed", rule="small-count", sentence=SMALL, suppressed_rows=2
        ),
        "weights": a_verdict(
            "weights",
            "model",
            verdict="refused",
            rule="kind",
            sentence="This station releases no output of kind 'model'.",
        ),
    }
    stations = [
        results_of("cleveland", counts(1), histogram(1), mean(54.43894389), a_model(), a_file()),
        results_of("hungary", counts(2), histogram(2), mean(47.83333333), a_model(), a_file()),
        results_of("switzerland", counts(3), histogram(3), mean(55.0), **partly),
    ]
    failure = {
        "station": "va-long-beach",
        "outcome": "failed",
        "code": "cell-failed",
        "sentence": "Cell 4 failed. What it printed stayed at the station.",
        "error": {"type": "KeyError", "cell": 4, "line": 2, "message": None},
        "forecasts": [],
    }
    unsigned = {"station": "late", "words": "cancelled before its turn"}
    journey = a_journey(
        a_stop("cleveland", 0),
        a_stop("hungary", 1),
        a_stop("switzerland", 2),
        a_stop("va-long-beach", 3, "failed"),
        a_stop("late", 4, "cancelled"),
    )
    return {
        "journey": journey,
        "stations": stations,
        "failures": [failure],
        "unsigned": [unsigned],
        "waiting": [],
        "rounds": None,
        "missing": [
            {"output": "counts", "station": "switzerland", "words": "withheld 2 rows below 10"},
            {"output": "weights", "station": "switzerland", "words": "let nothing of it leave"},
        ],
        **more,
    }
