"""A journey and its stops in words and signs, for terminals, notebooks and pages."""

from __future__ import annotations

import html

from phtlab.train.printable import escaped
from phtlab.wire.api import JourneyView, StopView

_MARKS = {"departed": "✓", "failed": "✗", "refused": "✗", "cancelled": "–", "held": "‖"}


def short(digest: str) -> str:
    """The first 12 characters of a digest: what people type."""
    return digest.removeprefix("sha256:")[:12]


def describe(stop: StopView) -> str:
    """A stop's state in words on one line: `running, cell 3 of 5`, `failed: …`."""
    text: str = stop.state
    if stop.state == "running" and stop.cells:
        text += f", cell {stop.cell or 0} of {stop.cells}"
    if stop.sentence:
        text += f": {stop.sentence}"
    if stop.error is not None and stop.error.cell is not None:
        said = f": {stop.error.message}" if stop.error.message else ""
        text += f" ({stop.error.type}{said}, cell {stop.error.cell})"
    return escaped(text)


def mark(state: str) -> str:
    """A sign for a state, so that none is told by colour alone."""
    return _MARKS.get(state, "●")


def journey_html(view: JourneyView) -> str:
    """The route as a row of stops: the fallback that works in every notebook and in HTML export."""
    stops = "<span style='align-self:center'>→</span>".join(
        "<div style='border:1px solid;border-radius:6px;padding:6px 10px;margin:4px'>"
        f"<b>{html.escape(stop.station)}</b><br>{mark(stop.state)} {html.escape(describe(stop))}"
        "</div>"
        for stop in view.stops
    )
    return (
        f"<div><b>Journey {short(view.id)}</b> of {html.escape(view.train_name)}"
        f"<div style='display:flex;flex-wrap:wrap'>{stops}</div></div>"
    )
