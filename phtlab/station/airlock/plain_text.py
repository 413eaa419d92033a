"""Text that may leave: short, printable, and no formula to any spreadsheet."""

from __future__ import annotations

import re
import unicodedata

# OWASP, "CSV injection": what a spreadsheet may take for a formula. A sign before a digit
# or alone is an ordinary label ("-1", "+").
_FORMULA = re.compile(r"[=@]|[+-](?![0-9.,\s%]*$)(?![0-9]+(?:\.[0-9]+)?[-–][0-9])")


def text_fault(text: str, limit: int) -> str | None:
    """Why `text` may not leave, without quoting it, or None if it may.

    Control, format (bidirectional overrides among them), surrogate and private
    characters, and line or paragraph separators are refused.
    """
    if len(text) > limit:
        return f"text longer than {limit} characters"
    for character in text:
        category = unicodedata.category(character)
        if category.startswith("C") or category in ("Zl", "Zp"):
            return "text with invisible or control characters"
    if _FORMULA.match(text):
        return "text that a spreadsheet would take for a formula"
    return None
