"""A journey as a map: the facts that the view in `frontend/src/journeys` and the HTML show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from phtlab.lab.display.journey_text import TWO_RECORDS, short
from phtlab.lab.display.rounds_map import Report, RoundsMap, rounds_map
from phtlab.lab.display.route_order import (
    is_resumable,
    route_order,
    station_at_turn,
    stations_of,
)
from phtlab.lab.display.stop_cost import stop_cost
from phtlab.printable import escaped
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.record import FINAL_STATES, CellError, StopState
from phtlab.wire.api.journeys import JourneyView, StopView

MIME_TYPE: Final = "application/vnd.phtlab.journey+json"
"""The type of a notebook's output that holds a `RouteMap`."""

MAX_NAME: Final = 40
MAX_TITLE: Final = 500
MAX_SENTENCE: Final = 600


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MappedError(_Model):
    """The error of a cell; `cell` is counted from 1 in the notebook as its author has it."""

    type: str
    cell: int | None
    line: int | None
    message: str | None


class MappedStop(_Model):
    """One stop of a map. `seconds` is how long it ran in all, or has run when the map was made."""

    station: str
    number: int
    state: StopState
    final: bool
    contradicted: bool
    sentence: str
    error: MappedError | None
    cell: int | None
    cells: int | None
    updated: Moment
    seconds: float | None
    size: int = Field(description="Bytes of sealed results; 0 where there are none.")
    combines: bool = Field(description="Whether it is that of an aggregator, which has no data.")


class RouteMap(_Model):
    """One journey for display, as `IRouteMap` in TypeScript; the order is read, not verified.

    All text is printable and of bounded length. Marks, tones and sentences are the view's.
    """

    id: str
    short: str
    train_name: str
    researcher: str
    submitted: Moment
    done: bool
    cancelled: bool
    removed: Moment | None
    route: str
    continues: str | None = Field(description="The journey that it continues.")
    continued_by: str | None
    resumable: bool
    summary: str
    rounds: RoundsMap | None = Field(description="None on a route without rounds.")
    stops: tuple[MappedStop, ...]

    def json_value(self) -> dict[str, JsonValue]:
        """For a widget's traits and a notebook's output."""
        return self.model_dump(mode="json")


def route_map(
    view: JourneyView,
    began: Mapping[str, datetime] | None = None,
    now: datetime | None = None,
    *,
    rounds: str = "",
    reports: Sequence[Report] = (),
) -> RouteMap:
    """The map of `view`. `began` is when each station's first cell began, where events told.

    `rounds` says how far a journey of rounds is, `reports` are what its combine cells reported.
    """
    moment, order = now or datetime.now(UTC), route_order(view)
    return RouteMap(
        id=view.id,
        short=short(view.id),
        train_name=middle(view.train_name, MAX_TITLE),
        researcher=middle(view.researcher, MAX_TITLE),
        submitted=view.submitted,
        done=view.done,
        cancelled=view.cancelled,
        removed=view.removed,
        route=middle(order.route),
        continues=order.continues and middle(order.continues, MAX_TITLE),
        continued_by=view.continued_by,
        resumable=is_resumable(view),
        summary=", ".join(filter(None, [summary(view), middle(rounds, MAX_SENTENCE)])),
        rounds=rounds_map(view, reports),
        stops=tuple(_stop(stop, began or {}, moment, order.aggregator) for stop in view.stops),
    )


def _stop(
    stop: StopView, began: Mapping[str, datetime], now: datetime, aggregator: str | None
) -> MappedStop:
    cost = stop_cost(stop, began, now)
    running = stop.state == "running" and bool(stop.cells)
    return MappedStop(
        station=middle(stop.station, MAX_TITLE),
        number=stop.number,
        state=stop.state,
        final=stop.state in FINAL_STATES,
        contradicted=stop.contradicted,
        sentence=middle(stop.sentence, MAX_SENTENCE),
        error=None if stop.error is None else _error(stop.error),
        cell=(stop.cell or 0) if running else None,
        cells=stop.cells if running else None,
        updated=stop.updated,
        seconds=cost.seconds,
        size=cost.size,
        combines=stop.station == aggregator,
    )


def _error(error: CellError) -> MappedError:
    return MappedError(
        type=middle(error.type, MAX_TITLE),
        cell=error.cell,
        line=error.line,
        message=error.message and middle(error.message, MAX_SENTENCE),
    )


def contradiction_warning(view: JourneyView) -> str:
    """Names the stations whose key signed two records; empty if there are none."""
    names = [middle(stop.station) for stop in view.stops if stop.contradicted]
    return f"{', '.join(names)} {TWO_RECORDS}." if names else ""


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
    parts = [f"{len(ended)} of {len(states)} ended"] if ended else []
    # An aggregator runs as long as the stations do.
    running = [stop.station for stop in stations_of(view) if stop.state == "running"]
    if view.cancelled:
        parts.append("asked to stop")
    elif len(running) == 1:
        parts.append(f"running at {middle(running[0])}")
    elif running:
        parts.append(f"running at {len(running)} stations")
    elif "held" in states:
        parts.append("waiting for a person")
    elif (turn := station_at_turn(view)) is not None:
        parts.append(f"waits for {middle(turn)}")
    return ", ".join(parts) or "on its way"


def middle(text: str, length: int = MAX_NAME) -> str:
    """`text`, printable, with its middle cut out where it is longer than `length`."""
    # Cut first: what others sent may be of any length.
    plain = escaped(text if len(text) <= 4 * length else text[: 2 * length] + text[-2 * length :])
    if len(plain) <= length:
        return plain
    head = (length - 1) * 2 // 3
    return plain[:head] + "…" + plain[head + 1 - length :]
