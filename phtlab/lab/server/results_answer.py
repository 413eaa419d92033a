"""Opened results as an answer: bounded, printable, and of each kind what it shows.

What a station sealed is as hostile as it likes: what is not of the kind that the train declares
becomes a sentence beside the station's verdicts, and the others' results are shown.
"""

from __future__ import annotations

import math
import struct
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from phtlab.errors import PhtlabError, SealFormatError
from phtlab.lab.display.journey_text import why_not
from phtlab.lab.display.rounds_map import reported_lines
from phtlab.lab.display.route_map import MAX_SENTENCE
from phtlab.lab.results.results import Results, StationResults
from phtlab.lab.results.round_results import RoundResults
from phtlab.lab.server import api
from phtlab.lab.server.answers import Named, error_answer, journey_answer, words
from phtlab.lab.workspace.workspace import Workspace
from phtlab.train.documents.record import OutputVerdict, StopRecord
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS: Final = 1000
MAX_COLUMNS: Final = 200
MAX_CELLS: Final = 50_000
MAX_TEXT: Final = 500  # characters of a value
MAX_PNG_BYTES: Final = 16 * 2**20
MAX_PIXELS: Final = 50_000_000
MAX_ARRAYS: Final = 500
MAX_VALUES: Final = 200  # of a combined array
MAX_FORECASTS: Final = 16
EXACT: Final = 2**53  # beyond, a browser's numbers are not exact


def results_answer(
    workspace: Workspace, view: JourneyView, results: Results, named: Named
) -> api.Results:
    return api.Results(
        journey=journey_answer(workspace, view, named),
        stations=[_station(station) for station in results.values()],
        failures=[_failure(name, record) for name, record in results.failures.items()],
        unsigned=_notes(results.unsigned),
        waiting=_notes(results.waiting),
        missing=[
            api.MissingOutput(output=name, station=station, words=words(sentence, MAX_SENTENCE))
            for name in results.names()
            for station, sentence in results.missing(name).items()
        ],
        rounds=None if results.of_rounds is None else _rounds(results.of_rounds),
    )


def _rounds(results: RoundResults) -> api.RoundResults:
    return api.RoundResults(
        count=results.count,
        lines=list(reported_lines(results.reported)),
        combined=list(islice(_combined(results.combined), MAX_ARRAYS)),
    )


def _combined(values: Mapping[str, Any]) -> Iterator[api.CombinedValue]:
    for name, combined in values.items():
        arrays = combined if isinstance(combined, Mapping) else {"": combined}
        for part, array in arrays.items():
            small = array.size <= MAX_VALUES
            yield api.CombinedValue(
                name=words(f"{name}.{part}" if part else name),
                shape=list(array.shape),
                values=[value(item) for item in array.ravel()] if small else [],
            )


def _notes(notes: Mapping[str, str]) -> list[api.StopNote]:
    return [
        api.StopNote(station=station, words=words(text, MAX_SENTENCE))
        for station, text in notes.items()
    ]


def _station(station: StationResults) -> api.StationResults:
    outputs: list[api.Output] = []
    verdicts = {verdict.name: _verdict(verdict) for verdict in station.record.outputs}
    for name, output in station.outputs.items():
        try:
            content = _KINDS[output.kind](station, name)
            outputs.append(api.Output(name=name, kind=output.kind, **content))
        except PhtlabError as unshown:
            verdicts[name] = api.Verdict(
                name=name,
                kind=output.kind,
                verdict="unreadable",
                rule=unshown.code,
                sentence=words(str(unshown), MAX_SENTENCE),
                suppressed_rows=0,
            )
    return api.StationResults(
        station=station.station,
        outputs=outputs,
        verdicts=list(verdicts.values()),
        handed_on=[
            api.HandedOn(output=name, station=following)
            for name, following in station.handed_on.items()
        ],
        forecasts=_forecasts(station.record),
        rounds=station.record.rounds.count if station.record.rounds is not None else None,
    )


def _forecasts(record: StopRecord) -> list[api.Forecast]:
    """Of a dry run: what other stations would decide on its outputs."""
    return [
        api.Forecast(
            stations=[words(name) for name in found.stations],
            verdicts=[_verdict(verdict) for verdict in found.outputs],
        )
        for found in (record.forecasts or ())[:MAX_FORECASTS]
    ]


def _verdict(verdict: OutputVerdict) -> api.Verdict:
    return api.Verdict(
        name=verdict.name,
        kind=verdict.kind,
        verdict=verdict.verdict,
        rule=words(verdict.rule),
        sentence=words(verdict.sentence, MAX_SENTENCE),
        suppressed_rows=verdict.suppressed_rows,
    )


def _failure(station: str, record: StopRecord) -> api.FailedStop:
    return api.FailedStop(
        station=station,
        outcome=record.outcome,
        code=words(record.code, 80),
        sentence=words(why_not(record), MAX_SENTENCE),
        error=error_answer(record.error),
        forecasts=_forecasts(record),
    )


# The fields of an output's own kind.
Content = dict[str, Any]


def _table(station: StationResults, name: str) -> Content:
    return {"table": table_answer(station.table(name))}


def table_answer(frame: pd.DataFrame) -> api.Table:
    """The first rows of a table, and as many columns as a person looks at."""
    shown = frame.iloc[:, :MAX_COLUMNS]
    most = min(MAX_ROWS, MAX_CELLS // max(shown.shape[1], 1))
    # By place: a hostile table may have one name twice.
    columns = [[value(item) for item in shown.iloc[:most, at]] for at in range(shown.shape[1])]
    return api.Table(
        columns=[words(str(column)) for column in shown.columns],
        rows=[list(row) for row in zip(*columns, strict=True)],
        total=len(frame),
    )


def value(item: Any, depth: int = 4) -> Any:
    """One value for display: JSON that a browser reads exactly, text printable and not too long."""
    if hasattr(item, "item") and not isinstance(item, str | bytes):
        item = item.item() if getattr(item, "size", 1) == 1 else str(item)[:MAX_TEXT]
    if item is None or isinstance(item, bool):
        return item
    if isinstance(item, int):
        return item if abs(item) <= EXACT else words(str(item), MAX_TEXT)
    if isinstance(item, float):
        if math.isnan(item):
            return None
        return item if math.isfinite(item) else ("∞" if item > 0 else "-∞")
    if isinstance(item, str):
        return words(item, MAX_TEXT)
    if isinstance(item, datetime | date):
        # pandas' missing date is one, too.
        return None if item != item else item.isoformat()
    if depth and isinstance(item, list | tuple):
        return [value(part, depth - 1) for part in item[:MAX_ROWS]]
    if depth and isinstance(item, Mapping):
        parts = list(item.items())[:MAX_ROWS]
        return {words(str(key)): value(part, depth - 1) for key, part in parts}
    if type(item).__name__ in ("NAType", "NaTType"):
        return None
    return words(str(item)[: 4 * MAX_TEXT], MAX_TEXT)


def _scalar(station: StationResults, name: str) -> Content:
    return {"scalar": value(station.scalar(name))}


def _figure(station: StationResults, name: str) -> Content:
    figure = station.figure(name)
    if not _is_picture(figure.png):
        raise SealFormatError(
            f"'{name}' of {station.station} is no picture that is shown here: not a PNG, or a huge "
            "one.",
            "It is what the station sealed: ask its operator.",
            code="output-form",
        )
    return {"png": b64encode(figure.png).decode(), "table": table_answer(figure.data)}


def _is_picture(png: bytes) -> bool:
    """Whether a browser may have it: a few bytes of PNG can say that they are a billion pixels."""
    # PNG (ISO/IEC 15948), 5.2 and 11.2.2: the signature, then IHDR with width and height.
    if len(png) > MAX_PNG_BYTES or png[:8] != b"\x89PNG\r\n\x1a\n" or png[12:16] != b"IHDR":
        return False
    width, height = struct.unpack(">II", png[16:24].ljust(8, b"\0"))
    return bool(0 < width * height <= MAX_PIXELS)


def _model(station: StationResults, name: str) -> Content:
    arrays = list(station.model(name).items())[:MAX_ARRAYS]
    return {"shapes": {words(part): list(array.shape) for part, array in arrays}}


def _file(station: StationResults, name: str) -> Content:
    return {"bytes": len(station.file(name))}


_KINDS: Final[Mapping[str, Callable[[StationResults, str], Content]]] = {
    "table": _table,
    "scalar": _scalar,
    "figure": _figure,
    "model": _model,
    "file": _file,
}
