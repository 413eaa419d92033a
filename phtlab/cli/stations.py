"""`phtlab stations`: list the stations and their data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.errors import OrderError

if TYPE_CHECKING:
    from phtlab.wire.api.journeys import Column, StationView


def stations(
    station: Annotated[
        str | None,
        typer.Argument(help="Show the columns of this station's data sets.", metavar="STATION"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the stations, whether they are online, and their data sets; or one with its columns.

    Aggregators, which combine rounds and have no data, follow the stations.
    """
    import phtlab

    lab = phtlab.connect()
    views = lab.stations()
    if station is not None:
        views = tuple(view for view in views if view.name == station)
        if not views:
            raise OrderError(
                f"There is no station called '{station}'.",
                "'phtlab stations' lists them.",
                code="unknown-station",
            )
    if as_json:
        print_json(views)
        return
    if not views:
        err.print("The roster has no station yet. An officer adds them.")
        return
    if station is not None:
        _print_station(views[0])
        return
    twins = {member.name for member in lab.trusted.roster.with_role("twin")}
    table = Table(box=None, pad_edge=False)
    for heading in ("station", "organisation", "state", "data set", "rows"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for view in views:
        state = presence(view)
        first = (view.name, view.organisation, f"{state}, twin" if view.name in twins else state)
        for data in view.datasets:
            table.add_row(*map(Text, (*first, data.name, data.rows_text)))
            first = ("", "", "")
        if not view.datasets:
            table.add_row(*map(Text, (*first, "none yet", "")))
    for view in lab.central.stations():
        if not view.has_data:
            state = f"{presence(view)}, aggregator"
            table.add_row(*map(Text, (view.name, view.organisation, state, "", "")))
    out.print(table)


def presence(view: StationView) -> str:
    """Return `● online`, or when the station last asked central for work."""
    if view.online:
        return f"● online; {view.paused}" if view.paused else "● online"
    if view.last_seen is None:
        return "○ never seen"
    return f"○ last seen {view.last_seen:%Y-%m-%d %H:%M}"


def _print_station(view: StationView) -> None:
    out.print(f"{view.name}, {view.organisation}: {presence(view)}", markup=False)
    for data in view.datasets:
        rows = f", {data.rows_text} rows" if data.rows_text else ""
        title = f": {data.title}" if data.title else ""
        out.print(f"\n{data.name}{title}{rows}", markup=False)
        table = Table("column", "type", "unit", "meaning", box=None)
        for column in data.columns:
            cells = (column.name, column.type, column.unit, meaning(column))
            table.add_row(*map(Text, cells))
        out.print(table)


def meaning(column: Column) -> str:
    """Return a column's description, with its categories where they are declared."""
    if column.type == "string" and column.categories:
        return f"{column.description}: {', '.join(column.categories)}"
    return column.description
