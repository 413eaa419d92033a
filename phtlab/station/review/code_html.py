"""Lines of code as HTML: escaped text with line numbers, and deceptive characters marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from phtlab.station.review.visible_source import pieces

MANY_EMPTY: Final = 12
"""Most empty lines in a row that are shown; a longer run is shown as its number of lines."""


def line_html(line: str) -> Markup:
    """Return a line as HTML, its characters in the stored order, even right-to-left ones."""
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
    """Return each line's number and HTML; a long run of empty lines is one row with a count."""
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
