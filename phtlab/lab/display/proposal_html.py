"""A proposal as HTML that needs no script and fetches nothing, as a notebook shows it."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Final

from phtlab.lab.display.colours import CARD, CODE, FOREIGN, MUTED, badge
from phtlab.printable import escaped
from phtlab.wire.api.governance import ProposalSummary, StationState, StationStateView
from phtlab.wire.proposal_words import count_of_approved, mark_of, state_text

_TONES: Final[Mapping[StationState, str]] = {
    "submitted": "idle",
    "in-review": "active",
    "approved": "good",
    "refused": "bad",
    "revoked": "bad",
    "expired": "warn",
    "void": "bad",
}


def proposal_html(summary: ProposalSummary) -> str:
    """Title, state and stations. Styles are inline: what strips them leaves text in order."""
    version = f"version {summary.version}, until {summary.until:%Y-%m-%d}"
    return (
        f'<div class="phtlab-proposal" style="{CARD}">'
        '<div style="display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;'
        'margin-bottom:8px">'
        f'<b style="font-size:115%"><bdi style="{FOREIGN}">{_words(summary.title)}</bdi></b>'
        f'<span style="{MUTED}">proposal <code style="{CODE}">{summary.id}</code>, {version}'
        f'</span><span style="margin-left:auto">{summary.state.replace("-", " ")}, '
        f"{count_of_approved(summary.stations)}</span></div>"
        '<div role="list" style="display:grid;gap:6px 0">'
        f"{''.join(map(_station, summary.stations))}</div></div>"
    )


def _station(station: StationStateView) -> str:
    requested = (
        f'<div style="{FOREIGN};margin-left:2.2em">requested: {_words(station.question)}</div>'
        if station.question
        else ""
    )
    tone = "warn" if station.lacks else _TONES[station.state]
    return (
        f'<div role="listitem">{badge(mark_of(station), tone)} '
        f"<b>{_words(station.station)}</b> "
        f'<span style="{MUTED}">{_words(state_text(station))}</span>{requested}</div>'
    )


def _words(text: str) -> str:
    """What others wrote."""
    return html.escape(escaped(text))
