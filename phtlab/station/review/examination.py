"""What a machine finds in a notebook, as values: they come out of the worker's process as JSON.

They are hints to a reader, never a verdict: whoever writes code to hide something from a reader
of its text can hide it. What holds a train in is the sandbox and the airlock.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from phtlab.strict_model import StrictModel

Origin = Literal["python", "image", "unknown"]
Mark = Literal["same", "added", "removed"]


class ExaminationRequest(StrictModel):
    """What the worker is given: cells by number, declared columns by data set."""

    language: str
    cells: tuple[CodeCell, ...]
    previous: tuple[CodeCell, ...] | None = None
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def without_halves(text: object) -> object:
    """`text` with half a surrogate pair, which no UTF-8 holds, as an escape."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


class CodeCell(StrictModel):
    number: int
    kind: str
    role: str
    source: str

    _whole = field_validator("kind", "role", "source", mode="before")(without_halves)


class Import(StrictModel):
    """A module that is imported, where first. `module` is the whole dotted name."""

    module: str
    cell: int
    line: int


class Remark(StrictModel):
    """Something at a line that a reader may want to look at. `code` is stable."""

    code: str
    sentence: str
    cell: int
    line: int


class DataUsage(StrictModel):
    """A data set, the declared columns that are named, and why there may be more."""

    name: str
    columns: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


class Line(StrictModel):
    """A line of a cell before and after; a number is None where the line is not there."""

    mark: Mark
    before: int | None
    after: int | None
    text: str


class CellChange(StrictModel):
    """One cell in the order of reading. `before` and `after` are the numbers that cells give."""

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
    """All of it. `unread` says which cells no parser could read, and why."""

    imports: tuple[Import, ...] = ()
    remarks: tuple[Remark, ...] = ()
    data: tuple[DataUsage, ...] = ()
    mentioned: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    hints: tuple[Remark, ...] = ()
    difference: Difference | None = None
    texts: dict[int, str] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
