"""How far a station is with a proposal, as people read it: a mark, and a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from phtlab.wire.governance import StationState

MARKS: Final[Mapping[StationState, str]] = {
    "submitted": "○",
    "in-review": "…",
    "approved": "✓",
    "refused": "✗",
    "revoked": "✗",
    "expired": "✗",
}
WORDS: Final[Mapping[StationState, str]] = {
    "submitted": "not looked at yet",
    "in-review": "in review",
    "approved": "approved",
    "refused": "refused",
    "revoked": "approval taken back",
    "expired": "approval ended",
}
