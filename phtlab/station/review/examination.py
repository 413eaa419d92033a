"""What the worker process finds in a notebook, as values that it returns as JSON.

The findings are hints to a reader, never a verdict: an author who wants to hide something from a
reader of the code can. The sandbox and the airlock are what confines a train.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

Origin = Literal["python", "image", "unknown"]
Mark = Literal["same", "added", "removed"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExaminationRequest(_Value):
    """Input of the worker: cells by number, declared columns by data set."""

    language: str
    cells: tuple[CodeCell, ...]
    previous: tuple[CodeCell, ...] | None = None
    columns: dict[str, tuple[str, ...]] = {}


def without_halves(text: object) -> object:
    """Return `text` with unpaired surrogates, which UTF-8 cannot encode, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode() if isinstance(text, str) else text


class CodeCell(_Value):
    number: int
    kind: str
    role: str
    source: str

    _whole = field_validator("kind", "role", "source", mode="before")(without_halves)


class Import(_Value):
    """An imported module, at its first import. `module` is the whole dotted name."""

    module: str
    cell: int
    line: int


class Remark(_Value):
    """A line that a reader may want to check, and why. `code` is stable."""

    code: str
    sentence: str
    cell: int
    line: int


class DataUsage(_Value):
    """A data set, its declared columns that are named, and why more columns may be used.

    `whole` are places that use a whole table; `untold` are places with a computed key.
    """

    name: str
    columns: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


class Line(_Value):
    """A line of a cell, with its number before and after; None where the line does not exist."""

    mark: Mark
    before: int | None
    after: int | None
    text: str


class CellChange(_Value):
    """One cell in reading order. `before` and `after` are its numbers in the two notebooks."""

    change: Literal["same", "changed", "added", "removed"]
    before: int | None
    after: int | None
    role: str
    lines: tuple[Line, ...]


class Difference(_Value):
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


class Examination(_Value):
    """All findings. `unread` are sentences on cells that no parser could read, and why."""

    imports: tuple[Import, ...] = ()
    remarks: tuple[Remark, ...] = ()
    data: tuple[DataUsage, ...] = ()
    mentioned: dict[str, tuple[str, ...]] = {}
    hints: tuple[Remark, ...] = ()
    difference: Difference | None = None
    texts: dict[int, str] = {}
    unread: tuple[str, ...] = ()
