"""Combine cells of a signed train, run in the kernel of whoever waits for its journey.

They run among the names of the notebook where IPython is there, else among names of their own. An
error in a cell is raised as it is, and its traceback shows the line of the cell.
"""

from __future__ import annotations

import json
import linecache
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from phtlab.errors import JourneyError, TrainError
from phtlab.runtime.rounds.combine_names import CombineNames, bind_names, read_names
from phtlab.runtime.rounds.combining import Combination, combining
from phtlab.train.documents.manifest import TrainManifest


@dataclass(frozen=True)
class CombineCell:
    """A combine cell. `number` is its number in the author's notebook, from 1."""

    number: int
    source: str


@dataclass(frozen=True)
class CombineCells:
    """The combine cells of the train `name`, and what all of its cells say of names."""

    name: str
    cells: tuple[CombineCell, ...]
    names: CombineNames


def read_combine_cells(notebook: bytes, manifest: TrainManifest) -> CombineCells:
    """Return the combine cells of the train's own notebook, whose digest was compared.

    Raises TrainError (``combine-missing``) if the notebook lacks a cell that the manifest names.
    """
    if manifest.rounds is None:
        raise ValueError("the train has no rounds")
    sources = dict(_sources(notebook))
    missing = [number for number in manifest.rounds.combine if number not in sources]
    if missing:
        raise TrainError(
            f"The train '{manifest.name}' lacks its combine cell {missing[0]}.",
            "Build and dispatch it again.",
            code="combine-missing",
        )
    cells = tuple(CombineCell(number, sources[number]) for number in manifest.rounds.combine)
    names = read_names(sources.values(), (cell.source for cell in cells))
    return CombineCells(manifest.name, cells, names)


class CombineRun:
    """Runs of combine cells, one per round, among names that stay from round to round."""

    def __init__(self, cells: CombineCells, parameters: Mapping[str, Any]) -> None:
        self._cells = cells
        self._parameters = parameters
        self._own_names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, combination: Combination, received: Mapping[str, Any]) -> None:
        """Run all cells for `combination`.

        First the train's imports that are missing are made up for; then the order's parameters,
        and what stations received in this round, get their names: `received`, and a default for
        what is not in it. Raises what a cell raises; JourneyError
        (``round-default``) if a cell needs a default that cannot be computed here.
        """
        shell = _shell()
        names = self._own_names if shell is None else shell.user_ns
        label = f"<defaults of {self._cells.name}>"
        errors = bind_names(names, self._cells.names, self._parameters, received, label)
        for name, error in errors.items():
            raise JourneyError(
                f"The default of '{name}' cannot be computed in this kernel: "
                f"{type(error).__name__}: {error}.",
                "Write it without names that only station cells have, or give it its name in this "
                "kernel.",
                code="round-default",
            ) from error
        with combining(combination):
            for cell in self._cells.cells:
                source = cell.source if shell is None else shell.transform_cell(cell.source)
                label = f"<combine cell {cell.number} of {self._cells.name}>"
                try:
                    _run(source, label, names)
                except Exception as error:
                    error.add_note(
                        f"This is in combine cell {cell.number}, after round "
                        f"{combination.number}. The journey stays as it is: journey.wait() "
                        "combines the same round again."
                    )
                    raise


def _run(source: str, label: str, names: dict[str, Any]) -> None:
    lines = source.splitlines(keepends=True)
    linecache.cache[label] = (len(source), None, lines, label)
    exec(compile(source, label, "exec"), names)  # noqa: S102 (the train's own cells)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _sources(notebook: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and source of each cell; the file is as `travelling_notebook` writes it."""
    try:
        for cell in json.loads(notebook)["cells"]:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            yield int(cell["metadata"]["phtlab"]["cell"]), text
    except (ValueError, LookupError, TypeError, RecursionError):
        raise TrainError(
            "The notebook of this train cannot be read.",
            "Build and dispatch it again.",
            code="combine-missing",
        ) from None
