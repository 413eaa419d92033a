"""A journey as a short table in HTML, for pages without the view: exports, GitHub, mail."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from phtlab.lab.display.colours import CARD, CODE, FOREIGN, MUTED, badge
from phtlab.lab.display.journey_text import COMBINES, mark
from phtlab.lab.display.route_map import (
    MappedError,
    MappedStop,
    RouteMap,
    contradiction_warning,
    middle,
    route_map,
)
from phtlab.lab.display.route_order import ARROW, resume_hint, waits_for
from phtlab.lab.display.stop_cost import duration, size
from phtlab.wire.api.journeys import JourneyView

_TONES: Final[Mapping[str, str]] = {
    "departed": "good",
    "failed": "bad",
    "refused": "bad",
    "cancelled": "warn",
    "held": "warn",
    "offered": "idle",
    "verified": "idle",
}
_WAITING: Final = ("offered", "verified")


def journey_html(
    view: JourneyView,
    began: Mapping[str, datetime] | None = None,
    now: datetime | None = None,
    *,
    rounds: str = "",
) -> str:
    """The stops with state, time and sentence. What strips the inline styles leaves a table.

    `rounds` says how far a journey of rounds is.
    """
    shown = route_map(view, began, now, rounds=rounds)
    warning = contradiction_warning(view)
    alarm = f'<p role="alert" style="{FOREIGN}">{badge("!", "bad")} <b>{_text(warning)}</b></p>'
    departed = any(stop.state == "departed" for stop in shown.stops)
    partial = "" if shown.done else "partial=True"
    hint = f'<p style="{MUTED}"><code style="{CODE}">phtlab.results({partial})</code> opens what '
    goes_on = resume_hint(view)
    rows = [
        _row(stop, waits_for(view, at), shown)
        for stop, at in zip(shown.stops, view.stops, strict=True)
    ]
    return (
        f'<div class="phtlab-journey" style="{CARD}">'
        f'<b title="{_text(shown.train_name)}"><bdi style="{FOREIGN}">'
        f"{_text(middle(view.train_name))}</bdi></b> "
        f'<span style="{MUTED}">journey <code style="{CODE}">{_text(shown.short)}</code></span> '
        f"{_text(shown.summary)}{alarm if warning else ''}"
        f"<table>{''.join(rows)}</table>"
        f"{hint + 'departed.</p>' if departed else ''}"
        f"{f'<p>{_text(goes_on)}</p>' if goes_on else ''}</div>"
    )


def _row(stop: MappedStop, turn: str | None, shown: RouteMap) -> str:
    """Its mark, station and state in cells of their own, so that a page without style is read.

    `turn` is the station that it waits for. An arrow leads to each later station of a sequential
    route.
    """
    sign, tone = mark(stop.state), _TONES.get(stop.state, "active")
    if stop.contradicted:
        sign, tone = "!", "bad"
    elif stop.state in _WAITING:
        sign = "○"
    lines = [_state(stop, turn), stop.sentence, _error(stop.error)]
    arrow = f"{ARROW} " if shown.route == "sequential" and stop.number else ""
    note = "<br>".join(_text(line) for line in lines if line)
    left = "text-align:left;vertical-align:top"
    return (
        f'<tr><td style="{left}" aria-hidden="true">{badge(sign, tone)}</td>'
        f'<th scope="row" style="{left}" title="{_text(stop.station)}">'
        f'{arrow}<bdi style="{FOREIGN}">{_text(middle(stop.station))}</bdi>'
        f"{COMBINES if stop.combines else ''}</th>"
        f'<td style="{left};{FOREIGN}">{note}</td></tr>'
    )


def _state(stop: MappedStop, turn: str | None) -> str:
    """`departed, ran 0.8 s, sent 14 kB`, `running, cell 3 of 5`, or `waits for cleveland`."""
    if turn is not None:
        return f"waits for {middle(turn)}"
    parts: list[str] = [stop.state]
    if stop.cells:
        parts.append(f"cell {stop.cell} of {stop.cells}")
    if stop.final and stop.seconds is not None:
        parts.append(f"ran {duration(stop.seconds)}")
    if stop.size:
        parts.append(f"sent {size(stop.size)}")
    return ", ".join(parts)


def _error(error: MappedError | None) -> str:
    """`KeyError: message, cell 4, line 2`."""
    if error is None:
        return ""
    words = error.type + (f": {error.message}" if error.message else "")
    if error.cell is not None:
        words += f", cell {error.cell}" + (f", line {error.line}" if error.line else "")
    return words


def _text(words: str) -> str:
    return html.escape(words)
