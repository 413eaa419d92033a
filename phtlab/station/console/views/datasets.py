"""View of the data sets: their declarations, twins, and who used them."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from phtlab.errors import DataSetError, StationError
from phtlab.station.console.views.journeys import JourneyLine, journey_lines
from phtlab.station.context.station_context import StationContext
from phtlab.station.data.datasets import DataSet, load_datasets, readable_in_sandbox
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop

_TWIN_ROWS = 8


@dataclass(frozen=True)
class DataSetUsage:
    """How often a researcher's trains ran on a data set, and when last."""

    researcher: str
    runs: int
    last: datetime


@dataclass(frozen=True)
class DataSetPage:
    """View of one data set. `trouble` says why it cannot be used; the rows are the twin's."""

    dataset: DataSet
    trouble: str
    twin: tuple[tuple[str, ...], ...]
    uses: tuple[DataSetUsage, ...]
    journeys: tuple[JourneyLine, ...]

    @property
    def runs(self) -> int:
        return sum(use.runs for use in self.uses)


def dataset_pages(station: StationContext) -> list[DataSetPage]:
    """List all declared data sets. Raises DataSetError, which names an invalid declaration."""
    ran = _ran(station)
    return [_page(station, dataset, ran) for dataset in load_datasets(station.folder).values()]


def dataset_page(station: StationContext, name: str) -> DataSetPage:
    """View of one data set. Raises DataSetError (``data-set-unknown``)."""
    declared = load_datasets(station.folder)
    if name not in declared:
        raise DataSetError(
            "There is no such data set here.",
            "Declare one with 'phtlab station dataset add NAME PATH --schema FILE.toml'.",
            code="data-set-unknown",
        )
    return _page(station, declared[name], _ran(station))


def _page(station: StationContext, dataset: DataSet, ran: list[_Ran]) -> DataSetPage:
    times: dict[str, list[float]] = {}
    for run in ran:
        if dataset.name in run.datasets:
            times.setdefault(run.researcher, []).append(run.at)
    uses = [
        DataSetUsage(researcher, len(every), datetime.fromtimestamp(max(every), UTC))
        for researcher, every in times.items()
    ]
    uses.sort(key=lambda use: use.last, reverse=True)
    newest, _ = journey_lines(station)
    on_it = tuple(line for line in newest if dataset.name in line.datasets)
    return DataSetPage(
        dataset, _trouble(station, dataset), _twin(station, dataset), tuple(uses), on_it
    )


class _Ran(NamedTuple):
    """A run that began: its researcher, its data sets, and its start (seconds since the epoch)."""

    researcher: str
    datasets: tuple[str, ...]
    at: float


def _ran(station: StationContext) -> list[_Ran]:
    """Every run that ever began at this station."""
    return [_of(stop.path) for stop in station.stops if stop.has(Marker.STARTED)]


@lru_cache(maxsize=100_000)
def _of(folder: Path) -> _Ran:
    """Read the run from a stop's folder; cached, since its order never changes."""
    offer = Stop(folder).verified_offer()
    at = (folder / "started.json").stat().st_mtime
    return _Ran(offer.researcher, tuple(offer.train.manifest.datasets), at)


def _trouble(station: StationContext, dataset: DataSet) -> str:
    if station.settings.twin:
        return ""  # a twin station never opens the declared file
    try:
        dataset.require()
        if not readable_in_sandbox(dataset.path):
            return (
                f"The sandbox's user cannot read {dataset.path}. Let it: chmod -R o+rX "
                f"{dataset.path}"
            )
    except (StationError, OSError) as error:
        return str(error) if isinstance(error, StationError) else f"{dataset.path}: {error}"
    return ""


def _twin(station: StationContext, dataset: DataSet) -> tuple[tuple[str, ...], ...]:
    """First lines of the twin, which is synthetic and so discloses nothing."""
    path = station.folder.twins / f"{dataset.name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = itertools.islice(csv.reader(file), _TWIN_ROWS + 1)
            return tuple(tuple(line) for line in lines)
    except FileNotFoundError:
        return ()
