"""Text that people write and others decide by: one line, or several, all of it visible."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from phtlab.printable import escaped, escaped_lines


def _visible(text: str) -> str:
    if escaped(text) != text:
        raise ValueError("it has a character that nobody sees, or more than one line")
    return text


def _visible_lines(text: str) -> str:
    if escaped_lines(text) != text:
        raise ValueError("it has a character that nobody sees")
    return text


LONGEST: Final = 200

Line = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(_visible)]
Lines = Annotated[str, StringConstraints(max_length=8000), AfterValidator(_visible_lines)]
"""Several lines, each ended by a line feed."""


def line_of(text: str) -> str:
    """Convert any `text` to a `Line`: escape invisible characters, cut what is too long."""
    return escaped(text)[:LONGEST]
