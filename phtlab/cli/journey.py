"""`phtlab journey`: follow journeys, cancel or resume them, open their results."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps

if TYPE_CHECKING:
    from phtlab.lab import Journey

app = typer.Typer(help="Follow journeys and open their results.", no_args_is_help=True)

JourneyId = Annotated[
    str | None,
    typer.Argument(
        help="The first characters of the journey's id. Default: the newest journey.",
        metavar="JOURNEY",
    ),
]


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List your journeys, the newest first."""
    import phtlab
    from phtlab.lab.display.journey_text import mark, short
    from phtlab.lab.display.route_order import ARROW, route_order

    journeys = phtlab.connect().journeys()
    if as_json:
        print_json([journey.view for journey in journeys])
        return
    if not journeys:
        err.print("There is no journey yet.")
        print_next_steps("phtlab dispatch NOTEBOOK")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("journey", "train", "sent", "stops"):
        table.add_column(heading)
    for journey in journeys:
        between = f" {ARROW} " if route_order(journey.view).is_sequential else "  "
        stops = between.join(f"{mark(s.state)} {s.station}" for s in journey.stops)
        sent = f"{journey.view.submitted:%Y-%m-%d %H:%M}"
        table.add_row(short(journey.id), Text(journey.view.train_name), sent, stops)
    out.print(table)


@app.command()
def show(journey: JourneyId = None, as_json: JsonOption = False) -> None:
    """Show a journey's state at each station."""
    import phtlab

    found = phtlab.connect().journey(journey)
    if as_json:
        print_json(found.view)
    else:
        out.print(repr(found), markup=False)


@app.command()
def wait(
    journey: JourneyId = None,
    timeout: Annotated[
        float | None,
        typer.Option(help="Seconds until the command stops waiting; the journey continues."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until every stop has ended. Exit code 7 if a stop did not depart."""
    import phtlab

    finish(phtlab.connect().journey(journey), as_json, timeout)


@app.command()
def cancel(journey: JourneyId = None, as_json: JsonOption = False) -> None:
    """Ask every station to stop a journey. Results that have departed are not recalled."""
    import phtlab

    found = phtlab.connect().journey(journey).cancel()
    if as_json:
        print_json(found.view)
    else:
        out.print(repr(found), markup=False)


@app.command()
def resume(
    journey: JourneyId = None,
    days: Annotated[float, typer.Option(help="Days until the new order expires.")] = 7.0,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait until the new journey has ended.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Continue a sequential journey that ended before its last station, as a new journey.

    It goes on after the last station that departed, with the same train, parameters and recipients.
    """
    import phtlab
    from phtlab.lab.display.journey_text import short
    from phtlab.lab.display.route_order import ARROW

    lab = phtlab.connect()
    continued = lab.journey(journey)
    continuing = lab.resume(continued, lifetime=timedelta(days=days))
    if wait:
        finish(continuing, as_json)
    elif as_json:
        print_json(continuing.view)
    else:
        names = f" {ARROW} ".join(stop.station for stop in continuing.stops)
        err.print(
            f"Journey {short(continued.id)} continues at {names}. The new journey:", markup=False
        )
        out.print(short(continuing.id))
        print_next_steps(f"phtlab journey wait {short(continuing.id)}")


@app.command()
def results(
    journey: JourneyId = None,
    directory: Annotated[
        Path | None, typer.Option("--out", help="Write all results into this folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify and open a journey's results; list them, or write them to a folder."""
    import phtlab

    opened = phtlab.connect().journey(journey).results()
    if directory is not None:
        opened.export(directory)
        err.print(f"Wrote everything to {directory}.", markup=False)
    if as_json:
        print_json(
            {
                "stations": {name: released.record for name, released in opened.items()},
                "failures": opened.failures,
                "handed_on": {
                    name: released.handed_on
                    for name, released in opened.items()
                    if released.handed_on
                },
            }
        )
    else:
        out.print(repr(opened), markup=False)


@app.command()
def log(
    station: Annotated[str, typer.Argument(help="The station of the run.")],
    journey: JourneyId = None,
) -> None:
    """Show what a run printed at a station, if a person at the station released it."""
    import phtlab

    typer.echo(phtlab.connect().journey(journey).log(station), nl=False)


def finish(journey: Journey, as_json: bool, timeout: float | None = None) -> None:
    """Wait for `journey`, print how it ended, and exit with 7 if a stop did not depart."""
    from phtlab.lab.display.journey_text import short

    journey.wait(timeout)
    if as_json:
        print_json(journey.view)
    else:
        out.print(repr(journey), markup=False)
    if any(stop.state != "departed" for stop in journey.stops):
        if journey.resumable and not as_json:
            print_next_steps(f"phtlab journey resume {short(journey.id)}")
        raise typer.Exit(7)
    if not as_json:
        print_next_steps(f"phtlab journey results {short(journey.id)}")
