"""What stayed at stations of what was asked for: rows, outputs, and stations that sent nothing."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from phtlab.lab.journey_words import TWO_RECORDS, why_not
from phtlab.lab.shades import badge
from phtlab.train.printable import escaped
from phtlab.train.record import StopRecord

MARK: Final = "withheld"
"""Where a frame's `attrs` say what is missing in it: station to a sentence."""
DOUBTED: Final = "contradicted"
"""Where they name the stations in it that signed two records."""


@dataclass(frozen=True)
class Withheld:
    """`rows` of `output` stayed at `station`: None for the whole output."""

    station: str
    output: str
    rows: int | None
    why: str

    def told(self) -> str:
        """In words, without the station."""
        if self.rows is None:
            return self.why or "nothing of it left"
        if self.rows == 0:
            return self.why
        return f"{self.rows} row{'s' * (self.rows != 1)} stayed there"


def withheld(
    records: Mapping[str, StopRecord],
    others: Mapping[str, str],
    outputs: Sequence[str],
) -> list[Withheld]:
    """What is missing of `outputs`, station by station, by their signed records.

    Nothing came from `others`, each with what is said of it.
    """
    found = []
    for station, record in records.items():
        told = {verdict.name: verdict for verdict in record.outputs}
        for name in outputs:
            verdict = told.get(name)
            if record.outcome != "departed":
                found.append(Withheld(station, name, None, escaped(why_not(record))))
            elif verdict is not None and verdict.verdict == "refused":
                found.append(Withheld(station, name, None, verdict.sentence))
            elif verdict is not None and verdict.verdict == "suppressed":
                rows = verdict.suppressed_rows
                found.append(Withheld(station, name, rows, verdict.sentence))
    found += [Withheld(s, name, None, why) for s, why in others.items() for name in outputs]
    return found


def as_frame(found: Sequence[Withheld]) -> pd.DataFrame:
    """`station`, `output`, `rows` (missing: the whole output) and `why`."""
    rows = [(one.station, one.output, one.rows, one.why) for one in found]
    frame = pd.DataFrame(rows, columns=["station", "output", "rows", "why"])
    return frame.astype({"rows": "Int64"})


class PooledTable(pd.DataFrame):
    """A table over stations, which shows above itself what is missing in it (`attrs`)."""

    @property
    def _constructor(self) -> type[PooledTable]:
        return PooledTable

    def _repr_html_(self) -> str | None:
        table = super()._repr_html_()  # type: ignore[misc]  # (not in pandas-stubs)
        if table is None:
            return None
        doubts, lacks = self.attrs.get(DOUBTED), self.attrs.get(MARK)
        return f"{doubt_html(doubts)}{warning_html(lacks)}{table}"


def marked(
    frame: pd.DataFrame, found: Sequence[Withheld], doubted: Sequence[str] = ()
) -> PooledTable:
    """`frame`, which says what is missing in it, and which stations in it signed two records."""
    table = PooledTable(frame)
    if found:
        table.attrs[MARK] = {one.station: one.told() for one in found}
    if doubted:
        table.attrs[DOUBTED] = list(doubted)
    return table


def doubt_html(stations: Any) -> str:
    """One line above a pooled number: who signed two records; nothing if nobody did."""
    if not isinstance(stations, list) or not stations:
        return ""
    names = ", ".join(map(str, stations))
    return f"<div>{badge('!', 'bad')} {html.escape(f'{names} {TWO_RECORDS}.')}</div>"


def warning_html(mark: Any) -> str:
    """One line above a pooled number: what it lacks; nothing if it lacks nothing."""
    if not isinstance(mark, Mapping) or not mark:
        return ""
    words = "; ".join(f"{station}: {told}" for station, told in _shown(mark))
    return f"<div>{badge('!', 'warn')} {html.escape(f'Not all is in it. {words}')}</div>"


def _shown(mark: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for station, told in mark.items():
        yield str(station), str(told)
