"""View of a train under review: rows of escaped code, each with the remarks on its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from phtlab.station.review.code_html import line_html, numbered
from phtlab.station.review.difference import near
from phtlab.station.review.examination import CellChange, Import, Origin
from phtlab.station.review.image_materials import origin
from phtlab.station.review.notebook_text import role_title
from phtlab.station.review.train_review import TrainReview

_MARKS: Final = {"added": "+", "removed": "-", "same": " "}


@dataclass(frozen=True)
class Row:
    """One line of code, or a note on omitted lines."""

    number: str
    html: Markup
    mark: str = "same"
    notes: tuple[str, ...] = ()

    @property
    def sign(self) -> str:
        return _MARKS[self.mark]


@dataclass(frozen=True)
class CellRows:
    """A cell: `text` is its markdown as sanitised HTML, `label` replaces omitted rows."""

    number: int
    role: str
    rows: tuple[Row, ...] = ()
    text: Markup | None = None
    label: str = ""
    change: str = ""


@dataclass
class _Notes:
    """Remarks and hints on the notebook, by cell and line."""

    lines: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, reading: TrainReview) -> _Notes:
        notes = cls()
        for remark in (*reading.examination.remarks, *reading.examination.hints):
            notes.lines.setdefault((remark.cell, remark.line), []).append(remark.sentence)
        return notes

    def at(self, cell: int | None, line: int | None) -> tuple[str, ...]:
        return tuple(self.lines.get((cell or 0, line or 0), ()))


def notebook_cells(reading: TrainReview) -> Iterator[CellRows]:
    """Yield all cells of the notebook."""
    notes = _Notes.of(reading)
    for cell in reading.text.cells:
        made = reading.examination.texts.get(cell.number)
        rows = tuple(
            Row(number, html, notes=notes.at(cell.number, int(number)) if number.isdigit() else ())
            for number, html in numbered(_without_last(cell.lines))
        )
        # Safe: the examination builds it from a fixed set of elements, and its page cannot run
        # scripts.
        text = None if made is None else Markup(made)  # noqa: S704
        yield CellRows(cell.number, cell.title, rows, text)


def _without_last(lines: list[str]) -> list[str]:
    """Drop the empty last line that a trailing line feed makes."""
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def changed_cells(reading: TrainReview) -> Iterator[CellRows]:
    """Yield changes since the last approved version; an unchanged cell has only a label."""
    notes = _Notes.of(reading)
    for cell in reading.difference.cells if reading.difference else ():
        number = cell.after or cell.before or 0
        if cell.change == "same":
            yield CellRows(number, role_title(cell.role), label="no change", change="same")
        else:
            yield CellRows(
                number, role_title(cell.role), tuple(_rows(cell, notes)), change=cell.change
            )


def _rows(cell: CellChange, notes: _Notes) -> Iterator[Row]:
    visible = near(cell.lines)
    hidden = 0
    for at, line in enumerate(cell.lines):
        if at not in visible:
            hidden += 1
            continue
        if hidden:
            yield _left_out(hidden)
            hidden = 0
        number = line.after if line.mark != "removed" else line.before
        notes_here = notes.at(cell.after, line.after) if line.mark == "added" else ()
        yield Row(str(number), line_html(line.text), line.mark, notes_here)
    if hidden:
        yield _left_out(hidden)


def _left_out(count: int) -> Row:
    text = Markup('<i class="left-out">{} line{} without change</i>')
    return Row("", text.format(count, "" if count == 1 else "s"))


def imports_by_origin(reading: TrainReview) -> dict[Origin, tuple[str, ...]]:
    """Names of imported modules, by origin."""
    found: dict[Origin, dict[str, None]] = {"unknown": {}, "image": {}, "python": {}}
    for imported in _imports(reading):
        found[origin(imported, reading.kernel.materials)][imported.module] = None
    return {where: tuple(names) for where, names in found.items()}


def _imports(reading: TrainReview) -> Iterable[Import]:
    return reading.examination.imports


def declared_otherwise(reading: TrainReview) -> tuple[str, ...]:
    """Sentences about data sets that only the manifest or only the code names."""
    if reading.trouble or reading.examination.unread:
        return ()
    opened = {data.name for data in reading.examination.data}
    declared = set(reading.offer.train.manifest.datasets)
    sentences = [
        f"'{name}' is declared, and not opened by its name in the code."
        for name in declared - opened
    ]
    sentences += [
        f"'{name}' is opened, and not declared: that fails." for name in opened - declared
    ]
    return tuple(sorted(sentences))
