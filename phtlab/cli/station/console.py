"""`phtlab station console` and `people`: the station's web pages, and who may use them."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption
from phtlab.cli.station.person import person as system_person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.clock import utc_now
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.people import People

people_app = typer.Typer(
    help="Manage the people who use the station's console.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="The person's name at this station.")]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", help="reader, reviewer, releaser or admin; may be repeated."),
]


def console(
    person: Annotated[
        str | None,
        typer.Option(
            help="The person whom the printed link logs in; optional if only one person is "
            "declared."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the console. Default: the port in people.toml.")
    ] = None,
    directory: DirectoryOption = None,
) -> None:
    """Serve the station's console on this machine's loopback, and print a link to log in.

    It needs no passphrase: 'phtlab station run' signs what people decide in the console.
    """
    _require_extra()
    import uvicorn

    from phtlab.station.console.app import create_app
    from phtlab.station.console.console import Console
    from phtlab.station.console.serving import address_published, listen
    from phtlab.station.console.sessions import forget_links
    from phtlab.station.console.views.usage import watch_usage
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.daemon.log import log_to_stderr
    from phtlab.station.settings.people import load_people

    folder, settings = station_at(directory)
    people = load_people(folder)
    name = _whom(people, person)
    log_to_stderr()
    # uvicorn would log an exception's whole text, which may hold data; the console logs where the
    # exception was raised.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    made = Console.of(StationContext(folder, settings), port=port)
    with listen(made.address, made.port) as socket, address_published(folder, made.home):
        forget_links(folder)
        _print_link(folder, people, name, made.home)
        err.print("Ctrl-C ends the console; the station's own work does not need it.")
        config = uvicorn.Config(
            create_app(made),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        watching = threading.Thread(
            target=watch_usage, args=(made.station, made.closing), daemon=True, name="usage"
        )
        watching.start()
        try:
            uvicorn.Server(config).run(sockets=[socket])
        finally:
            made.closing.set()


@people_app.command("add")
def people_add(
    name: NameArgument,
    role: RoleOption = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="The person's id at the identity provider: the claim 'sub'."),
    ] = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Add a person to the console, or change the roles of a person who is there already."""
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.settings.people import ROLES, load_people, with_person, write_people

    folder, settings = station_at(directory)
    known = load_people(folder)
    if not role:
        raise SettingsError(
            f"Which roles has {name}?",
            f"Name each with --role: {', '.join(ROLES)}. Where one person does all, that person "
            "has all four.",
        )
    people = with_person(known, name, role, subject or ())
    StationContext(folder, settings).audit.append(
        actor=system_person(by),
        action="person-added",
        subject=name,
        details={"roles": ", ".join(role)},
    )
    write_people(folder, people)
    err.print(f"{name} works at {settings.name} as {', '.join(role)}.", markup=False)


@people_app.command("remove")
def people_remove(
    name: NameArgument, by: ByOption = None, directory: DirectoryOption = None
) -> None:
    """Remove a person from the console; a login of theirs ends at once."""
    from phtlab.station.console.sessions import end_logins
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.settings.people import load_people, without_person, write_people

    folder, settings = station_at(directory)
    station = StationContext(folder, settings)
    write_people(folder, without_person(load_people(folder), name))
    end_logins(folder, name, station.now())
    station.audit.append(actor=system_person(by), action="person-removed", subject=name)
    err.print(f"{name} works at {settings.name} no more.", markup=False)


@people_app.command("list")
def people_list(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List who may use the console, and their roles."""
    from phtlab.station.settings.people import load_people

    folder, settings = station_at(directory)
    people = load_people(folder).people
    if as_json:
        print_json([{"name": n, **p.model_dump(mode="json")} for n, p in people.items()])
        return
    if not people:
        err.print(
            f"Nobody works at the console of {settings.name} yet. Begin with "
            "'phtlab station people add NAME --role admin --role reviewer --role releaser'.",
            markup=False,
        )
        return
    table = Table("name", "roles", "at the identity provider", box=None)
    for name, person in people.items():
        table.add_row(name, ", ".join(person.roles), ", ".join(person.subjects))
    out.print(table)


@people_app.command("link")
def people_link(name: NameArgument, directory: DirectoryOption = None) -> None:
    """Print a one-time link that logs a person in at the running console."""
    from phtlab.station.console.serving import running_address
    from phtlab.station.settings.people import load_people

    folder, _ = station_at(directory)
    people = load_people(folder)
    people.person(name)
    settings = people.console
    home = running_address(folder, f"http://{settings.address}:{settings.port}/")
    _print_link(folder, people, name, home)


def _print_link(folder: StationFolder, people: People, name: str, home: str) -> None:
    from phtlab.station.console.sessions import new_link

    seconds = people.console.link
    secret = new_link(folder, name, utc_now() + timedelta(seconds=seconds))
    err.print(f"Log in as {name}, once, within {seconds // 60 or 1} min:", markup=False)
    out.print(f"{home}login?link={secret}", markup=False)


def _whom(people: People, person: str | None) -> str:
    if person is None and len(people.people) == 1:
        return next(iter(people.people))
    if person is None:
        known = ", ".join(people.people)
        if known:
            raise SettingsError("Who are you?", f"Name yourself with --person: {known}.")
        raise SettingsError(
            "Nobody works at this console yet.",
            "Begin with 'phtlab station people add NAME --role admin --role reviewer --role "
            "releaser'.",
        )
    people.person(person)
    return person


def _require_extra() -> None:
    try:
        import python_multipart  # noqa: F401
    except ImportError:
        raise SettingsError(
            "The console needs packages that are not installed: pip install 'phtlab[console]'."
        ) from None
