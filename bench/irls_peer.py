"""What both peers compute: the step of a logistic regression, on the arrays of each station.

Runs in the environment of a peer, with numpy only. `PHTLAB_BENCH` names a folder with `0.npz`,
`1.npz`, … of the arrays `x` and `y`; the times of the rounds go into `moments.json` there.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ["PHTLAB_BENCH"])


def update(station: int, beta: Any) -> tuple[Any, Any]:
    """Return gradient and Hessian of a station at `beta`."""
    with np.load(FOLDER / f"{station}.npz") as arrays:
        x, y = arrays["x"], arrays["y"]
    p = 1 / (1 + np.exp(-x @ beta))
    return x.T @ (y - p), (x.T * (p * (1 - p))) @ x


class Combining:
    """The coefficients, and when each round was combined."""

    def __init__(self) -> None:
        self.beta = np.zeros(3)
        self._moments: list[float] = []

    def combine(self, updates: Sequence[tuple[Any, Any]]) -> None:
        gradient = sum(np.asarray(g) for g, _ in updates)
        hessian = sum(np.asarray(h) for _, h in updates)
        self.beta = self.beta + np.linalg.solve(hessian, gradient)
        self._moments.append(time.time())
        report = {"moments": self._moments, "beta": self.beta.tolist(), "heard": len(updates)}
        (FOLDER / "moments.json").write_text(json.dumps(report))
