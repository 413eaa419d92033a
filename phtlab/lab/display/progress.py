"""How a journey's progress is shown: live in a terminal or notebook, as lines elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from phtlab.lab.display.journey_text import mark, short
from phtlab.lab.display.route_order import stop_name, stop_text
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    from rich.table import Table

    from phtlab.lab.display.journey_display import JourneyDisplay

_COUNT: Final = re.compile(r", heard \d+ of")
Show = Callable[[JourneyView], None]


@contextmanager
def journey_progress(
    on_change: Show | None, notebook: JourneyDisplay, rounds: Callable[[], str] = lambda: ""
) -> Iterator[Show]:
    """Yields the function that is told each view; picks the display by where it runs.

    `rounds` returns how far a journey of rounds is.
    """
    if on_change is not None:
        yield on_change
    elif notebook.show():
        yield notebook.changed
    elif sys.stderr.isatty():
        with _terminal_display(rounds) as show:
            yield show
    else:
        yield _line_display(rounds)


@contextmanager
def _terminal_display(rounds: Callable[[], str]) -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=8) as live:
        yield lambda view: live.update(route_table(view, rounds()))


def _line_display(rounds: Callable[[], str]) -> Show:
    lines: dict[str, str] = {}

    def show(view: JourneyView) -> None:
        # A line per round, and one where stations are late or gone, not one per station.
        line = rounds()
        round_line = _COUNT.sub("", line)
        if round_line != lines.get("", ""):  # no station has an empty name
            lines[""] = round_line
            print(line, file=sys.stderr)  # noqa: T201
        for stop in view.stops:
            if lines.get(stop.station) != stop.state:
                lines[stop.station] = stop.state
                print(f"{stop_name(view, stop)}: {stop_text(view, stop)}", file=sys.stderr)  # noqa: T201

    return show


def route_table(view: JourneyView, rounds: str = "") -> Table:
    """The stops of a journey as a rich table; `rounds` says how far its rounds are."""
    from rich.table import Table
    from rich.text import Text

    colours = {"departed": "green", "failed": "red", "refused": "red", "cancelled": "yellow"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), min_width=24)
    for stop in view.stops:
        colour = colours.get(stop.state, "cyan")
        # As text: what others say of a stop is no markup.
        name = stop_name(view, stop)
        table.add_row(Text(mark(stop.state), colour), name, Text(stop_text(view, stop)))
    table.caption = ", ".join(filter(None, [f"journey {short(view.id)}", rounds]))
    table.caption_justify = "left"
    return table
