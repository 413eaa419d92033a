"""`phtlab station amounts`: what left in a month, beside what the policy lets leave."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.terminal.output import JsonOption, err, out, print_json


def amounts(
    month: Annotated[
        str | None, typer.Option(help="The month (UTC), as 2026-12. Default: the present one.")
    ] = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what left in a month for each researcher and data set, and how much of its limits.

    What is beyond a limit waits for a person; 'phtlab station outputs' lists what waits.
    """
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.amounts import month_page, size_in_words

    view = month_page(StationContext(*station_at(directory)), month)
    if as_json:
        print_json(
            {
                "month": view.month,
                "limits": view.limits.model_dump(mode="json"),
                "left": [
                    {
                        "researcher": one.use.researcher,
                        "dataset": one.use.dataset,
                        "stops": one.use.stops,
                        **one.use.amount.model_dump(mode="json"),
                        "values": one.use.values,
                        "values_limit": None if one.values is None else one.values.limit,
                        "reached": one.reached,
                        "values_reached": one.values_reached,
                    }
                    for one in view.lines
                ],
            }
        )
        return
    if not view.lines:
        err.print(f"Nothing left in {view.month}.", markup=False)
    else:
        headings = ("rows", "bytes", "values", "numbers", "outputs", "journeys")
        table = Table("researcher", "data set", *headings, box=None)
        for one in view.lines:
            amount = one.use.amount
            told = (
                one.use.researcher,
                one.use.dataset,
                f"{one.rows.used:,} ({one.rows.percent} %)",
                f"{size_in_words(one.size.used)} ({one.size.percent} %)",
                f"{one.use.values:,}" + (f" ({one.values.percent} %)" if one.values else ""),
                f"{amount.numbers:,}",
                str(amount.outputs),
                str(one.use.stops),
            )
            table.add_row(*map(Text, told))
        out.print(table)
    err.print(
        f"In {view.month} {view.limits.rows:,} rows, {size_in_words(view.limits.size)}, and "
        f"{view.limits.values:g} values (numbers that count nobody) for each row of the data set "
        "may leave of it for a researcher by the rules alone; what is beyond that waits for a "
        "person.",
        markup=False,
    )
