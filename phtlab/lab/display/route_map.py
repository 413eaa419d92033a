"""A journey as a map: what its widget and its HTML show, as plain values ready for display."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from phtlab.errors import SignatureError
from phtlab.lab.display.journey_text import TWO_RECORDS, mark, short
from phtlab.lab.display.stop_cost import duration, size, stop_cost
from phtlab.printable import escaped
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.record import FINAL_STATES, CellError
from phtlab.wire.api.journeys import JourneyView, StopView

# How a state feels; the mark and the word say the same without colour.
TONES: Final[Mapping[str, str]] = {
    "departed": "good",
    "failed": "bad",
    "refused": "bad",
    "cancelled": "warn",
    "held": "warn",
    "offered": "idle",
}
MAX_NAME: Final = 40
MAX_TITLE: Final = 500
MAX_SENTENCE: Final = 600

_MARKS: Final[Mapping[str, str]] = {"offered": "○", "held": "‖", "running": "▶"}


def route_map(
    view: JourneyView, began: Mapping[str, datetime] | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """The journey for display, as JSON values. All text is printable and of bounded length.

    `began` is when each station's first cell began, where events told.
    """
    moment = now or datetime.now(UTC)
    stops = [_stop(stop, began or {}, moment) for stop in view.stops]
    return {
        "id": view.id,
        "short": short(view.id),
        "name": middle(view.train_name),
        "title": escaped(view.train_name)[:MAX_TITLE],
        "researcher": middle(view.researcher),
        "submitted": view.submitted.isoformat(),
        "summary": summary(view),
        "alarm": _alarm(view),
        "tone": _overall(view),
        "done": view.done,
        "cancelled": view.cancelled,
        "order": _order(view),
        "results": results_label(view),
        "stops": stops,
    }


def _stop(stop: StopView, began: Mapping[str, datetime], now: datetime) -> dict[str, Any]:
    cost = stop_cost(stop, began, now)
    running = stop.state == "running" and bool(stop.cells)
    spent = [f"ran {duration(cost.seconds)}"] if cost.seconds is not None else []
    if cost.size:
        spent.append(f"sent {size(cost.size)}")
    return {
        "station": middle(stop.station),
        "title": escaped(stop.station)[:MAX_TITLE],
        "state": stop.state,
        "tone": "bad" if stop.contradicted else TONES.get(stop.state, "active"),
        "mark": "!" if stop.contradicted else _MARKS.get(stop.state, mark(stop.state)),
        "word": f"{stop.state}, cell {stop.cell or 0} of {stop.cells}" if running else stop.state,
        "cell": stop.cell or 0 if running else None,
        "cells": stop.cells if running else None,
        "final": stop.state in FINAL_STATES,
        "sentence": middle(stop.sentence, MAX_SENTENCE),
        "error": None if stop.error is None else _error(stop.error),
        "updated": stop.updated.astimezone(UTC).isoformat(timespec="seconds"),
        "spent": ", ".join(spent),
        "seconds": cost.seconds if cost.running else None,
    }


def _alarm(view: JourneyView) -> str:
    """What nobody may overlook: stations whose key signed two records; empty if there are none."""
    names = [middle(stop.station) for stop in view.stops if stop.contradicted]
    return f"{', '.join(names)} {TWO_RECORDS}." if names else ""


def results_label(view: JourneyView) -> str:
    """What the button that opens results says; empty where there are none to open."""
    departed = sum(stop.state == "departed" for stop in view.stops)
    if not departed:
        return ""
    return "Open results" if view.done else f"Results so far ({departed} of {len(view.stops)})"


def _order(view: JourneyView) -> str:
    """Whether the stations take turns; for display, so the order is read, not verified."""
    try:
        return str(peek(view.order).predicate.get("route", "parallel"))
    except SignatureError:
        return "parallel"


def _error(error: CellError) -> dict[str, Any]:
    words = escaped(error.type)
    if error.message:
        words += f": {middle(error.message, MAX_SENTENCE)}"
    place = ""
    if error.cell is not None:
        place = f"cell {error.cell}" + (f", line {error.line}" if error.line else "")
    return {"words": words, "place": place, "cell": error.cell, "line": error.line}


def summary(view: JourneyView) -> str:
    """The whole journey in a few words: `3 departed, 1 failed`, `1 of 4 ended, running at ulm`."""
    states = [stop.state for stop in view.stops]
    ended = [state for state in states if state in FINAL_STATES]
    if view.done:
        if len(states) == 1:
            return states[0]
        if len(set(states)) == 1:
            return f"all {len(states)} {states[0]}"
        counted = dict.fromkeys(ended)
        return ", ".join(f"{states.count(state)} {state}" for state in counted)
    told = [f"{len(ended)} of {len(states)} ended"] if ended else []
    running = [stop.station for stop in view.stops if stop.state == "running"]
    if view.cancelled:
        told.append("asked to stop")
    elif len(running) == 1:
        told.append(f"running at {middle(running[0])}")
    elif running:
        told.append(f"running at {len(running)} stations")
    elif "held" in states:
        told.append("waiting for a person")
    return ", ".join(told) or "on its way"


def _overall(view: JourneyView) -> str:
    if any(stop.contradicted for stop in view.stops):
        return "bad"
    tones = {TONES.get(stop.state, "active") for stop in view.stops}
    if not view.done:
        return "active"
    return next((tone for tone in ("bad", "warn") if tone in tones), "good")


def middle(text: str, length: int = MAX_NAME) -> str:
    """`text`, printable, with its middle cut out where it is longer than `length`."""
    # Cut first: what others sent may be of any length.
    plain = escaped(text if len(text) <= 4 * length else text[: 2 * length] + text[-2 * length :])
    if len(plain) <= length:
        return plain
    head = (length - 1) * 2 // 3
    return plain[:head] + "…" + plain[head + 1 - length :]
