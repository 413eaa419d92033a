"""Data sets as the console shows them: what is declared, the twin, and who used them."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from datetime import datetime

from phtlab.errors import DataSetError, StationError
from phtlab.station.console.journeys_view import JourneyLine, journey_lines
from phtlab.station.datasets import DataSet, load_datasets, readable_in_sandbox
from phtlab.station.desk import Place

_TWIN_ROWS = 8


@dataclass(frozen=True)
class Use:
    """How often a researcher's trains ran on a data set, and when last."""

    researcher: str
    runs: int
    last: datetime


@dataclass(frozen=True)
class DataSetPage:
    """One data set. `trouble` says what keeps it from being used; of rows only the twin's show."""

    dataset: DataSet
    trouble: str
    twin: tuple[tuple[str, ...], ...]
    uses: tuple[Use, ...]
    journeys: tuple[JourneyLine, ...]

    @property
    def runs(self) -> int:
        return sum(use.runs for use in self.uses)


def dataset_pages(place: Place) -> list[DataSetPage]:
    """All that are declared. Raises DataSetError naming the declaration that is wrong."""
    journeys = journey_lines(place)
    return [_page(place, one, journeys) for one in load_datasets(place.folder).values()]


def dataset_page(place: Place, name: str) -> DataSetPage:
    """Raises DataSetError (``data-set-unknown``)."""
    declared = load_datasets(place.folder)
    if name not in declared:
        raise DataSetError(
            "There is no such data set here. Declare one with 'phtlab station dataset add NAME "
            "PATH --schema FILE.toml'.",
            code="data-set-unknown",
        )
    return _page(place, declared[name], journey_lines(place))


def _page(place: Place, dataset: DataSet, journeys: list[JourneyLine]) -> DataSetPage:
    on_it = tuple(line for line in journeys if dataset.name in line.datasets)
    ran = [line for line in on_it if place.stops.stop(line.hex).has("started")]
    uses = []
    for researcher in sorted({line.researcher for line in ran}):
        theirs = [line.arrived for line in ran if line.researcher == researcher]
        uses.append(Use(researcher, len(theirs), max(theirs)))
    uses.sort(key=lambda use: use.last, reverse=True)
    return DataSetPage(dataset, _trouble(place, dataset), _twin(place, dataset), tuple(uses), on_it)


def _trouble(place: Place, dataset: DataSet) -> str:
    if place.settings.twin:
        return ""  # a twin station never opens the declared file
    try:
        dataset.require()
        if not readable_in_sandbox(dataset.path):
            return (
                f"The sandbox's user cannot read {dataset.path}. Let it: chmod -R o+rX "
                f"{dataset.path}"
            )
    except (StationError, OSError) as error:
        return error.message if isinstance(error, StationError) else f"{dataset.path}: {error}"
    return ""


def _twin(place: Place, dataset: DataSet) -> tuple[tuple[str, ...], ...]:
    """The first lines of the twin: made up, so they tell nothing."""
    path = place.folder.twins / f"{dataset.name}.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = itertools.islice(csv.reader(file), _TWIN_ROWS + 1)
            return tuple(tuple(line) for line in lines)
    except FileNotFoundError:
        return ()
