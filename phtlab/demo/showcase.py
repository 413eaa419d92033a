"""Showcase of the demonstration: one journey of the heart notebook, and a check of its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from phtlab.demo.pooled import largest_difference, patients, pooled_finding, pooled_model
from phtlab.demo.world import World
from phtlab.lab.aggregation.run import as_html, run_aggregate
from phtlab.lab.client.lab import Lab, connect
from phtlab.share import share

if TYPE_CHECKING:
    from phtlab.lab.client.journey import Journey

NOTEBOOK = "notebooks/heart_disease.ipynb"
DATA = "notebooks/data/heart_disease_uci.csv"

# Runs after the aggregate cells, in their kernel: writes the notebook's findings to files.
_EPILOGUE = """\
import os as _os
_out = _os.environ["PHTLAB_REPORT"]
finding.to_json(f"{_out}/finding.json", orient="split", double_precision=15)
model.reset_index().to_json(f"{_out}/model.json", orient="split", double_precision=15)
figure.savefig(f"{_out}/heart_disease.png", dpi=150, bbox_inches="tight")
"""


@dataclass(frozen=True)
class Showcase:
    """Results. `difference` is the largest relative difference from the pooled computation."""

    finding: pd.DataFrame
    model: pd.DataFrame
    difference: float
    html: Path
    png: Path


def connected(world: World) -> Lab:
    """Return the researcher's lab of `world`."""
    return connect(world.profile, passphrase=world.passphrase)


def conclude(world: World, journey: Journey) -> Showcase:
    """Run the notebook's aggregate cells for `journey`, write the report, compare with pooled."""
    report = world.report
    report.mkdir(exist_ok=True)
    executed = run_aggregate(
        share(NOTEBOOK),
        journey.id,
        environment={**world.environment, "PHTLAB_REPORT": str(report)},
        epilogue=_EPILOGUE,
    )
    page = report / "heart_disease.html"
    page.write_text(as_html(executed, "Heart disease at four hospitals"))
    finding = _frame(report / "finding.json")
    model = _frame(report / "model.json").set_index("term")
    rows = patients(share(DATA))
    return Showcase(
        finding=finding,
        model=model,
        difference=max(
            compare_findings(finding, pooled_finding(rows)),
            largest_difference(model[["coefficient", "standard_error"]], pooled_model(rows)),
        ),
        html=page,
        png=report / "heart_disease.png",
    )


def compare_findings(finding: pd.DataFrame, pooled: pd.DataFrame) -> float:
    """Return the largest relative difference of n, mean and sd, by variable and diagnosis."""
    key = ["variable", "disease"]
    figures = ["n", "mean", "sd"]
    federated = finding[finding["variable"].isin(pooled["variable"])]
    return largest_difference(
        federated.set_index(key)[figures].astype(float),
        pooled.set_index(key)[figures].astype(float),
    )


def _frame(path: Path) -> pd.DataFrame:
    stored = json.loads(path.read_text())
    return pd.DataFrame(stored["data"], columns=stored["columns"])
