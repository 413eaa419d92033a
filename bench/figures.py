"""Repeated measurements: their medians, how they are printed, and the rows that are kept."""

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
    """One line of results.json; `ratio` is ours to the peer's, so less is better."""

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
    """A row as it is kept: rounded, with its ratio, and with what is to be said of a missed aim."""
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
    """The rows of results.json."""
    return [Row(**one) for one in json.loads(RESULTS.read_text())] if RESULTS.exists() else []


def keep(rows: Iterable[Row]) -> None:
    """Print `rows`, and write them into results.json in place of those of the same names."""
    known = {one.name: one for one in kept()}
    for one in rows:
        known[one.name] = one
        print(said(one))
    listed = [known[name] for name in AIMS if name in known]
    RESULTS.write_text(json.dumps([asdict(one) for one in listed], indent=1) + "\n")


def said(one: Row) -> str:
    """`stop_1mb: 0.41 s; PHT-meDIC 2.1 s (0.19 times). …`."""
    peer = f"; {one.peer} {one.peer_value:g} {one.unit}" if one.peer_value is not None else ""
    ratio = f" ({one.ratio:g} times)" if one.ratio is not None else ""
    return f"{one.name}: {one.value:g} {one.unit}{peer}{ratio}. {one.note}"


def median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """`0.78 to 0.95 in 5 runs`."""
    return f"{min(seconds):.2f} to {max(seconds):.2f} in {len(seconds)} runs"


def line(name: str, seconds: Sequence[float]) -> str:
    """`name  median 0.81 s  (0.78 to 0.95 in 5 runs)`."""
    return f"  {name:<44} median {median(seconds):6.3f} s  ({spread(seconds)})"


def parts(title: str, seconds: dict[str, float]) -> None:
    """Print where the time goes, part by part."""
    print(f"{title}: {', '.join(f'{name} {took:.3f}' for name, took in seconds.items())}")


class BenchError(Exception):
    """What was claimed does not hold in this run; the message says what was seen."""


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BenchError(otherwise)
