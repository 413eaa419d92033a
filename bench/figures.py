"""Repeated measurements: medians, their ratio, and how they are printed and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"


def median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def line(name: str, seconds: Sequence[float]) -> str:
    """`name  median 0.81 s  (0.78 to 0.95, 5 runs)`."""
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)} runs"
    return f"  {name:<44} median {median(seconds):5.2f} s  ({spread})"


def rounded(seconds: Sequence[float]) -> list[float]:
    return [round(one, 3) for one in seconds]


def keep(bench: str, result: Mapping[str, Any]) -> None:
    """Write the result of `bench` into results.json, beside those of the other benches."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known[bench] = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **result,
    }
    RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


class BenchError(Exception):
    """What was claimed does not hold in this run; the message says what was seen."""


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BenchError(otherwise)
