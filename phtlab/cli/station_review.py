"""`phtlab station review`: a train read before it is allowed, in the terminal."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from phtlab.cli.output import JsonOption, out, say_next
from phtlab.cli.station_folder import DirectoryOption, station_at
from phtlab.cli.station_person import ByOption, person


def review(
    journey: Annotated[str, typer.Argument(help="The journey, or how its digest begins.")],
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
    """Read a train: its code or what changed in it, the data that it touches, its outputs."""
    from phtlab.station.airlock.capacity import in_words
    from phtlab.station.desk import Desk
    from phtlab.station.reading.looked import note_look
    from phtlab.station.reading.told import as_json as reading_json
    from phtlab.station.reading.told import told
    from phtlab.station.reading.train_reading import read_train

    desk = Desk(*station_at(directory))
    stop = desk.stops.find(journey)
    reading = read_train(desk, stop)
    note_look(desk, stop, by=person(by))
    if as_json:
        # In ASCII: the code is a stranger's, and a terminal would heed what is in it.
        typer.echo(json.dumps(reading_json(reading), indent=2))
        return
    for line in told(reading, changes=not whole):
        out.print(line, markup=False)
    if stop.waits_for == "approval":
        out.print(f"\n{in_words(desk.policy())}", markup=False, soft_wrap=True)
        place = "" if directory is None else f" -C {directory}"
        say_next(
            f"phtlab station approve {stop.hex[:12]}{place}",
            f'phtlab station refuse {stop.hex[:12]} --reason "…"{place}',
            first="it waits for your word.",
        )
