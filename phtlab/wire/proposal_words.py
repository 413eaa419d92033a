"""A station's state on a proposal, for people: a mark, and a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from phtlab.wire.api.governance import StationState, StationStateView

MARKS: Final[Mapping[StationState, str]] = {
    "submitted": "○",
    "in-review": "…",
    "approved": "✓",
    "refused": "✗",
    "revoked": "✗",
    "expired": "✗",
    "void": "✗",
}
WORDS: Final[Mapping[StationState, str]] = {
    "submitted": "not reviewed yet",
    "in-review": "in review",
    "approved": "approved",
    "refused": "refused",
    "revoked": "approval revoked",
    "expired": "approval expired",
    "void": "approval void: signed with keys, or in a format, of before",
}


def mark_of(station: StationStateView) -> str:
    """Return the mark of `station`; "!" if it approved other trains than the study's own."""
    return "!" if station.lacks else MARKS[station.state]


def state_text(station: StationStateView) -> str:
    """Return the state of `station` as text, and what may start under its approval."""
    if station.state != "approved" or not station.allows:
        return WORDS[station.state]
    if station.lacks:
        return f"approved, but not this study's own train: {station.lacks}"
    return f"approved: {station.allows}"


def count_of_approved(stations: tuple[StationStateView, ...]) -> str:
    """Count the `stations` that approved the study's own trains: ``1 of 4 approved``."""
    approved = [station for station in stations if station.state == "approved"]
    own = sum(not station.lacks for station in approved)
    other = len(approved) - own
    more = f", {other} for other trains only" if other else ""
    return f"{own} of {len(stations)} approved{more}"
