"""`phtlab consortium`: officers, threshold, online key, lifetimes. Each change is a new root."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.consortium.folder import (
    DirectoryOption,
    FingerprintOption,
    RequestArgument,
    StolenOption,
    compared_request,
    json_file,
    keep_comparison,
    open_consortium,
)
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.fingerprint_check import TELEPHONE, ChannelOption
from phtlab.cli.terminal.output import err, print_next_steps

officer = typer.Typer(
    help="Add and remove officers, or replace an officer's key. Officers sign the changed root.",
    no_args_is_help=True,
)


@officer.command("add")
def add(
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    channel: ChannelOption = TELEPHONE,
    by: ByOption = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Make the sender of REQUEST an officer, once the next root is signed."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint)
    consortium.add_officer(member)
    keep_comparison(directory, "officer-added", member, channel=channel, by=person(by))
    print_staged(f"{member.name} is an officer once the next root is signed.")


@officer.command("replace")
def replace(
    name: Annotated[str, typer.Argument(help="The officer's name.")],
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    channel: ChannelOption = TELEPHONE,
    by: ByOption = None,
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Replace an officer's lost, stolen or old key by the key in REQUEST."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint, name=name, action="replaced")
    consortium.replace_officer(member, stolen=stolen)
    keep_comparison(directory, "officer-replaced", member, channel=channel, by=person(by))
    print_staged(f"The old key of {name} counts no more once the next root is signed.")


@officer.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="The officer's name.")],
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Remove an officer. Another role of the same person remains."""
    open_consortium(directory).remove_officer(name, stolen=stolen)
    print_staged(f"{name} is no officer any more once the next root is signed.")


def threshold(
    number: Annotated[int, typer.Argument(help="How many officers must sign.", min=1)],
    directory: DirectoryOption = Path(),
) -> None:
    """Change how many officers must sign a roster and a root."""
    open_consortium(directory).set_threshold(number)
    print_staged(f"{number} officers must sign once the next root is signed.")


def online_key(
    file: Annotated[
        Path, typer.Argument(help="The public key file that 'phtlab central online-key' wrote.")
    ],
    directory: DirectoryOption = Path(),
) -> None:
    """Replace central's online key, because it was stolen or central moved."""
    described = json_file(file, "the file that 'phtlab central online-key' wrote")
    open_consortium(directory).set_online_key(described)
    print_staged("Central's old key says nothing any more once the next root is signed.")


def lifetimes(
    roster_days: Annotated[
        float | None, typer.Option(help="Days that a signed roster is valid.", min=0.01)
    ] = None,
    root_days: Annotated[
        float | None, typer.Option(help="Days that the root is valid.", min=0.01)
    ] = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Change how long a signed root and a signed roster stay valid."""
    from phtlab.trust_store.repository import Lifetimes

    consortium = open_consortium(directory)
    now = consortium.lifetimes
    consortium.set_lifetimes(
        Lifetimes(
            root=now.root if root_days is None else timedelta(days=root_days),
            targets=now.targets if roster_days is None else timedelta(days=roster_days),
        )
    )
    print_staged("The next root says so, and the roster that is signed under it.")


def renew_root(directory: DirectoryOption = Path()) -> None:
    """Stage the same root again, with a new expiry."""
    open_consortium(directory).renew_root()
    print_staged("The root holds longer once the next one is signed.")


def print_staged(sentence: str) -> None:
    """Print what was staged, and who must sign it before it takes effect."""
    err.print(
        f"{sentence} Enough officers of the root before must sign it, and enough of the next.",
        markup=False,
    )
    print_next_steps("phtlab consortium sign --officer NAME", "phtlab consortium status")
