"""`phtlab hub`: run a whole hub on this machine, to try it, for a workshop, or to build on."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table

from phtlab.cli.demo import Steps
from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from phtlab.demo.hub import Configuration, HubWorld

_CONFIGURATION: dict[bool, Configuration] = {True: "docker", False: "local"}


def hub(
    directory: Annotated[
        Path, typer.Option(help="The hub's folder; created on the first run.")
    ] = Path("phtlab-hub"),
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the hub for browsers. Default: 8000, if free."
        ),
    ] = None,
    containers: Annotated[
        bool | None,
        typer.Option(
            "--containers/--no-containers",
            help="Run each user's Lab in a container of the workspace image, or as a process of "
            "your own user. Default: as in the last run; containers in the first.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Create everything again from the beginning.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="Stop the hub and all processes that it started.")
    ] = (False),
    as_json: JsonOption = False,
) -> None:
    """Run JupyterHub with central, four hospitals, a twin station, and people with accounts."""
    if importlib.util.find_spec("jupyterhub") is None:
        raise SettingsError(
            "JupyterHub is not installed in this environment: pip install 'phtlab[hub]'."
        )
    from phtlab.demo.hub import HubWorld
    from phtlab.demo.world import World

    place = directory.absolute()
    kept = HubWorld.kept_configuration(place)
    configuration: Configuration = (
        (kept or "docker") if containers is None else _CONFIGURATION[containers]
    )
    if stop:
        stop_all(HubWorld(place, World(place / "consortium"), kept or configuration), place)
        return
    world = HubWorld(place, World(place / "consortium"), configuration, port)
    was_up = world.up and not fresh
    world.require()
    try:
        start(world, Steps(), fresh)
    except BaseException:
        if not was_up:
            err.print("Ending what was started. The same command goes on from here.")
            world.stop()
        raise
    if as_json:
        print_json({"url": world.url, "accounts": world.passwords, "passphrase": world.passphrase})
    else:
        print_accounts(world, directory)


def stop_all(world: HubWorld, place: Path) -> None:
    """Stop the hub in `place` and everything that it started.

    Raises SettingsError if `place` holds no hub of this command.
    """
    from phtlab.demo.hub import MARK

    if not (place / MARK).exists():
        raise SettingsError(
            f"There is no hub of this command's in {place}.", "Name its folder with --directory."
        )
    with Steps().step("The hub, everyone's Lab, central and the stations are stopped"):
        world.stop()


def start(world: HubWorld, steps: Steps, fresh: bool) -> None:
    """Found what is missing and start what does not run, with a progress line for each step."""
    from phtlab.demo.heart import HOSPITALS
    from phtlab.demo.world import CONSORTIUM

    if fresh:
        world.forget()
    if not world.founded:
        with steps.step(
            f"Consortium [b]{CONSORTIUM}[/] founded: {len(HOSPITALS)} hospitals, a twin station, "
            "and people with accounts"
        ) as report:
            world.found(report)
    with steps.step("Registry, central, kernel image, stations are up") as report:
        world.start_consortium(report)
    with steps.step("Workspaces are ready: image, network, homes with keys") as report:
        world.start_workspaces(report)
    with steps.step("JupyterHub is up, central is its service") as report:
        world.start_hub(report)


def print_accounts(world: HubWorld, directory: Path) -> None:
    """Print the address, accounts, passphrase, and the command that stops the hub."""
    from phtlab.demo.hub_people import PEOPLE

    passwords = world.passwords
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("account", "password", "role"):
        table.add_column(heading, header_style="dim")
    table.add_column("")
    for person in PEOPLE:
        table.add_row(
            f"[b]{person.name}[/]", passwords[person.name], person.group, f"[dim]{person.does}[/]"
        )
    out.print()
    out.print(f"Open [b]{world.url}[/] in your browser, and sign in as one of these:")
    out.print()
    out.print(Padding(table, (0, 0, 0, 2)))
    out.print()
    out.print("In Lab, the train in the left side bar shows stations and journeys. The passphrase")
    out.print("of everyone's key, which it asks for once a session, is")
    out.print()
    out.print(f"  [b]{world.passphrase}[/]")
    out.print()
    err.print("[dim]All of it stays up when this terminal closes. To end it:[/]")
    out.print(f"  {_program()} hub --directory {directory} --stop", markup=False)


def _program() -> str:
    """Return how to call this command from the shell that called it."""
    found = shutil.which("phtlab")
    return "phtlab" if found and Path(found).samefile(sys.argv[0]) else sys.argv[0]
