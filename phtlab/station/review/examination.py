"""What the worker process finds in a notebook, as values that it returns as JSON.

The findings are hints to a reader, never a verdict: an author who wants to hide something from a
reader of the code can. The sandbox and the airlock are what confines a train.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from phtlab.strict_model import StrictModel

Origin = Literal["python", "image", "unknown"]
Mark = Literal["same", "added", "removed"]


class ExaminationRequest(StrictModel):
    """Input of the worker: cells by number, declared columns by data set."""

    language: str
    cells: tuple[CodeCell, ...]
    previous: tuple[CodeCell, ...] | None = None
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def without_halves(text: object) -> object:
    """Return `text` with unpaired surrogates, which UTF-8 cannot encode, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


class CodeCell(StrictModel):
    number: int
    kind: str
    role: str
    source: str

    _whole = field_validator("kind", "role", "source", mode="before")(without_halves)


class Import(StrictModel):
    """An imported module, at its first import. `module` is the whole dotted name."""

    module: str
    cell: int
    line: int


class Remark(StrictModel):
    """A line that a reader may want to check, and why. `code` is stable."""

    code: str
    sentence: str
    cell: int
    line: int


class DataUsage(StrictModel):
    """A data set, its declared columns that are named, and why more columns may be used.

    `whole` are places that use a whole table; `untold` are places with a computed key.
    """

    name: str
    columns: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


class Line(StrictModel):
    """A line of a cell, with its number before and after; None where the line does not exist."""

    mark: Mark
    before: int | None
    after: int | None
    text: str


class CellChange(StrictModel):
    """One cell in reading order. `before` and `after` are its numbers in the two notebooks."""

    change: Literal["same", "changed", "added", "removed"]
    before: int | None
    after: int | None
    role: str
    lines: tuple[Line, ...]


class Difference(StrictModel):
    cells: tuple[CellChange, ...]

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def removed(self) -> int:
        return self._count("removed")

    @property
    def changed_cells(self) -> int:
        return sum(cell.change != "same" for cell in self.cells)

    def _count(self, mark: Mark) -> int:
        return sum(line.mark == mark for cell in self.cells for line in cell.lines)


class Examination(StrictModel):
    """All findings. `unread` are sentences on cells that no parser could read, and why."""

    imports: tuple[Import, ...] = ()
    remarks: tuple[Remark, ...] = ()
    data: tuple[DataUsage, ...] = ()
    mentioned: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    hints: tuple[Remark, ...] = ()
    difference: Difference | None = None
    texts: dict[int, str] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
