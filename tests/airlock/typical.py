"""Tables as analysts write them, of real patients of four hospitals: what the airlock says of each.

Nobody means ill here. So a finding on one of these is a false alarm, or a count that is below the
threshold indeed. `test_typical.py` says which may be held; `tests.docs.generate` writes all
verdicts into docs/reference/typical.md.
"""

from __future__ import annotations

import json
import os
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

from phtlab.demo.heart import SOURCE, write_patients
from phtlab.notebook import read_analysis
from phtlab.runtime import publishing
from phtlab.share import share
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.station.airlock.run_leftovers import LeftInMemory

_START = """
import numpy as np
import pandas as pd
import phtlab
heart = phtlab.dataset("heart")
ill = heart.num.gt(0).map({True: "yes", False: "no"}).rename("ill")
bands = ["under 45", "45 to 54", "55 to 64", "65 and over"]
band = pd.cut(heart.age, [0, 45, 55, 65, 200], right=False, labels=bands)
band = band.astype(str).rename("age_band")
"""
"""What each begins with."""


_PUBLISHED: Final = {
    "cleveland": (250, 349),
    "hungary": (250, 349),
    "switzerland": (50, 149),
    "va-long-beach": (150, 249),
}
"""The number of patients as its station publishes it: rounded to a hundred."""


@dataclass(frozen=True)
class Typical:
    """`source` is a station cell; it publishes `outputs` things."""

    title: str
    source: str


TABLES: Final[tuple[Typical, ...]] = (
    Typical(
        "patients by sex",
        """
        t = heart.groupby("sex").size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "patients by diagnosis",
        """
        t = heart.groupby(ill).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "sex by diagnosis",
        """
        t = heart.groupby(["sex", ill]).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "chest pain by diagnosis",
        """
        t = heart.groupby(["cp", ill]).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "age band by sex by diagnosis",
        """
        t = heart.groupby([band, "sex", ill]).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "a cross table with totals",
        """
        t = pd.crosstab(heart.cp, ill, margins=True, margins_name="total")
        t = t.stack().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "angiography's five grades",
        """
        t = heart.groupby("num").size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n", by=("num",))
        """,
    ),
    Typical(
        "mean and deviation of age by sex",
        """
        t = heart.groupby("sex").age.agg(n="count", mean="mean", sd="std").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "mean blood pressure by age band",
        """
        t = heart.groupby(band).trestbps.agg(n="count", mean="mean", sd="std").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "moments of five measures",
        """
        long = heart.melt(value_vars=["age", "trestbps", "chol", "thalch", "oldpeak"]).dropna()
        long["square"] = long.value ** 2
        t = long.groupby("variable").agg(
            n=("value", "size"), total=("value", "sum"), squares=("square", "sum")
        )
        phtlab.publish("t", t.reset_index(), counts="n")
        """,
    ),
    Typical(
        "moments of five measures by diagnosis",
        """
        long = heart.assign(ill=ill).melt(
            id_vars="ill", value_vars=["age", "trestbps", "chol", "thalch", "oldpeak"]
        ).dropna()
        t = long.groupby(["variable", "ill"]).value.agg(n="size", mean="mean", sd="std")
        phtlab.publish("t", t.reset_index(), counts="n")
        """,
    ),
    Typical(
        "missing values, column by column",
        """
        t = heart.notna().sum().rename("n").rename_axis("column").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "table one: sex, chest pain and sugar by diagnosis, one below the other",
        """
        parts = []
        for column in ["sex", "cp", "fbs"]:
            part = heart.groupby([column, ill]).size().rename("n").reset_index()
            part = part.rename(columns={column: "value"}).assign(variable=column)
            parts.append(part.assign(value=part.value.astype(str)))
        phtlab.publish("t", pd.concat(parts)[["variable", "value", "ill", "n"]], counts="n")
        """,
    ),
    Typical(
        "a histogram of age in steps of ten years",
        """
        decade = (heart.age // 10 * 10).rename("from")
        t = heart.groupby(decade).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n", by=("from",))
        """,
    ),
    Typical(
        "quartiles of cholesterol by sex",
        """
        t = heart.groupby("sex").chol.describe()[["count", "25%", "50%", "75%"]].reset_index()
        t = t.rename(columns={"count": "n", "25%": "q1", "50%": "median", "75%": "q3"})
        phtlab.publish("t", t.astype({"n": int}), counts="n")
        """,
    ),
    Typical(
        "prevalence of disease by age band",
        """
        t = heart.assign(ill=heart.num > 0).groupby(band).ill.agg(n="size", share="mean")
        phtlab.publish("t", t.reset_index(), counts="n")
        """,
    ),
    Typical(
        "correlations of four measures, of complete rows",
        """
        whole = heart[["age", "trestbps", "thalch", "oldpeak"]].dropna()
        t = whole.corr().stack().rename("r").rename_axis(["one", "other"]).reset_index()
        phtlab.publish("t", t.assign(n=len(whole)), counts="n", by=("one", "other"))
        """,
    ),
    Typical(
        "electrocardiogram by sex",
        """
        known = heart.dropna(subset="restecg")
        t = known.groupby(["restecg", "sex"]).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "those above sixty, by sex and diagnosis",
        """
        old = heart[heart.age > 60]
        t = old.groupby(["sex", ill]).size().rename("n").reset_index()
        phtlab.publish("t", t, counts="n")
        """,
    ),
    Typical(
        "two tables: by sex, and by sex and diagnosis",
        """
        phtlab.publish("t", heart.groupby("sex").size().rename("n").reset_index(), counts="n")
        u = heart.groupby(["sex", ill]).size().rename("n").reset_index()
        phtlab.publish("u", u, counts="n")
        """,
    ),
)

OTHERS: Final[tuple[Typical, ...]] = (
    Typical(
        "how many there are", 'phtlab.publish("n", len(heart), kind="scalar", counts="patients")'
    ),
    Typical(
        "a share, with how many it is of",
        'phtlab.publish("share", float((heart.num > 0).mean()), kind="scalar", of=len(heart))',
    ),
    Typical(
        "a mean, of those who have the value",
        """
        known = heart.chol.dropna()
        phtlab.publish("m", float(known.mean()), kind="scalar", of=len(known))
        """,
    ),
    Typical(
        "a mean that does not say of how many",
        'phtlab.publish("m", float(heart.chol.mean()), kind="scalar")',
    ),
    Typical(
        "the highest age",
        'phtlab.publish("m", int(heart.age.max()), kind="scalar", of=len(heart), statistic="max")',
    ),
    Typical(
        "bars by sex, with their counts",
        """
        import matplotlib.pyplot as plt
        t = heart.groupby("sex").size()
        t = t[t >= 10]
        figure, axis = plt.subplots()
        axis.bar(t.index, t)
        phtlab.publish("bars", figure, kind="figure", counts="y")
        plt.close(figure)
        """,
    ),
    Typical(
        "a scatter plot of patients",
        """
        import matplotlib.pyplot as plt
        figure, axis = plt.subplots()
        axis.scatter(heart.age, heart.chol)
        phtlab.publish("points", figure, kind="figure")
        plt.close(figure)
        """,
    ),
    Typical(
        "a linear model as its sums",
        """
        whole = heart.dropna(subset="thalch")
        x = np.column_stack([np.ones(len(whole)), whole.age])
        sums = {"xtx": x.T @ x, "xty": x.T @ whole.thalch.to_numpy()}
        phtlab.publish("model", sums, kind="model", of=len(whole), tensors=["xtx", "xty"])
        """,
    ),
)


def verdicts(typical: Typical, hospital: str, kept: Path) -> tuple[CheckedOutput, ...]:
    """What the airlock of `hospital`, whose policy is a new station's, says of the outputs.

    `kept` is the folder of what this station has released before, and keeps what leaves now.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        source = textwrap.dedent(_START) + textwrap.dedent(typical.source)
        outputs = _declared(source)
        (folder / "job.json").write_text(json.dumps(_job(folder, hospital, outputs)))
        (folder / "out").mkdir()
        environment = {
            "PHTLAB_JOB": str(folder / "job.json"),
            "PHTLAB_OUT": str(folder / "out"),
            "MPLBACKEND": "agg",
        }
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(publishing, "_kept", {}),
            mock.patch.object(publishing, "_kept_in", {}),
        ):
            exec(compile(source, typical.title, "exec"), {"__name__": "__main__"})
        left = LeftInMemory(lambda file: (folder / "out/outputs" / file).read_bytes())
        kept.mkdir(parents=True, exist_ok=True)
        before = released_counts.ReleasedHistory(kept, ["heart"], _PUBLISHED[hospital])
        passed = pass_outputs(outputs, left, AirlockRules(), before)
        released_counts.note(
            kept, ["heart"], remembered_outputs.outputs_to_remember(outputs, passed)
        )
        return passed


@cache
def alone(typical: Typical, hospital: str) -> tuple[CheckedOutput, ...]:
    """The same of a station that has released nothing before."""
    with TemporaryDirectory() as name:
        return verdicts(typical, hospital, Path(name))


def _declared(source: str) -> tuple[Output, ...]:
    """What the manifest of a notebook of this one station cell declares."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": ["station"]},
        "outputs": [],
        "execution_count": None,
        "id": "station",
    }
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
        "cells": [cell],
    }
    analysis = read_analysis(json.dumps(notebook).encode(), name="typical")
    errors = [finding.message for finding in analysis.findings if finding.severity == "error"]
    assert not errors, errors
    return tuple(Output.model_validate(vars(one)) for one in analysis.outputs)


def _job(folder: Path, hospital: str, outputs: tuple[Output, ...]) -> Mapping[str, Any]:
    write_patients(share(SOURCE), hospital, folder / "heart.csv")
    schema = tomllib.loads(share("notebooks/data/heart.toml").read_text("utf-8"))
    columns = {column["name"]: column["type"] for column in schema["columns"]}
    declared = {"path": str(folder / "heart.csv"), "format": "csv", "columns": columns}
    return {
        "version": 1,
        "kernel": "python3",
        "seconds": 1,
        "datasets": {"heart": declared},
        "outputs": [output.model_dump() for output in outputs],
    }
