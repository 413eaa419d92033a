"""How a journey's progress is shown: live in a terminal or notebook, as lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from phtlab.lab.display.journey_text import mark, short
from phtlab.lab.display.route_order import stop_text
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    from rich.table import Table

    from phtlab.lab.display.journey_display import JourneyDisplay

Show = Callable[[JourneyView], None]


@contextmanager
def journey_progress(on_change: Show | None, notebook: JourneyDisplay) -> Iterator[Show]:
    """Yields the function that is told each view; picks the display by where it runs."""
    if on_change is not None:
        yield on_change
    elif notebook.show():
        yield notebook.changed
    elif sys.stderr.isatty():
        with _terminal_display() as show:
            yield show
    else:
        yield _line_display()


@contextmanager
def _terminal_display() -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=8) as live:
        yield lambda view: live.update(route_table(view))


def _line_display() -> Show:
    lines: dict[str, str] = {}

    def show(view: JourneyView) -> None:
        for stop in view.stops:
            if lines.get(stop.station) != stop.state:
                lines[stop.station] = stop.state
                print(f"{stop.station}: {stop_text(view, stop)}", file=sys.stderr)  # noqa: T201

    return show


def route_table(view: JourneyView) -> Table:
    """The stops of a journey as a rich table."""
    from rich.table import Table
    from rich.text import Text

    colours = {"departed": "green", "failed": "red", "refused": "red", "cancelled": "yellow"}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), min_width=24)
    for stop in view.stops:
        colour = colours.get(stop.state, "cyan")
        # As text: what others say of a stop is no markup.
        table.add_row(Text(mark(stop.state), colour), stop.station, Text(stop_text(view, stop)))
    table.caption = f"journey {short(view.id)}"
    table.caption_justify = "left"
    return table
