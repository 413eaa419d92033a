"""Text that may leave: short, printable, and not a formula in any spreadsheet."""

from __future__ import annotations

import re
import unicodedata

# OWASP, "CSV injection": what a spreadsheet may take for a formula. A sign before a digit
# or alone is an ordinary label ("-1", "+").
_FORMULA = re.compile(r"[=@]|[+-](?![0-9.,\s%]*$)(?![0-9]+(?:\.[0-9]+)?[-–][0-9])")


# Invisible characters outside category C: Unicode's Default_Ignorable_Code_Point, and the blank
# Braille pattern.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def text_error(text: str, limit: int) -> str | None:
    """Return why `text` may not leave, without quoting it, or None if it may.

    Control, format (bidirectional overrides included), surrogate and private characters, and line
    or paragraph separators are refused.
    """
    if len(text) > limit:
        return f"text longer than {limit} characters"
    for character in text:
        category = unicodedata.category(character)
        if category.startswith("C") or category in ("Zl", "Zp"):
            return "text with invisible or control characters"
    if _UNSEEN.search(text):
        return "text with invisible or control characters"
    if _FORMULA.match(text):
        return "text that a spreadsheet would take for a formula"
    return None
