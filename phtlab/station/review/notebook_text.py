"""A train's notebook as text for a reviewer: its cells, and what is unexpected in the file.

Outputs, attachments and metadata are never shown. phtlab writes none into a train's notebook: if
there are some, another program wrote the file, and the reviewer is informed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from phtlab.errors import TrainError
from phtlab.station.review.visible_source import lines_of

MOST_CHARACTERS: Final = 200_000
MOST_LINES: Final = 5_000
MOST_CELLS: Final = 500
"""Limits of what a page shows of a notebook; beyond them the reviewer is informed."""
COMBINE: Final = "combine"
"""The role of cells that run between rounds, and never at a station."""
_OWN_METADATA: Final = {"phtlab", "tags"}


def role_title(role: str) -> str:
    """Return the role of a code cell, and whether it runs here at all."""
    return f"{role}, does not run here" if role == COMBINE else role


@dataclass(frozen=True)
class ReadCell:
    """A cell. `number` (in the author's notebook) and `role` are from the cell's own metadata.

    No two cells of a notebook have the same number: if they claim to, they are numbered by
    position.
    """

    number: int
    role: str
    kind: str
    source: str

    @property
    def title(self) -> str:
        """Its role, and whether it runs here at all."""
        if self.kind != "code":
            return f"{self.role}, {self.kind}, does not run"
        return role_title(self.role)

    @property
    def lines(self) -> list[str]:
        return lines_of(self.source)


@dataclass(frozen=True)
class NotebookText:
    """All cells of a notebook in the order in which they run, and its declared language.

    `strange` are sentences about the file; `whole` is False if cells beyond the limits were left
    out.
    """

    language: str
    cells: tuple[ReadCell, ...]
    strange: tuple[str, ...] = ()
    whole: bool = True


def read_notebook(content: bytes) -> NotebookText:
    """Read the notebook of a train. Raises TrainError (``image-notebook``) if it is invalid."""
    try:
        notebook = json.loads(content)
        raw = notebook["cells"]
        if notebook["nbformat"] != 4:  # the only version that the runtime runs
            raise ValueError(notebook["nbformat"])
        language = str(notebook["metadata"]["kernelspec"]["language"])
        claimed = [_number(cell) for cell in raw]
        numbered = all(a < b for a, b in pairwise([0, *claimed, 10**6]))
        cells = [
            _cell(number if numbered else position, cell)
            for position, (number, cell) in enumerate(zip(claimed, raw, strict=True), start=1)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TrainError(
            "The train's notebook is not one that phtlab wrote, and cannot be read.",
            "Refuse it, and ask its author to build the train again.",
            code="image-notebook",
        ) from None
    visible = _within_limit(cells)
    strange = list(_strange(notebook))
    if not numbered:
        strange.append(
            "Its cells have no numbers of their author's notebook; they are counted here."
        )
    if len(visible) < len(cells):
        strange.append(
            f"Only {len(visible)} of {len(cells)} cells are shown: the notebook has more text than "
            "anybody reads. Refuse it, or ask its author for a shorter one."
        )
    return NotebookText(language, tuple(visible), tuple(strange), len(visible) == len(cells))


def _number(raw: dict[str, Any]) -> int:
    """Return a cell's own number in its author's notebook; 0 if it has none."""
    number = raw.get("metadata", {}).get("phtlab", {}).get("cell", 0)
    return number if isinstance(number, int) else 0


def _cell(number: int, raw: dict[str, Any]) -> ReadCell:
    source = raw["source"]
    about = raw.get("metadata", {}).get("phtlab", {})
    return ReadCell(
        number,
        str(about.get("role", "none"))[:40],
        str(raw["cell_type"])[:40],
        source if isinstance(source, str) else "".join(source),
    )


def _within_limit(cells: list[ReadCell]) -> list[ReadCell]:
    characters = lines = 0
    for position, cell in enumerate(cells[:MOST_CELLS]):
        characters += len(cell.source)
        lines += len(cell.lines)
        if characters > MOST_CHARACTERS or lines > MOST_LINES:
            return cells[:position]
    return cells[:MOST_CELLS]


def _strange(notebook: dict[str, Any]) -> list[str]:
    found: dict[str, list[str]] = {}
    for position, cell in enumerate(notebook["cells"], start=1):
        where = str(position)
        if cell.get("outputs"):
            found.setdefault("outputs", []).append(where)
        if cell.get("attachments"):
            found.setdefault("attachments", []).append(where)
        metadata = cell.get("metadata", {})
        if set(metadata) - _OWN_METADATA:
            found.setdefault("further metadata", []).append(where)
        if cell["cell_type"] != "code":
            found.setdefault("text that does not run", []).append(where)
        # The runtime goes by either of them.
        about = metadata.get("phtlab")
        role = about.get("role") if isinstance(about, dict) else None
        tags = metadata.get("tags")
        if isinstance(tags, list) and COMBINE in tags and role != COMBINE:
            found.setdefault("a tag of another role than its own", []).append(where)
    if set(notebook["metadata"]) - {"kernelspec", "language_info"}:
        found.setdefault("further metadata", []).append("the notebook itself")
    return [
        f"It carries {what}, which phtlab does not write into a notebook that travels "
        f"(place {', '.join(places[:5])}{', …' if len(places) > 5 else ''}); it is not shown."
        if what != "text that does not run"
        else f"It carries text cells, which phtlab leaves at home (place {', '.join(places[:5])})."
        for what, places in found.items()
    ]
