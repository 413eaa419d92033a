"""`phtlab central`: create, run and maintain the service that stores and forwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import SettingsError

app = typer.Typer(
    help="Set up and run central, which stores and forwards and cannot read content.",
    no_args_is_help=True,
)

_ROOT = "the consortium's root.json, from an officer"

DirectoryArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DIRECTORY", envvar="PHTLAB_CENTRAL_DIRECTORY", help="Central's folder."
    ),
]


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new folder for this central.")],
    name: Annotated[str, typer.Option(help="The consortium's name: a-z, 0-9, '-' and '.'.")],
    listen: Annotated[str, typer.Option(help="Address and port to listen on.")] = "127.0.0.1:8400",
    url: Annotated[
        str, typer.Option(help="Where members reach central. Default: http:// and --listen.")
    ] = "",
    database: Annotated[
        str, typer.Option(help="postgresql://user@host/name. Default: SQLite in the folder.")
    ] = "",
    registry_url: Annotated[
        str, typer.Option(help="Where members reach the registry.")
    ] = "http://127.0.0.1:5400",
    root: Annotated[
        Path | None, typer.Option(help="The consortium's root, if the consortium exists already.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create the folder of a new central: settings, keys, and the registry's settings."""
    from phtlab.central.founding import init_central

    founded = init_central(
        directory,
        name=name,
        listen=listen,
        url=url,
        database=database,
        registry_url=registry_url,
        root=None if root is None else content_of(root, _ROOT),
    )
    if as_json:
        print_json(
            {
                "directory": str(founded.directory),
                "url": founded.settings.url,
                "online_key": str(founded.online_key),
                "registry_settings": str(founded.registry),
            }
        )
        return
    err.print(f"Made a central for {name} in {directory}. Its public online key:", markup=False)
    out.print(str(founded.online_key), markup=False)
    if root is None:
        print_next_steps(
            f"phtlab consortium init DIRECTORY --name {name} --officer NAME --officer NAME \\",
            f"  --online-key {founded.online_key}",
            f"phtlab central pin {directory} root.json",
            f"phtlab central registry {directory}",
            f"phtlab central run {directory}",
            first="officers found the consortium with that key; you pin the root that they hand "
            "over, then run the registry and central, side by side.",
        )
    else:
        _print_run_commands(directory)


@app.command()
def pin(
    directory: DirectoryArgument,
    root: Annotated[Path, typer.Argument(help="root.json, from a consortium officer.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Serve another consortium than before.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Pin the consortium's root: only rosters signed under it are accepted."""
    from phtlab.central.founding import pin as pin_root
    from phtlab.central.settings import CentralSettings

    CentralSettings.load(directory)
    fingerprint = pin_root(directory, content_of(root, _ROOT), replace=replace)
    if as_json:
        print_json({"fingerprint": fingerprint})
        return
    err.print(
        "Pinned. Compare this fingerprint with a consortium officer by telephone:", markup=False
    )
    out.print(fingerprint)
    _print_run_commands(directory)


@app.command("online-key")
def online_key(directory: DirectoryArgument, as_json: JsonOption = False) -> None:
    """Create another online key, to replace a stolen key; it is valid once officers signed it."""
    from phtlab.central.founding import new_online_key

    public = new_online_key(directory)
    if as_json:
        print_json({"online_key": str(public)})
        return
    err.print("Made another online key. Its public half, for a consortium officer:", markup=False)
    out.print(str(public), markup=False)
    print_next_steps(
        f"phtlab central run {directory}",
        f"phtlab consortium online-key {public}",
        first="end central and start it again, so that it has both keys; then an officer stages "
        "the new one. Central signs with it once the officers have signed and published.",
    )


@app.command()
def run(directory: DirectoryArgument) -> None:
    """Run central until SIGTERM. Its log is JSON on stderr."""
    from phtlab.central.api.request_log import configure_logs
    from phtlab.central.server import serve
    from phtlab.central.settings import CentralSettings

    configure_logs()
    serve(CentralSettings.load(directory))


@app.command()
def registry(directory: DirectoryArgument) -> None:
    """Run a registry that accepts this central's tokens: CNCF Distribution on loopback."""
    from phtlab.central.settings import REGISTRY_FILE, CentralSettings

    settings = CentralSettings.load(directory)
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        raise SettingsError(
            "There is no registry on this machine: install Debian's docker-registry, or give "
            f"{directory / REGISTRY_FILE} to any CNCF Distribution registry, such as the image "
            "'registry:2'.",
            code="registry-missing-program",
        )
    os.execv(program, [program, "serve", str(settings.directory / REGISTRY_FILE)])  # noqa: S606


@app.command()
def status(directory: DirectoryArgument, as_json: JsonOption = False) -> None:
    """Show whether central and its registry answer, and what is published.

    Exit code 5 if central does not answer.
    """
    from phtlab.central.settings import CentralSettings
    from phtlab.central.status import status_of
    from phtlab.errors import CentralUnreachableError

    found = status_of(CentralSettings.load(directory))
    if as_json:
        print_json(found)
    else:
        for line in found.lines():
            out.print(line, markup=False)
    if not found.running:
        raise CentralUnreachableError(
            f"Central at {found.url} does not answer.",
            f"Start it with 'phtlab central run {directory}'.",
        )


@app.command()
def retention(
    directory: DirectoryArgument,
    once: Annotated[
        bool, typer.Option("--once", help="Remove expired cargo and trains now.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show for how long cargo and trains are kept; with --once, remove what has expired."""
    from phtlab.central.context import CentralContext
    from phtlab.central.retention import remove_all_expired
    from phtlab.central.settings import CentralSettings

    settings = CentralSettings.load(directory)
    if not once:
        kept = {"journey_days": settings.journey_days, "train_days": settings.train_days}
        if as_json:
            print_json(kept)
            return
        out.print(
            f"Cargo is removed {settings.journey_days:g} days after its journey began, a train "
            f"{settings.train_days:g} days after its last journey. A running central does so by "
            "itself; --once does it now."
        )
        return
    services = CentralContext.of(settings)
    services.database.migrate()
    removed = remove_all_expired(services)
    services.database.close()
    if as_json:
        print_json({"journeys": removed.journeys, "cargo": removed.cargo, "trains": removed.trains})
        return
    out.print(
        f"Removed the cargo of {removed.journeys} journeys ({removed.cargo} pieces) and "
        f"{removed.trains} trains."
    )


def _print_run_commands(directory: Path) -> None:
    print_next_steps(
        f"phtlab central registry {directory}",
        f"phtlab central run {directory}",
        first="run the registry and central, side by side.",
    )
