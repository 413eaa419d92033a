"""Text from someone else, made safe for a person's terminal or page."""

from __future__ import annotations

import unicodedata


def escaped(text: str) -> str:
    """`text` with everything that is not a visible character or a space as `\\x1b`."""
    return "".join(
        character
        if not unicodedata.category(character).startswith(("C", "Zl", "Zp"))
        else character.encode("unicode_escape").decode()
        for character in text.expandtabs(4)
    )


def escaped_lines(text: str) -> str:
    """`text` as `escaped` has it, and each new line a new line."""
    return "\n".join(map(escaped, text.split("\n")))
