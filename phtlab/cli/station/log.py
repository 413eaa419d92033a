"""`phtlab station log` and `release-log`: show a run's log, or release it to the recipients."""

from __future__ import annotations

from typing import Annotated

import typer

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import err, out, print_next_steps

JourneyArgument = Annotated[
    str, typer.Argument(help="The journey, or the first characters of its digest.")
]


def log(journey: JourneyArgument, by: ByOption = None, directory: DirectoryOption = None) -> None:
    """Show a run's log: how it ended, its whole error and what it printed. It may hold data."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.run_log import view_log

    station = StationContext(*station_at(directory))
    stop = station.stops.find(journey)
    out.print(view_log(station, stop, by=person(by)), markup=False, end="")
    option = "" if by is None else f" --by {by}"  # whoever viewed the log releases it
    option += "" if directory is None else f" -C {directory}"
    print_next_steps(
        f'phtlab station release-log {stop.hex[:12]} --reason "…"{option}',
        first="it stays here. If nothing in it is of a patient and the researcher needs it:",
    )


def release_log_(
    journey: JourneyArgument,
    reason: Annotated[
        str,
        typer.Option(
            help="The reason, in one line. It stays at the station; nobody else can read it."
        ),
    ],
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Release the log of a run, as it was shown, to the recipients of its journey."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.run_log import release_log

    station = StationContext(*station_at(directory))
    stop = station.stops.find(journey)
    if release_log(station, stop, by=person(by), reason=reason) is None:
        err.print("Recorded. Another person has to read it and release it too.", markup=False)
        return
    err.print(
        f"{station.name} released the log of journey {stop.hex[:12]}. It is sealed and sent; "
        f"the researcher opens it with 'phtlab journey log {station.name} {stop.hex[:12]}'.",
        markup=False,
    )
