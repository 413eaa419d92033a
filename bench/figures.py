"""Medians and ranges of repeated measurements, and the rows of results.json."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.aims import AIMS, MISSED

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Row:
    """An entry of results.json; `ratio` is our value divided by the peer's: less is better."""

    name: str
    value: float
    unit: str = "s"
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    note: str = ""


def row(
    name: str,
    value: float,
    note: str,
    *,
    peer: str = "",
    peer_value: float | None = None,
    ratio: float | None = None,
) -> Row:
    """Return a rounded row with its ratio; the note states a missed aim and the reason."""
    if ratio is None and peer_value:
        ratio = value / peer_value
    missed = AIMS[name].missed(value, peer_value)
    if missed:
        note = " ".join([note, f"Missed: {missed}.", MISSED.get(name, "")]).strip()
    return Row(
        name,
        float(f"{value:.3g}"),
        "MiB" if name.endswith("_rss") else "s",
        peer,
        None if peer_value is None else float(f"{peer_value:.3g}"),
        None if ratio is None else float(f"{ratio:.3g}"),
        note,
    )


def kept() -> list[Row]:
    """Return the rows of results.json."""
    return [Row(**fields) for fields in json.loads(RESULTS.read_text())] if RESULTS.exists() else []


def keep(rows: Iterable[Row]) -> None:
    """Print `rows`, and write them to results.json; they replace rows of the same names."""
    known = {row.name: row for row in kept()}
    for row in rows:
        known[row.name] = row
        print(summary(row))
    listed = [known[name] for name in AIMS if name in known]
    RESULTS.write_text(json.dumps([asdict(row) for row in listed], indent=1) + "\n")


def summary(row: Row) -> str:
    """Return a row as text: `stop_1mb: 0.41 s; PHT-meDIC 2.1 s (0.195 times). …`."""
    peer = f"; {row.peer} {row.peer_value:g} {row.unit}" if row.peer_value is not None else ""
    ratio = f" ({row.ratio:g} times)" if row.ratio is not None else ""
    return f"{row.name}: {row.value:g} {row.unit}{peer}{ratio}. {row.note}"


def median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """Return the range as text: `0.78 to 0.95 in 5 runs`."""
    return f"{min(seconds):.2f} to {max(seconds):.2f} in {len(seconds)} runs"


def line(name: str, seconds: Sequence[float]) -> str:
    """Return a line to print: `name  median 0.81 s  (0.78 to 0.95 in 5 runs)`."""
    return f"  {name:<44} median {median(seconds):6.3f} s  ({spread(seconds)})"


def parts(title: str, seconds: dict[str, float]) -> None:
    """Print the seconds of each part."""
    print(f"{title}: {', '.join(f'{name} {took:.3f}' for name, took in seconds.items())}")


class BenchError(Exception):
    """A claim does not hold in this run; the message describes what happened instead."""


def require(condition: bool, message: str) -> None:
    """Raise BenchError with `message` unless `condition` is true."""
    if not condition:
        raise BenchError(message)
