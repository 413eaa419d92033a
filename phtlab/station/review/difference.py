"""The difference between two notebooks, by nbdime, as lines of text marked added or removed.

Nbdime matches the cells and finds the changed lines of a cell (nbdime, ``docs/source/diffing.rst``:
a diff of the list of cells whose entries are inserted, removed or patched). It receives only the
cells' text, kind and role, never outputs or other metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from phtlab.station.review.examination import CellChange, CodeCell, Difference, Line
from phtlab.station.review.visible_source import escape, lines_of

_AROUND: Final = 3


def difference(before: Sequence[CodeCell], after: Sequence[CodeCell]) -> Difference:
    """Return what changed from `before` to `after`, cell by cell in reading order."""
    from nbdime.diffing.notebooks import diff_notebooks

    old_notebook, new_notebook = _notebook(before), _notebook(after)
    changes: list[CellChange] = []
    at = new = 0
    operations = [op for op in diff_notebooks(old_notebook, new_notebook) if op.key == "cells"]
    for op in operations[0].diff if operations else []:
        while at < op.key:
            changes.append(_same(before[at], after[new]))
            at, new = at + 1, new + 1
        if op.op == "addrange":
            for cell in after[new : new + len(op.valuelist)]:
                changes.append(_whole(cell, "added"))
            new += len(op.valuelist)
        elif op.op == "removerange":
            changes.extend(_whole(cell, "removed") for cell in before[at : at + op.length])
            at += op.length
        else:
            changes.append(_patched(before[at], after[new], op.diff))
            at, new = at + 1, new + 1
    while at < len(before):
        changes.append(_same(before[at], after[new]))
        at, new = at + 1, new + 1
    return Difference(cells=tuple(changes))


def near(lines: Sequence[Line]) -> set[int]:
    """Return the indexes of the changed lines, and of a few around them."""
    changed = [at for at, line in enumerate(lines) if line.mark != "same"]
    return {place for at in changed for place in range(at - _AROUND, at + _AROUND + 1)}


def _notebook(cells: Sequence[CodeCell]) -> Any:
    from nbformat import NotebookNode, from_dict

    made: NotebookNode = from_dict(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {"role": cell.role, "kind": cell.kind},
                    "outputs": [],
                    "source": _as_nbdime_splits(cell.source),
                }
                for cell in cells
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 4,
        }
    )
    return made


def _same(before: CodeCell, after: CodeCell) -> CellChange:
    lines = [
        Line(mark="same", before=n, after=n, text=text)
        for n, text in enumerate(lines_of(after.source), start=1)
    ]
    return _change("same", before, after, lines)


def _whole(cell: CodeCell, mark: str) -> CellChange:
    added = mark == "added"
    lines = [
        Line(
            mark="added" if added else "removed",
            before=None if added else n,
            after=n if added else None,
            text=text,
        )
        for n, text in enumerate(lines_of(cell.source), start=1)
    ]
    if added:
        return _change("added", None, cell, lines)
    return _change("removed", cell, None, lines)


def _patched(before: CodeCell, after: CodeCell, diff: Sequence[Any]) -> CellChange:
    """Return a cell with its changed lines; nbdime reports line ranges and changes in a line."""
    old, new = lines_of(before.source), lines_of(after.source)
    lines: list[Line] = []
    at = to = 0

    def keep(until: int) -> None:
        nonlocal at, to
        while at < until:
            lines.append(Line(mark="same", before=at + 1, after=to + 1, text=old[at]))
            at, to = at + 1, to + 1

    def remove(count: int) -> None:
        nonlocal at
        for _ in range(count):
            lines.append(Line(mark="removed", before=at + 1, after=None, text=old[at]))
            at += 1

    def add(count: int) -> None:
        nonlocal to
        for _ in range(count):
            lines.append(Line(mark="added", before=None, after=to + 1, text=new[to]))
            to += 1

    for op in _removals_first([i for part in diff if part.key == "source" for i in part.diff]):
        keep(min(op.key, len(old)))
        if op.op == "addrange":
            add(min(len(op.valuelist), len(new) - to))
        elif op.op == "removerange":
            remove(min(op.length, len(old) - at))
        else:
            remove(1)
            add(1)
    keep(len(old))
    if [line.text for line in lines if line.mark != "removed"] != new:
        raise ValueError("the difference does not give the newer text")
    changed = any(line.mark != "same" for line in lines) or (before.role, before.kind) != (
        after.role,
        after.kind,
    )
    return _change("changed" if changed else "same", before, after, lines)


def _removals_first(operations: list[Any]) -> list[Any]:
    """Order removals before additions; nbdime reports the additions at a place first."""
    return sorted(operations, key=lambda op: (op.key, op.op != "removerange"))


def _as_nbdime_splits(source: str) -> str:
    """Escape `source` so that nbdime, which uses `str.splitlines`, gets the lines of `lines_of`."""
    return "".join(
        "".join(c if len(f"a{c}a".splitlines()) == 1 else escape(c) for c in line) + "\n"
        for line in lines_of(source)
    )


def _change(
    change: Any, before: CodeCell | None, after: CodeCell | None, lines: list[Line]
) -> CellChange:
    visible = after or before
    assert visible is not None  # noqa: S101 - one of the two is given
    return CellChange(
        change=change,
        before=before.number if before else None,
        after=after.number if after else None,
        role=visible.role,
        lines=tuple(lines),
    )
