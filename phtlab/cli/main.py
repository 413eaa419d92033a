"""Root of the `phtlab` command: its subcommands, and how errors are printed."""

from __future__ import annotations

import sys

import typer
from rich.console import Console
from rich.text import Text

import phtlab
from phtlab.cli import audit, central, journey, kernel, notification, proposal, train
from phtlab.cli.consortium import commands
from phtlab.cli.demo import demo
from phtlab.cli.dispatch import dispatch
from phtlab.cli.exit_codes import EXIT_CODES, exit_code
from phtlab.cli.hub import hub
from phtlab.cli.join import join
from phtlab.cli.key import commands as key
from phtlab.cli.station import commands as station
from phtlab.cli.stations import stations
from phtlab.cli.terminal.output import err
from phtlab.errors import PhtlabError

app = typer.Typer(
    name="phtlab",
    help="Analyses that travel to the data: notebooks become signed trains, stations run them, "
    "sealed results come back.",
    epilog="Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items()) + ".",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(print_it: bool) -> None:
    if print_it:
        typer.echo(f"phtlab {phtlab.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


app.command()(demo)
app.command()(hub)
app.add_typer(key.app, name="key")
app.command()(join)
app.command()(stations)
app.add_typer(train.app, name="train")
app.add_typer(proposal.app, name="proposal")
app.command()(dispatch)
app.add_typer(journey.app, name="journey")
app.add_typer(station.app, name="station")
app.add_typer(kernel.app, name="kernel")
app.add_typer(commands.app, name="consortium")
app.add_typer(central.app, name="central")
app.add_typer(audit.app, name="audit")
app.add_typer(notification.app, name="notifications")


def main() -> None:
    """Run the command; print a PhtlabError as one sentence and exit with its exit code."""
    try:
        app()
    except PhtlabError as error:
        err.print(Text.assemble(("error ", "bold red"), str(error)))
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        Console(stderr=True).print("interrupted")
        sys.exit(130)
