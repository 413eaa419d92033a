"""`phtlab consortium`: officers' commands, all offline except `publish`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.consortium.folder import (
    DirectoryOption,
    FingerprintOption,
    PassphraseOption,
    compared_request,
    files_by_officer,
    json_file,
    officer_identity,
    open_consortium,
    read_officer_passphrase,
)
from phtlab.cli.consortium.root import lifetimes, officer, online_key, renew_root, threshold
from phtlab.cli.consortium.roster import add, add_kernel, agreement, remove, remove_kernel, rotate
from phtlab.cli.consortium.status import progress, show, signing_json, status
from phtlab.cli.terminal.fingerprint_check import require_typed_fingerprint
from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import SettingsError

app = typer.Typer(
    help="Found a consortium and manage its members. Keep the folder offline.",
    no_args_is_help=True,
)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new folder, on the officers' own medium.")],
    name: Annotated[str, typer.Option(help="The consortium's name: a-z, 0-9 and '-'.")],
    officer: Annotated[
        list[str], typer.Option(help="An officer whose key is created here; may be repeated.")
    ],
    online_key: Annotated[
        Path, typer.Option(help="Central's public key file, from 'phtlab central init'.")
    ],
    officer_request: Annotated[
        list[Path] | None,
        typer.Option(
            help="The request of an officer whose key stays on another laptop, from 'phtlab key "
            "create NAME --role officer'; may be repeated."
        ),
    ] = None,
    fingerprint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FINGERPRINT",
            help="The fingerprints that the senders read to you, in the order of the requests. "
            "Default: a prompt.",
        ),
    ] = None,
    threshold: Annotated[int, typer.Option(help="How many officers must sign a roster.")] = 2,
    roster_days: Annotated[
        float,
        typer.Option(
            help="Days that a signed roster is valid. Officers must sign again within them; a "
            "hostile central can hide a change no longer than that."
        ),
    ] = 7,
    root_days: Annotated[float, typer.Option(help="Days that the root is valid.")] = 365,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Found a consortium: create officers' keys under their passphrases, and the root they sign."""
    from datetime import timedelta

    from phtlab.consortium.consortium import Consortium
    from phtlab.trust_store.repository import Lifetimes

    described = json_file(online_key, "the file that 'phtlab central init' wrote")
    requests, channels = officer_request or [], fingerprint or []
    elsewhere = [
        compared_request(request, channels[number] if number < len(channels) else None)
        for number, request in enumerate(requests)
    ]
    files = files_by_officer(passphrase_file, officer, "passphrase file")
    passphrases = {
        person: read_officer_passphrase(
            f"the new key of officer {person}", person, files, confirm=True
        )
        for person in dict.fromkeys(officer)
    }
    consortium = Consortium.found(
        directory,
        name,
        passphrases,
        elsewhere=elsewhere,
        threshold=threshold,
        online_key=described,
        lifetimes=Lifetimes(root=timedelta(days=root_days), targets=timedelta(days=roster_days)),
    )
    root = directory / "root.json"
    if as_json:
        print_json(
            {
                "name": name,
                "root": str(root) if consortium.founded else None,
                "fingerprint": consortium.fingerprint,
            }
        )
        return
    count = len(consortium.officers)
    if not consortium.founded:
        err.print(
            f"Prepared {name}: {threshold} of {count} officers sign, and it is founded once so "
            "many have signed its root, whose fingerprint you compare by telephone:",
            markup=False,
        )
        out.print(consortium.fingerprint)
        print_next_steps(
            "phtlab consortium sign --officer NAME",
            "phtlab consortium export FILE",
            first="sign, and send the file to the other officers, who do 'phtlab consortium import "
            "FILE', sign, and send theirs back.",
        )
        return
    err.print(
        f"Founded {name}: {threshold} of {count} officers sign. The root for central, "
        f"stations and researchers is {root}; its fingerprint, to be compared by telephone:",
        markup=False,
    )
    out.print(consortium.fingerprint)
    print_next_steps(
        "phtlab consortium add REQUEST",
        "phtlab consortium sign --officer NAME",
        first="add each member, sign, and publish.",
    )


app.command()(add)
app.command()(rotate)
app.command()(remove)
app.command()(add_kernel)
app.command()(remove_kernel)
app.command()(agreement)
app.add_typer(officer, name="officer")
app.command()(threshold)
app.command()(online_key)
app.command()(lifetimes)
app.command()(renew_root)
app.command()(status)


@app.command()
def sign(
    officer: Annotated[
        list[str], typer.Option(help="The officer who signs; may be repeated, or sign one by one.")
    ],
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[OFFICER=]FILE",
            help="An officer's key file. Default: keys/OFFICER.key.age in the consortium's folder.",
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    directory: DirectoryOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Sign what is staged: root, roster and catalogue.

    Without a change, this renews roster and catalogue; 'renew-root' stages the root again.
    """
    consortium = open_consortium(directory)
    files = files_by_officer(passphrase_file, officer, "passphrase file")
    keys = files_by_officer(key, officer, "key file")
    signing = consortium.sign_with(
        [officer_identity(consortium, person, keys.get(person), files) for person in officer]
    )
    if as_json:
        print_json(signing_json(signing))
        return
    err.print(progress(signing), markup=False)
    if signing.complete:
        print_next_steps("phtlab consortium publish --central URL")


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="The file to write for another officer.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Export the consortium's folder without its keys, for the next officer to sign."""
    from phtlab.files.durable_file import write_durably

    handover = open_consortium(directory).export()
    try:
        write_durably(file, handover.to_bytes(), 0o644)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}.") from None
    err.print(
        f"Wrote {file}. It holds no key; whoever takes it over notices if it was changed.",
        markup=False,
    )
    print_next_steps(f"phtlab consortium import {file.name}", first="the other officer does:")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The file that another officer exported.")],
    fingerprint: FingerprintOption = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Import another officer's file after checking it; the first time, into a new folder."""
    from phtlab.consortium.consortium import Consortium
    from phtlab.consortium.folder import is_consortium
    from phtlab.consortium.handover import Handover

    handover = Handover.from_bytes(content_of(file, "what 'phtlab consortium export' wrote"))
    if is_consortium(directory):
        consortium = open_consortium(directory)
        consortium.import_handover(handover)
    else:
        _compare_root(handover.fingerprint, fingerprint)
        consortium = Consortium.from_handover(directory, handover)
    err.print(f"Took over {file} into {directory}.", markup=False)
    if consortium.unsigned_changes:
        err.print("What it asks you to sign:", markup=False)
        for change in consortium.changes():
            err.print(f"  {change}", markup=False)
        print_next_steps("phtlab consortium sign --officer NAME", "phtlab consortium export FILE")
    else:
        print_next_steps("phtlab consortium publish --central URL")


@app.command()
def discard(directory: DirectoryOption = Path()) -> None:
    """Discard staged changes that too few officers have signed."""
    open_consortium(directory).discard()
    err.print("Dropped what was staged. The folder is as it was last signed.", markup=False)


@app.command()
def publish(
    central: Annotated[str, typer.Option(help="Central's address, such as https://pht.example")],
    directory: DirectoryOption = Path(),
) -> None:
    """Send the signed roster and catalogue to central, which verifies and serves them."""
    from phtlab.wire.api.journeys import RosterBundle
    from phtlab.wire.central.client import CentralClient

    consortium = open_consortium(directory)
    bundle = RosterBundle.model_validate(consortium.bundle())
    CentralClient(central.rstrip("/"), None).publish_roster(bundle)
    signing = consortium.signing
    if signing is not None:
        err.print(
            f"Published version {signing.version} of the roster of {consortium.name} at "
            f"{central}. It holds until {signing.expires:%Y-%m-%d %H:%M} UTC: sign and publish "
            "again before then.",
            markup=False,
        )


@app.command()
def bundle(
    output: Annotated[Path, typer.Option("--out", help="The file to write.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Write what 'publish' sends to a file, to carry it to a machine with a network."""
    from phtlab.files.durable_file import write_durably

    consortium = open_consortium(directory)
    content = json.dumps(consortium.bundle()).encode()
    try:
        write_durably(output, content, 0o644)
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}.") from None
    err.print(f"Wrote {output}.", markup=False)


app.command()(show)


def _compare_root(found: str, channel: str | None) -> None:
    require_typed_fingerprint(
        found, channel, reader="the officer who sent this", otherwise="The file was not taken over."
    )
