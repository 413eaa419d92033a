"""Safe text for errors that a daemon thread logs and survives."""

from __future__ import annotations

from phtlab.errors import PhtlabError


def safe_error_text(error: Exception) -> str:
    """Return the error's message if phtlab or the OS wrote it, else only its class.

    A library's message may quote anything, even a patient's row.
    """
    known = isinstance(error, PhtlabError | OSError)
    return str(error) if known else repr(type(error))
