"""The same figures computed from all rows in one place, impossible with real patients.

The UCI data are public, so the demonstration can compare its federated figures with these. Only
rows that the airlocks' rule releases are counted. The notebook's code shares nothing with this.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from phtlab.demo.heart import HOSPITALS
from phtlab.share import share

MEASURES = {
    "age": "age (years)",
    "chol": "cholesterol (mg/dl)",
    "trestbps": "blood pressure (mmHg)",
    "thalch": "peak heart rate (beats/min)",
}
SMALL = 10


def patients(source: Path) -> pd.DataFrame:
    """Read the UCI file: `station` by name, and zeros that mean "not measured" as missing."""
    rows = pd.read_csv(source)
    rows["station"] = rows["dataset"].map({name: key for key, name in HOSPITALS.items()})
    rows["disease"] = np.where(rows["num"] > 0, "yes", "no")
    for column in ("chol", "trestbps"):
        rows[column] = rows[column].where(rows[column] > 0)
    return rows


def public_patients() -> pd.DataFrame:
    """Read the UCI file that comes with phtlab, as `patients` does."""
    return patients(share("notebooks/data/heart_disease_uci.csv"))


def pooled_finding(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard deviation per measure and diagnosis, of cells with enough rows.

    A cell is a hospital's patients of one diagnosis, and counts with at least SMALL rows. Columns:
    variable (the label), disease, n, mean, sd.
    """
    found = []
    for measure, label in MEASURES.items():
        measured = rows.dropna(subset=[measure])
        size = measured.groupby(["station", "disease"])[measure].transform("size")
        kept = measured[size >= SMALL]
        for disease, group in kept.groupby("disease"):
            found.append((label, disease, len(group), group[measure].mean(), group[measure].std()))
    return pd.DataFrame(found, columns=["variable", "disease", "n", "mean", "sd"])


def pooled_model(rows: pd.DataFrame) -> pd.DataFrame:
    """Fit peak heart rate on age - 50 and disease by ordinary least squares (QR of the rows).

    Uses hospitals with at least SMALL measured patients of each diagnosis. Indexed by term; columns
    coefficient, standard_error.
    """
    measured = rows.dropna(subset=["thalch"])
    smallest = measured.groupby(["station", "disease"]).size().unstack(fill_value=0).min(axis=1)
    kept = measured[measured["station"].map(smallest) >= SMALL]
    x = np.column_stack(
        [np.ones(len(kept)), kept["age"].to_numpy() - 50.0, (kept["disease"] == "yes").to_numpy()]
    )
    y = kept["thalch"].to_numpy()
    q, r = np.linalg.qr(x)
    beta = np.linalg.solve(r, q.T @ y)
    residual = y - x @ beta
    inverse = np.linalg.inv(r)
    variance = residual @ residual / (len(y) - x.shape[1])
    return pd.DataFrame(
        {
            "coefficient": beta,
            "standard_error": np.sqrt(variance * (inverse**2).sum(axis=1)),
        },
        index=pd.Index(["intercept", "age", "disease"], name="term"),
    )


def largest_difference(federated: pd.DataFrame, pooled: pd.DataFrame) -> float:
    """Return the largest relative difference between two frames of the same rows and columns.

    NaN if one frame has a row or a figure that the other lacks.
    """
    both, reference = federated.align(pooled, join="outer")
    relative = ((both - reference) / reference).abs().to_numpy(dtype=float)
    return float(np.max(relative))
