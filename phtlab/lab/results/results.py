"""Results of a journey: its cargo, verified and opened, by station."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from phtlab.errors import JourneyError
from phtlab.lab.display.journey_text import (
    NOT_BEGUN,
    TWO_RECORDS,
    describe,
    passage,
    rounds_text,
    why_not,
)
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.forecast import foreseen
from phtlab.lab.results.handed_on import RouteEnd, handed_on_text
from phtlab.lab.results.html import results_html
from phtlab.lab.results.released_outputs import ReleasedOutputs, ResultFigure
from phtlab.printable import escaped
from phtlab.train.documents.record import StopRecord

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from phtlab.lab.results.round_results import RoundResults
    from phtlab.lab.results.withheld import Withheld
    from phtlab.wire.api.journeys import StopView

_Stop = TypeVar("_Stop")


class StationResults(ReleasedOutputs):
    """Results of one station: its signed record, and the outputs that its airlock released."""

    def _repr_html_(self) -> str:
        return results_html({self.station: self}, {}, {})


class Results(Mapping[str, StationResults]):
    """The results of a journey by station: `results["cleveland"].table("counts")`.

    `failures` holds the verified records of stops that ended otherwise than departed. `unsigned`
    maps stations to sentences, for stops that only central reports as ended; `waiting` likewise,
    for stops that have not ended: then these are the results so far. `contradicted` holds the
    second record of each station that signed two: only the station's operator knows which of the
    two is valid.

    On a sequential route, `handed_on` of a station maps its outputs to the station that got them;
    the last station sends them. These are not `missing` at the stations before it.

    Of a journey of rounds, `of_rounds` holds what the combine cells made of them, the reports, and
    each round's updates; it is None for any other.
    """

    def __init__(
        self,
        stations: dict[str, StationResults],
        failures: dict[str, StopRecord],
        folder: ResultsFolder,
        unsigned: Mapping[str, str] | None = None,
        waiting: Mapping[str, StopView | None] | None = None,
        contradicted: Mapping[str, StopRecord] | None = None,
        *,
        end: RouteEnd | None = None,
        resume: str = "",
        of_rounds: RoundResults | None = None,
        aggregator: str | None = None,
    ) -> None:
        """Hold what `Journey.results` opened; `resume` says how an ended journey goes on.

        `of_rounds` are the results of a journey's rounds, None if it has none. `aggregator` is who
        combined them, if the journey has a stop there: outputs are never missing of it.
        """
        self._aggregator = aggregator
        self.of_rounds = of_rounds
        self._stations = stations
        self._end = end
        self.resume = resume
        self._folder = folder
        self.failures = failures
        self.unsigned = dict(unsigned or {})
        self._under_way = dict(waiting or {})
        self.waiting = {
            station: NOT_BEGUN if stop is None else describe(stop)
            for station, stop in self._under_way.items()
        }
        self.contradicted = dict(contradicted or {})

    def __getitem__(self, station: str) -> StationResults:
        if station in self._stations:
            return self._stations[station]
        if station in self.failures:
            record = self.failures[station]
            raise JourneyError(f"{station} {record.outcome}: {why_not(record)}", code=record.code)
        if station in self.unsigned:
            raise JourneyError(
                f"Central says of {station}: {self.unsigned[station]}. {station} signed nothing.",
                code="unsigned-stop",
            )
        if station in self.waiting:
            raise JourneyError(
                f"{station} has not ended yet ({self.waiting[station]}).",
                "These are the results so far; journey.wait() waits for the others.",
                code="journey-unfinished",
            )
        known = ", ".join(self.stations) or "none"
        raise JourneyError(
            f"'{station}' is not among the results.",
            f"There is: {known}.",
            code="no-such-station",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._stations)

    def __len__(self) -> int:
        return len(self._stations)

    def __contains__(self, station: object) -> bool:
        return station in self._stations

    @property
    def combined(self) -> Mapping[str, Any]:
        """What the rounds ended with, by name; empty for a journey without rounds."""
        return {} if self.of_rounds is None else self.of_rounds.combined

    @cached_property
    def stations(self) -> tuple[str, ...]:
        """The stations that sent results, in the journey's order."""
        return tuple(self._stations)

    def table(self, name: str) -> pd.DataFrame:
        """Return one frame over all stations that released `name`, with `station` as first column.

        What stations withheld is missing in it, and in each sum over it: see `withheld(name)` and
        `attrs["withheld"]` of the frame; `attrs["contradicted"]` lists stations that are
        `contradicted`. A notebook shows this above the cell's output. Raises JourneyError
        (`no-such-output`) if no station released it, or not as a table.
        """
        import pandas as pd

        from phtlab.lab.results.withheld import marked

        frames = []
        for released in self._having(name, "table"):
            frame = released.table(name)
            frame.insert(0, "station", released.station)
            frames.append(frame)
        doubted = [released.station for released in self._having(name, "table")]
        doubted = [station for station in doubted if station in self.contradicted]
        self._warn(name)
        return marked(pd.concat(frames, ignore_index=True), self._withheld((name,)), doubted)

    def withheld(self, name: str | None = None) -> pd.DataFrame:
        """Return what stations withheld of the output `name`, or of all outputs, one row each.

        Columns are `station`, `output`, `rows` (how many were withheld; missing if the whole output
        was) and `why`. Stations that sent nothing are included. Raises JourneyError
        (`no-such-output`) if the train has no output of that name.
        """
        from phtlab.lab.results.withheld import as_frame

        names = self.names()
        if name is not None and name not in names:
            known = ", ".join(names) or "none"
            raise JourneyError(
                f"There is no output called '{name}'.", f"There is: {known}.", code="no-such-output"
            )
        return as_frame(self._withheld(names if name is None else (name,)))

    def forecast(self) -> pd.DataFrame:
        """Return the forecast for a dry run's outputs, by the rules that other stations publish.

        One row per station and output: `station`, `output`, `verdict` (``released``,
        ``suppressed``, ``held``, ``refused``), `rule`, `rows` (how many of a table would be
        suppressed) and `why`. The rows of a dry run are made up, and real counts differ. Empty for
        a real journey.
        """
        from phtlab.lab.results.forecast import as_frame

        return as_frame([*(released.record for released in self.values()), *self.failures.values()])

    def names(self) -> tuple[str, ...]:
        """Return the names of the outputs that any station reported, in the train's order."""
        records = [*(released.record for released in self.values()), *self.failures.values()]
        names = [verdict.name for record in records for verdict in record.outputs]
        sent = [name for released in self.values() for name in released.outputs]
        return tuple(dict.fromkeys([*names, *sent]))

    def _withheld(self, names: Sequence[str]) -> list[Withheld]:
        from phtlab.lab.results.withheld import withheld

        records = {released.station: released.record for released in self.values()} | self.failures
        return withheld(
            self._of_stations(records),
            self._of_stations(self.unsigned),
            self._of_stations(self._under_way),
            names,
            self._end,
        )

    def _of_stations(self, stops: Mapping[str, _Stop]) -> dict[str, _Stop]:
        """Return `stops` without that of the aggregator."""
        return {name: stop for name, stop in stops.items() if name != self._aggregator}

    def missing(self, name: str) -> dict[str, str]:
        """Map each station to what it lacks of the output `name`, in words to follow its name."""
        from phtlab.lab.results.withheld import mark_of

        return mark_of(self._withheld((name,)))

    def _warn(self, name: str) -> None:
        from phtlab.lab.results.withheld import show_warning

        show_warning(self.missing(name))

    def scalars(self, name: str) -> dict[str, Any]:
        """Map each station to its value of `name`. Raises as `table`."""
        found = {
            released.station: released.scalar(name) for released in self._having(name, "scalar")
        }
        self._warn(name)
        return found

    def models(self, name: str) -> dict[str, dict[str, np.ndarray]]:
        """Map each station to its named arrays of `name`. Raises as `table`."""
        found = {released.station: released.model(name) for released in self._having(name, "model")}
        self._warn(name)
        return found

    def figures(self, name: str) -> dict[str, ResultFigure]:
        """Map each station to its figure `name`. Raises as `table`."""
        found = {
            released.station: released.figure(name) for released in self._having(name, "figure")
        }
        self._warn(name)
        return found

    def export(self, directory: str | Path) -> Path:
        """Write all results to `directory`, one folder per station; tables as Parquet and CSV."""
        target = Path(directory)
        for released in self.values():
            folder = target / released.station
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "record.json").write_text(released.record.model_dump_json(indent=2) + "\n")
            for name, output in released.outputs.items():
                for path in sorted(released.directory.glob(f"{name}.*")):
                    shutil.copyfile(path, folder / path.name)
                if output.kind == "table":
                    (folder / f"{name}.csv").write_text(_csv(released.table(name)))
        return target

    def _having(self, name: str, kind: str) -> list[StationResults]:
        having = [released for released in self.values() if name in released.outputs]
        if having and having[0].outputs[name].kind == kind:
            return having
        sent = {
            f"{n} ({o.kind})" for released in self.values() for n, o in released.outputs.items()
        }
        known = ", ".join(sorted(sent)) or "nothing"
        withheld_names = () if having or name not in self.names() else (name,)
        why = "".join(
            [
                f" {released.station}: {handed_on_text(released.handed_on[name])}."
                for released in self.values()
                if name in released.handed_on and not having
            ]
            + [f" {entry.station} {entry.words}." for entry in self._withheld(withheld_names)]
        )
        if withheld_names and self.resume:
            why += f" {self.resume}"
        raise JourneyError(
            f"No station sent a {kind} called '{name}'.",
            f"They sent: {known}.{why}",
            code="no-such-output",
        )

    def __repr__(self) -> str:
        stops = (*self, *self.failures, *self.unsigned, *self.waiting)
        whole = len([station for station in stops if station != self._aggregator])
        so_far = f" so far, of {whole}" if self.waiting else ""
        lines = [f"Results of {len(self)} station{'' if len(self) == 1 else 's'}{so_far}"]
        for released in self.values():
            lines.append(f"  {released.station}: {_contents(released)}")
            lines += [f"    {passage(v)}" for v in released.record.outputs if v.sentence]
            for name in released.outputs:
                lines += [
                    f"    {name} at {', '.join(found.stations)}: {escaped(found.sentence())}"
                    for found in foreseen([released.record], name)
                ]
        lines += [f"  {s}: {r.outcome}. {escaped(why_not(r))}" for s, r in self.failures.items()]
        lines += [f"  {s}: {sentence} (unsigned)" for s, sentence in self.unsigned.items()]
        lines += [f"  {s}: {sentence}; not ended yet" for s, sentence in self.waiting.items()]
        lines += [f"  ! {s} {TWO_RECORDS}." for s in self.contradicted]
        lines += [self.resume] if self.resume else []
        if self.of_rounds is not None:
            names = ", ".join(self.of_rounds.combined) or "nothing"
            lines.append(f"  combined over {self.of_rounds.count} rounds: {names}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return results_html(
            self,
            self.failures,
            self.unsigned,
            self.waiting,
            self.missing,
            contradicted=tuple(self.contradicted),
            resume=self.resume,
        )


def _contents(released: StationResults) -> str:
    """Say what a station released, and what it handed on: `counts (table); handed on to …`.

    Of a station of rounds, how many it computed.
    """
    if released.record.rounds is not None:
        return rounds_text(released.record.rounds.count)
    parts = [", ".join(f"{o.name} ({o.kind})" for o in released.outputs.values())]
    for following in dict.fromkeys(released.handed_on.values()):
        names = [name for name, station in released.handed_on.items() if station == following]
        parts.append(f"{handed_on_text(following)}: {', '.join(names)}")
    return "; ".join(part for part in parts if part) or "nothing was released"


def _csv(frame: pd.DataFrame) -> str:
    """Return CSV whose text cells no spreadsheet takes for a formula (OWASP, CSV injection)."""
    safe = frame.copy()
    for column in safe.select_dtypes(include=["object", "string", "category"]):
        safe[column] = [_quoted(value) for value in safe[column]]
    safe.columns = [_quoted(name) for name in safe.columns]
    buffer = io.StringIO()
    safe.to_csv(buffer, index=False)
    return buffer.getvalue()


def _quoted(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell[:1] in tuple("=+-@\t\r\n") else cell
