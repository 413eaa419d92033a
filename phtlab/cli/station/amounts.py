"""`phtlab station amounts`: what left the station in a month, with the policy's limits."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.terminal.output import JsonOption, err, out, print_json


def amounts(
    month: Annotated[
        str | None, typer.Option(help="The month (UTC), as 2026-12. Default: the current month.")
    ] = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what left in a month by researcher and data set, and the share of each limit used.

    Outputs beyond a limit are held for a person; 'phtlab station output list' lists them.
    """
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.amounts import month_page, size_text

    view = month_page(StationContext(*station_at(directory)), month)
    if as_json:
        print_json(
            {
                "month": view.month,
                "limits": view.limits.model_dump(mode="json"),
                "left": [
                    {
                        "researcher": line.use.researcher,
                        "dataset": line.use.dataset,
                        "stops": line.use.stops,
                        **line.use.amount.model_dump(mode="json"),
                        "values": line.use.values,
                        "values_limit": None if line.values is None else line.values.limit,
                        "reached": line.reached,
                        "values_reached": line.values_reached,
                    }
                    for line in view.lines
                ],
            }
        )
        return
    if not view.lines:
        err.print(f"Nothing left in {view.month}.", markup=False)
    else:
        headings = ("rows", "bytes", "values", "numbers", "outputs", "journeys")
        table = Table("researcher", "data set", *headings, box=None)
        for line in view.lines:
            amount = line.use.amount
            cells = (
                line.use.researcher,
                line.use.dataset,
                f"{line.rows.used:,} ({line.rows.percent} %)",
                f"{size_text(line.size.used)} ({line.size.percent} %)",
                f"{line.use.values:,}" + (f" ({line.values.percent} %)" if line.values else ""),
                f"{amount.numbers:,}",
                str(amount.outputs),
                str(line.use.stops),
            )
            table.add_row(*map(Text, cells))
        out.print(table)
    err.print(
        f"In {view.month} {view.limits.rows:,} rows, {size_text(view.limits.size)}, and "
        f"{view.limits.values:g} values (numbers that count nobody) for each row of the data set "
        "may leave of it for a researcher by the rules alone; what is beyond that waits for a "
        "person.",
        markup=False,
    )
