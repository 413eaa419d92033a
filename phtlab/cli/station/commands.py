"""`phtlab station`: set up a station, run it, and show its stops."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.amounts import amounts
from phtlab.cli.station.approval import (
    approvals_list,
    approve,
    approve_rule,
    pending,
    print_approval_terms,
    refuse,
    revoke,
)
from phtlab.cli.station.backup import accept_loss, backup, compare, disregard, restore
from phtlab.cli.station.check import check
from phtlab.cli.station.console import console, people_app
from phtlab.cli.station.declared import dataset_app, policy_app
from phtlab.cli.station.folder import (
    DirectoryOption,
    PassphraseOption,
    given_passphrase,
    identity_of,
    station_at,
)
from phtlab.cli.station.local import local
from phtlab.cli.station.log import log, release_log_
from phtlab.cli.station.maintenance import maintenance_status, pause, resume
from phtlab.cli.station.output import app as output_app
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.station.proposals import app as proposals_app
from phtlab.cli.station.review import review
from phtlab.cli.terminal.fingerprint_check import TELEPHONE, ChannelOption
from phtlab.cli.terminal.named_file import confirmed_root
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.cli.terminal.passphrase import guard_opened_key, read_passphrase
from phtlab.errors import (
    EngineMissingError,
    SandboxError,
    SettingsError,
)
from phtlab.station.stops.marker import Marker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phtlab.station.executor.contract import CheckResult
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import StationSettings
    from phtlab.station.stops.stop import Stop
    from phtlab.train.crypto.identity import Identity

app = typer.Typer(help="Set up and run a station.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")
app.add_typer(policy_app, name="policy")
app.command()(console)
app.add_typer(people_app, name="people")

JourneyArgument = Annotated[
    str, typer.Argument(help="The journey, or the first characters of its digest.")
]


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="The station's new folder.")],
    name: Annotated[str, typer.Option(help="The station's name on the roster: a-z, 0-9, '-'.")],
    organisation: Annotated[str, typer.Option(help="The organisation that operates the station.")],
    central: Annotated[str | None, typer.Option(help="Central's address, if known.")] = None,
    twin: Annotated[
        bool, typer.Option(help="A station of synthetic twins only, for dry runs.")
    ] = False,
    aggregator: Annotated[
        bool,
        typer.Option(
            help="An aggregator: without data, it combines the rounds of others' journeys."
        ),
    ] = False,
    admit: Annotated[
        str | None,
        typer.Option(
            help="Admission of new orders: auto, human or refuse. Default: human; auto for a twin "
            "station."
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a station: its settings, its policy, its keys, and its request for membership."""
    from pydantic import ValidationError

    from phtlab.files.durable_file import write_durably
    from phtlab.files.key_file import write_key
    from phtlab.station.policy.policy import default_policy
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import StationSettings, write_settings
    from phtlab.train.crypto.identity import Identity

    folder = StationFolder(directory)
    if folder.settings.exists():
        raise SettingsError(
            f"There is a station in {directory.absolute()} already.", "Choose another folder."
        )
    if twin and aggregator:
        raise SettingsError(
            "A station of twins combines no rounds: an aggregator has no data.",
            "Give one of --twin and --aggregator.",
        )
    mode = admit or ("auto" if twin else "human")
    if mode not in ("auto", "human", "refuse"):
        raise SettingsError(f"--admit is auto, human or refuse, not '{mode}'.")
    try:
        settings = StationSettings(
            name=name, organisation=organisation, central=central, twin=twin, aggregator=aggregator
        )
    except ValidationError:
        raise SettingsError(
            f"'{name}' cannot name a station: use 2 to 63 characters of a-z, 0-9 and '-', "
            "beginning with a letter."
        ) from None
    identity = Identity.generate(name)
    passphrase = read_passphrase(
        f"the new key of {name}", given_passphrase(passphrase_file), confirm=True
    )
    folder.create()
    write_key(folder.key, identity, passphrase)
    policy = default_policy(mode, twin=twin, aggregator=aggregator)  # type: ignore[arg-type]
    write_durably(folder.policy, policy.encode())
    _write_request(folder, settings, identity)
    write_settings(folder, settings)
    fingerprint = identity.public.fingerprint
    if as_json:
        print_json(
            {
                "name": name,
                "directory": str(directory.absolute()),
                "fingerprint": fingerprint,
                "request": str(folder.request.absolute()),
            }
        )
        return
    err.print(f"Made the station {name} in {directory.absolute()}.", markup=False)
    out.print(fingerprint)
    print_next_steps(
        f"phtlab station join -C {directory} --root root.json"
        + ("" if settings.central else " --central URL"),
        first=f"send {folder.request} to a consortium officer, who compares this fingerprint with "
        "you by telephone. With the consortium's root.json from the officer, then run:",
    )


@app.command()
def request(
    directory: DirectoryOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the request for membership again, and show the key's fingerprint."""
    folder, settings = station_at(directory)
    identity = identity_of(folder, settings, passphrase_file)
    _write_request(folder, settings, identity)
    fingerprint = identity.public.fingerprint
    if as_json:
        print_json(
            {"name": settings.name, "request": str(folder.request), "fingerprint": fingerprint}
        )
        return
    err.print(f"Wrote {folder.request}. Its key's fingerprint is:", markup=False)
    out.print(fingerprint)


@app.command()
def join(
    root: Annotated[Path, typer.Option(help="The consortium's root.json, from an officer.")],
    central: Annotated[str | None, typer.Option(help="Central's address.")] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            help="The root's fingerprint as an officer read it to you. Default: a prompt to "
            "compare."
        ),
    ] = None,
    channel: ChannelOption = TELEPHONE,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pin the consortium's root, and check whether this station is on its roster."""
    from phtlab.governance.text import line_of
    from phtlab.station.context.bootstrap import require_central, trust_of
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.settings.settings import set_central
    from phtlab.train.canonical import digest
    from phtlab.wire.central.client import CentralClient

    folder, settings = station_at(directory)
    folder.create()
    if central is not None:
        settings = settings.model_copy(update={"central": central.rstrip("/")})
    url = require_central(folder, settings)
    content, found = confirmed_root(root, fingerprint)
    with CentralClient(url) as client:
        trust = trust_of(folder, client)
        trust.pin(content)
        StationContext(folder, settings).audit.append(
            actor=person(by),
            action="consortium-joined",
            digest=digest(content),
            details={"channel": line_of(channel), "fingerprint": found, "central": line_of(url)},
        )
        set_central(folder, url)
        roster = trust.refresh().roster
    listed = settings.name in [member.name for member in roster.stations]
    if as_json:
        print_json(
            {
                "consortium": roster.consortium,
                "roster_version": roster.version,
                "fingerprint": found,
                "on_roster": listed,
            }
        )
        return
    err.print(
        f"Joined {roster.consortium} (roster version {roster.version}) at {url}.", markup=False
    )
    if listed:
        err.print(f"{settings.name} is on the roster.", markup=False)
        option = "" if directory is None else f" -C {directory}"
        print_next_steps(
            f"phtlab station dataset add NAME PATH --schema FILE.toml{option}",
            f"phtlab station check{option}",
            f"phtlab station run{option}",
        )
    else:
        err.print(
            f"{settings.name} is not on the roster yet: send {folder.request} to an officer. "
            "Meanwhile: phtlab station dataset add NAME PATH --schema FILE.toml.",
            markup=False,
        )


app.command()(check)
app.command()(local)
app.command()(backup)
app.command()(restore)
app.command()(compare)
app.command()(accept_loss)
app.command()(disregard)
app.command()(pause)
app.command()(resume)
app.command()(review)
app.command()(pending)
app.command()(approve)
app.command("approve-rule")(approve_rule)
app.command()(refuse)
app.command("approvals")(approvals_list)
app.command()(revoke)
app.add_typer(proposals_app, name="proposals")
app.command()(amounts)
app.add_typer(output_app, name="output")
app.command()(log)
app.command("release-log")(release_log_)


@app.command()
def run(
    directory: DirectoryOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Run the station until SIGTERM or Ctrl-C."""
    from phtlab.station.context.bootstrap import open_station, require_joined
    from phtlab.station.context.maintenance import require_settled
    from phtlab.station.daemon.log import log_to_stderr
    from phtlab.station.daemon.loop import Daemon
    from phtlab.station.executor.unfinished_trial import note_trial

    folder, settings = station_at(directory)
    require_settled(folder)
    identity = identity_of(folder, settings, passphrase_file)
    log_to_stderr()
    station = open_station(folder, settings, identity)
    try:
        require_joined(folder, settings)
        guard_opened_key()  # before the first child process starts
        results = station.executor.check()
        _require_able(results, settings.name)
        note_trial(folder, results, station.now())
        station.policy()
        station.declared()
        until = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: until.set())
        if sys.stderr.isatty():  # without a terminal, stderr is the log of JSON lines
            err.print("Ctrl-C ends the station; runs in the sandbox go on.", markup=False)
        Daemon(station).run(until)
    finally:
        station.close()


@app.command()
def status(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List the stops of this station and their states, newest first."""
    from phtlab.station.stops.stop import Stops

    folder, settings = station_at(directory)
    stops = sorted(Stops(folder.stops), key=lambda s: s.path.stat().st_mtime, reverse=True)
    views = [_view(stop) for stop in stops]
    as_a_whole = maintenance_status(folder, settings)
    if as_json:
        print_json({"station": settings.name, **as_a_whole, "stops": views})
        return
    if as_a_whole["closed"]:
        err.print(f"Nothing new begins. {as_a_whole['closed']}", markup=False)
    if as_a_whole["broken"]:
        err.print(f"Its self-test found broken: {as_a_whole['broken']}.", markup=False)
    if not views:
        err.print(f"{settings.name} has had no stop yet.", markup=False)
        return
    table = Table("journey", "train", "researcher", "state", "what", box=None)
    for view in views:
        cells = (view["name"], view["researcher"], view["state"], view["sentence"])
        # A reason is free text from a person: no markup.
        table.add_row(*map(Text, (view["journey"][7:19], *cells)))
    out.print(table)


@app.command()
def show(
    journey: JourneyArgument, directory: DirectoryOption = None, as_json: JsonOption = False
) -> None:
    """Show one stop: the train's code, its parameters and outputs, and its outcome."""
    from phtlab.station.pipeline.text_report import safe_lines
    from phtlab.station.stops.stop import Stops

    folder, settings = station_at(directory)
    stop = Stops(folder.stops).find(journey)
    view = _view(stop)
    if as_json:
        print_json(view)
        return
    for key in ("journey", "state", "code", "sentence", "name", "train", "researcher"):
        if view[key]:
            out.print(f"{'what' if key == 'sentence' else key:<12}{view[key]}", markup=False)
    out.print(f"{'files':<12}{stop.path}", markup=False)
    for output in view["outputs"]:
        sentence = f"{output['name']} {output['verdict']}"
        out.print(f"{'airlock':<12}{sentence} {output['sentence']}".rstrip(), markup=False)
    for line in safe_lines(stop, settings.name):
        out.print(line, markup=False)
    option = "" if directory is None else f" -C {directory}"
    if view["state"] == "failed" and stop.has(Marker.OUTCOME):
        print_next_steps(
            f"phtlab station log {stop.hex[:12]}{option}", first="what it says stays here."
        )
    if stop.waits_for == "release":
        print_next_steps(
            f"phtlab station output show {stop.hex[:12]}{option}",
            first="it waits for your decision.",
        )
    if stop.waits_for == "approval":
        print_approval_terms(directory, stop)


def _require_able(results: Sequence[CheckResult], station: str) -> None:
    from phtlab.station.executor.disk_space import ENGINE_DISK

    for result in results:
        # A disk can be freed while the station runs: work that needs it waits until then. A trial
        # that was cut off is tried again.
        if not result.ok and result.name != ENGINE_DISK and not result.unfinished:
            missing = result.name == "container engine"
            kind = EngineMissingError if missing else SandboxError
            raise kind(
                f"The station {station} cannot run anything. {result.sentence} {result.advice}"
            )


def _write_request(folder: StationFolder, settings: StationSettings, identity: Identity) -> None:
    from phtlab.consortium.enrolment import request_membership
    from phtlab.files.durable_file import write_durably
    from phtlab.train.crypto.identity import Role

    roles: tuple[Role, ...] = ("station", "twin") if settings.twin else ("station",)
    if settings.aggregator:
        roles = ("aggregator",)
    envelope = request_membership(identity, settings.organisation, roles)
    write_durably(folder.request, envelope.to_bytes(), 0o644)


def _view(stop: Stop) -> dict[str, Any]:
    from phtlab.station.pipeline.text_report import stop_view

    return stop_view(stop)
