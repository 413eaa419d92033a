"""`phtlab hub`: a whole hub on this machine, for a look, a workshop, and to build on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from phtlab.cli.demo import Steps
from phtlab.cli.output import JsonOption, err, out, print_json
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from phtlab.demo.hub import HubWorld


def hub(
    directory: Annotated[
        Path, typer.Option(help="Where the hub lives; made on the first run.")
    ] = Path("phtlab-hub"),
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Where browsers reach it. Default: 8000, if free."),
    ] = None,
    containers: Annotated[
        bool,
        typer.Option(
            "--containers/--no-containers",
            help="Everyone's Lab in a container of the workspace image, or as a process of yours.",
        ),
    ] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Found everything anew.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the hub and all that it started.")] = (
        False
    ),
    as_json: JsonOption = False,
) -> None:
    """JupyterHub with central, four hospitals, a twin station, and people with accounts."""
    if importlib.util.find_spec("jupyterhub") is None:
        raise SettingsError(
            "JupyterHub is not installed in this environment: pip install 'phtlab[hub]'."
        )
    from phtlab.demo.hub import HubWorld
    from phtlab.demo.world import World

    place = directory.absolute()
    world = HubWorld(
        place,
        World(place / "consortium"),
        configuration="docker" if containers else "local",
        port=port,
    )
    if stop:
        world.stop()
        err.print("The hub, everyone's Lab, central and the stations are stopped.")
        return
    try:
        start(world, Steps(), fresh)
    except BaseException:
        world.stop()
        raise
    if as_json:
        print_json({"url": world.url, "accounts": world.passwords, "passphrase": world.passphrase})
    else:
        say_who_can_log_in(world, directory)


def start(world: HubWorld, steps: Steps, fresh: bool) -> None:
    """Found what is missing and start what does not run, a line for each part."""
    from phtlab.demo.heart import HOSPITALS
    from phtlab.demo.world import CONSORTIUM

    if fresh:
        world.forget()
    if not world.founded:
        with steps.step(
            f"Consortium [b]{CONSORTIUM}[/] founded: {len(HOSPITALS)} hospitals, a twin station, "
            "and people with accounts"
        ) as say:
            world.found(say)
    with steps.step("Registry, central, kernel image, stations are up") as say:
        world.start_consortium(say)
    with steps.step("Workspaces are ready: image, network, homes with keys") as say:
        world.start_workspaces(say)
    with steps.step("JupyterHub is up, central is its service") as say:
        world.start_hub(say)


def say_who_can_log_in(world: HubWorld, directory: Path) -> None:
    """The address, accounts, passphrase, and how to end it."""
    from phtlab.demo.hub_people import PEOPLE

    passwords = world.passwords
    table = Table(box=None, pad_edge=False)
    for heading in ("account", "password", "role", "who"):
        table.add_column(heading)
    for person in PEOPLE:
        table.add_row(person.name, passwords[person.name], person.group, person.does)
    err.print("\nOpen this in your browser, and log in as one of these:")
    out.print(f"  [b]{world.url}[/]")
    out.print()
    out.print(table)
    out.print()
    err.print("The passphrase of their keys, for 'Unlock' in Lab:")
    out.print(f"  {world.passphrase}", markup=False)
    err.print("It all stays up until you stop it:")
    out.print(f"  phtlab hub --directory {directory} --stop", markup=False)
