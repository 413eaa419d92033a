"""`phtlab station review`: show a train in the terminal before it is approved."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, out, print_next_steps


def review(
    journey: Annotated[
        str, typer.Argument(help="The journey, or the first characters of its digest.")
    ],
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Show the whole notebook, even where an earlier version was approved."
        ),
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a train: its code or what changed in it, the columns it uses, its outputs."""
    from phtlab.station.airlock.capacity import capacity_sentence
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.review.text_report import as_json as reading_json
    from phtlab.station.review.text_report import report_lines
    from phtlab.station.review.train_review import read_train
    from phtlab.station.review.view_log import note_review

    station = StationContext(*station_at(directory))
    stop = station.stops.find(journey)
    reading = read_train(station, stop)
    note_review(station, stop, by=person(by))
    if as_json:
        # ASCII only: the code is untrusted, and a terminal would obey control characters in it.
        typer.echo(json.dumps(reading_json(reading), indent=2))
        return
    for line in report_lines(reading, changes=not whole):
        out.print(line, markup=False)
    if stop.waits_for == "approval":
        out.print(f"\n{capacity_sentence(station.policy())}", markup=False, soft_wrap=True)
        option = "" if directory is None else f" -C {directory}"
        print_next_steps(
            f"phtlab station approve {stop.hex[:12]}{option}",
            f'phtlab station refuse {stop.hex[:12]} --reason "…"{option}',
            first="it waits for your decision.",
        )
