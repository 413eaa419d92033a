"""What is missing of outputs: withheld rows or outputs, and stations that sent nothing."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from phtlab.lab.display.colours import FOREIGN, badge
from phtlab.lab.display.journey_text import NOT_BEGUN, TWO_RECORDS, describe, progress, why_not
from phtlab.lab.display.notebook_output import Output, cell_run
from phtlab.lab.display.route_map import MAX_SENTENCE, middle
from phtlab.lab.results.handed_on import RouteEnd
from phtlab.printable import escaped
from phtlab.train.documents.record import OutputVerdict, StopRecord
from phtlab.wire.api.journeys import StopView

SUMS: Final = "Sums over stations are too low by what is missing."

MARK: Final = "withheld"
"""Key of a frame's `attrs` for what is missing: station to words that follow its name."""
DOUBTED: Final = "contradicted"
"""Key of a frame's `attrs` for the stations in it that signed two records."""


@dataclass(frozen=True)
class Withheld:
    """The `rows` of `output` that `station` withheld; None for the whole output.

    `words` is a short form, to follow the station's name.
    """

    station: str
    output: str
    rows: int | None
    why: str
    words: str


def withheld(
    records: Mapping[str, StopRecord],
    unsigned: Mapping[str, str],
    waiting: Mapping[str, StopView | None],
    outputs: Sequence[str],
    end: RouteEnd | None = None,
) -> list[Withheld]:
    """Return what is missing of `outputs`, station by station, by their signed records.

    Nothing came from `unsigned`, each with what is said of it; nor yet from `waiting`, each with
    its stop if it has begun. Where the route has an `end`, an output that a station hands on is
    not missing from it.
    """
    found = []

    def sent_by(station: str) -> list[str]:
        return [name for name in outputs if end is None or end.sends(station, name)]

    for station, record in records.items():
        verdicts = {verdict.name: verdict for verdict in record.outputs}
        for name in sent_by(station):
            if record.outcome != "departed":
                why = escaped(why_not(record))
                words = f"sent nothing ({record.outcome}: {_bare(why)})"
                found.append(Withheld(station, name, None, why, words))
            elif (verdict := verdicts.get(name)) is not None:
                found += _of(station, verdict)
    for station, why in unsigned.items():
        words = f"sent nothing ({_bare(why)})"
        found += [Withheld(station, name, None, why, words) for name in sent_by(station)]
    for station, stop in waiting.items():
        why = NOT_BEGUN if stop is None else describe(stop)
        words = f"is not in it yet ({NOT_BEGUN if stop is None else progress(stop)})"
        found += [Withheld(station, name, None, why, words) for name in sent_by(station)]
    return found


def _of(station: str, verdict: OutputVerdict) -> Iterator[Withheld]:
    """Yield what an airlock's verdict withheld of an output of a stop that departed."""
    why, rows = verdict.sentence, verdict.suppressed_rows
    if verdict.verdict == "refused":
        words = f"let nothing of it leave ({_bare(why)})" if why else "let nothing of it leave"
        yield Withheld(station, verdict.name, None, why, words)
    elif rows or verdict.verdict == "suppressed":
        if rows:
            words = f"withheld {rows} row{'s' * (rows != 1)}"
            if verdict.below is not None:
                words += f" below {verdict.below}"
        else:
            words = f"withheld a part ({_bare(why)})"
        yield Withheld(station, verdict.name, rows, why, words)


def _bare(sentence: str) -> str:
    return middle(sentence, MAX_SENTENCE).rstrip(".")


def as_frame(found: Sequence[Withheld]) -> pd.DataFrame:
    """Return columns `station`, `output`, `rows` (missing: the whole output) and `why`."""
    rows = [(entry.station, entry.output, entry.rows, entry.why) for entry in found]
    frame = pd.DataFrame(rows, columns=["station", "output", "rows", "why"])
    return frame.astype({"rows": "Int64"})


class PooledTable(pd.DataFrame):
    """A table over stations that shows above itself what is missing in it (`attrs`)."""

    @property
    def _constructor(self) -> type[PooledTable]:
        return PooledTable

    @property
    def _constructor_sliced(self) -> type[PooledSeries]:
        return PooledSeries

    def _repr_html_(self) -> str | None:
        table: str | None = super()._repr_html_()  # type: ignore[misc]  # (not in pandas-stubs)
        if table is None:
            return None
        return doubt_html(self.attrs.get(DOUBTED)) + _unsaid(self.attrs.get(MARK)) + table


class PooledSeries(pd.Series):
    """A column of a `PooledTable`, or a result computed from one, with the same notice."""

    @property
    def _constructor(self) -> type[PooledSeries]:
        return PooledSeries

    @property
    def _constructor_expanddim(self) -> type[PooledTable]:
        return PooledTable

    def _repr_html_(self) -> str | None:
        warning_text = warning_html(self.attrs.get(MARK))
        if not warning_text:
            return None  # text, as for any other series
        return f"{_unsaid(self.attrs.get(MARK))}<pre>{html.escape(repr(self))}</pre>"


def mark_of(found: Sequence[Withheld]) -> dict[str, str]:
    """Map each station to what it lacks, in words: the value of `attrs[MARK]`."""
    return {entry.station: entry.words for entry in found}


def marked(
    frame: pd.DataFrame, found: Sequence[Withheld], doubted: Sequence[str] = ()
) -> PooledTable:
    """Return `frame` marked with what is missing in it, and which stations signed two records."""
    table = PooledTable(frame)
    if found:
        table.attrs[MARK] = mark_of(found)
    if doubted:
        table.attrs[DOUBTED] = list(doubted)
    return table


def doubt_html(stations: Any) -> str:
    """Return a line to show above a pooled number: who signed two records; empty if nobody did."""
    if not isinstance(stations, list) or not stations:
        return ""
    names = ", ".join(map(str, stations))
    return f"<div>{badge('!', 'bad')} {html.escape(f'{names} {TWO_RECORDS}.')}</div>"


def warning(mark: Any) -> str:
    """Return a line to show above a pooled number: what it lacks; empty if it lacks nothing."""
    if not isinstance(mark, Mapping) or not mark:
        return ""
    lines = [f"{escaped(str(station))} {escaped(str(words))}" for station, words in mark.items()]
    return f"Not everything is in it: {'; '.join(lines)}. {SUMS}"


def warning_html(mark: Any) -> str:
    """Return `warning` as HTML, with all foreign text escaped."""
    text = warning(mark)
    if not text:
        return ""
    return f'<div role="note" style="{FOREIGN}">{badge("!", "warn")} {html.escape(text)}</div>'


def show_warning(mark: Any) -> None:
    """Show in the present cell of a notebook what is missing, once per run of the cell and text.

    The warning appears above whatever the cell computes from the numbers. Nothing is shown outside
    a notebook, where `attrs` and `Results.withheld` have the same information.
    """
    text, run = warning(mark), cell_run()
    if not text or run is None or (run, text) in _shown:
        return
    if any(other != run for other, _ in _shown):
        _shown.clear()
    _shown.add((run, text))
    Output({"text/html": warning_html(mark), "text/plain": text})


# Warnings shown already: the run of the cell, and the text.
_shown: set[tuple[str, str]] = set()


def _unsaid(mark: Any) -> str:
    """Return the warning, unless the present run of the cell shows it already."""
    return "" if (cell_run(), warning(mark)) in _shown else warning_html(mark)
