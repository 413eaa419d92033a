"""Lines of code as HTML: text and nothing else, each line numbered, what could deceive marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from phtlab.station.review.visible_source import pieces

MANY_EMPTY: Final = 12
"""Empty lines in a row after which they are counted instead of shown."""


def line_html(line: str) -> Markup:
    """One line. Its characters stand in the order in which they are stored, whatever they are."""
    parts = [
        escape(piece.text)
        if piece.kind == "plain"
        else Markup('<mark class="{}" title="{}">{}</mark>').format(
            piece.kind, piece.name, piece.text
        )
        for piece in pieces(line)
    ]
    return Markup('<bdo dir="ltr">{}</bdo>').format(Markup("").join(parts))


def numbered(lines: Sequence[str]) -> list[tuple[str, Markup]]:
    """Each line's number and HTML; a long run of empty lines is one row that says how many."""
    rows: list[tuple[str, Markup]] = []
    at = 0
    while at < len(lines):
        end = at
        while end < len(lines) and not lines[end].strip():
            end += 1
        if end - at > MANY_EMPTY:
            text = Markup('<mark class="hidden">[{} empty lines]</mark>').format(end - at)
            rows.append((f"{at + 1}–{end}", text))
            at = end
            continue
        rows.append((str(at + 1), line_html(lines[at])))
        at += 1
    return rows
