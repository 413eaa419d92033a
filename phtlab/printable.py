"""Escape untrusted text for a terminal or a page."""

from __future__ import annotations

import unicodedata


def escaped(text: str) -> str:
    """Return `text` with each character that is neither visible nor a space escaped, as `\\x1b`."""
    return "".join(
        character
        if not unicodedata.category(character).startswith(("C", "Zl", "Zp"))
        else character.encode("unicode_escape").decode()
        for character in text.expandtabs(4)
    )


def escaped_lines(text: str) -> str:
    """Return `text` escaped as by `escaped`, except for its line breaks."""
    return "\n".join(map(escaped, text.split("\n")))
