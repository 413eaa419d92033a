"""Faults that a thread of the daemon outlives, in words for its log."""

from __future__ import annotations

from phtlab.errors import PhtlabError


def safe_error_text(error: Exception) -> str:
    """What happened, if the words are ours or the system's; of any other fault only its class.

    A library's message may quote anything, a patient's row too.
    """
    known = isinstance(error, PhtlabError | OSError)
    return str(error) if known else repr(type(error))
