"""`phtlab consortium`: what officers do, offline; only `publish` needs the network."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phtlab.cli.named_file import content_of
from phtlab.cli.output import JsonOption, err, out, print_json, say_next
from phtlab.cli.passphrase import VARIABLE, read_passphrase
from phtlab.errors import RosterError, SettingsError

if TYPE_CHECKING:
    from phtlab.train.consortium import Consortium, Signing
    from phtlab.train.identity import Member

app = typer.Typer(
    help="Found a consortium and decide who is a member. Keep the folder offline.",
    no_args_is_help=True,
)

DirectoryOption = Annotated[
    Path,
    typer.Option(
        "--directory",
        "-d",
        envvar="PHTLAB_CONSORTIUM",
        help="The consortium's folder.",
    ),
]
PassphraseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--passphrase-file",
        metavar="[OFFICER=]FILE",
        help="Read an officer's passphrase from this file; repeat for several officers. Else "
        f"from {VARIABLE}_OFFICER or {VARIABLE}, else you are asked.",
    ),
]


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="A new folder, on the officers' own medium.")],
    name: Annotated[str, typer.Option(help="The consortium's name: a-z, 0-9 and '-'.")],
    officer: Annotated[list[str], typer.Option(help="An officer's name; repeat.")],
    online_key: Annotated[
        Path, typer.Option(help="Central's public key file, from 'phtlab central init'.")
    ],
    threshold: Annotated[int, typer.Option(help="How many officers must sign a roster.")] = 2,
    roster_days: Annotated[
        float,
        typer.Option(
            help="A signed roster holds for so long. Within it officers must sign again; a "
            "hostile central can hide a change no longer than that."
        ),
    ] = 7,
    root_days: Annotated[float, typer.Option(help="The root holds for so long.")] = 365,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Found a consortium: officers' keys under their passphrases, and the root they sign."""
    from datetime import timedelta

    from phtlab.train.consortium import Consortium
    from phtlab.train.repository import Lifetimes

    described = _json_file(online_key, "the file that 'phtlab central init' wrote")
    files = _passphrase_files(passphrase_file, officer)
    passphrases = {
        person: _passphrase(f"the new key of officer {person}", person, files, confirm=True)
        for person in dict.fromkeys(officer)
    }
    consortium = Consortium.found(
        directory,
        name,
        passphrases,
        threshold=threshold,
        online_key=described,
        lifetimes=Lifetimes(root=timedelta(days=root_days), targets=timedelta(days=roster_days)),
    )
    root = directory / "root.json"
    if as_json:
        print_json({"name": name, "root": str(root), "fingerprint": consortium.fingerprint})
        return
    err.print(
        f"Founded {name}: {threshold} of {len(passphrases)} officers sign. The root for central, "
        f"stations and researchers is {root}; its fingerprint, to be compared by telephone:",
        markup=False,
    )
    out.print(consortium.fingerprint)
    say_next(
        "phtlab consortium add REQUEST",
        "phtlab consortium sign --officer NAME",
        first="add each member, sign, and publish.",
    )


@app.command()
def add(
    request: Annotated[Path, typer.Argument(help="A request file, NAME.request.json.")],
    fingerprint: Annotated[
        str | None,
        typer.Option(help="What its sender read to you; without it you are asked."),
    ] = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Put the sender of REQUEST on the roster, from the next signature on."""
    from phtlab.train.enrolment import open_request
    from phtlab.train.envelope import Envelope

    consortium = _open(directory)
    member = open_request(Envelope.from_bytes(content_of(request, "a request for membership")))
    _show_member(member)
    if fingerprint is None:
        _ask(
            f"Did {member.name}, by telephone, read you the same fingerprint?",
            f"{member.name} was not added.",
        )
    elif fingerprint.strip().lower() != member.keys.fingerprint:
        raise RosterError(
            f"The request of '{member.name}' has the fingerprint {member.keys.fingerprint}, not "
            "the one given. It was not added: ask its sender to read it again.",
            code="fingerprint",
        )
    consortium.add_member(member)
    err.print(f"{member.name} is on the roster from the next signature on.", markup=False)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="A member's name.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Take a member off the roster, from the next signature on."""
    _open(directory).remove_member(name)
    err.print(
        f"{name} is off the roster once it is signed and published. What was sealed to {name} "
        "before stays readable to whoever holds that key.",
        markup=False,
    )


@app.command()
def add_kernel(
    file: Annotated[Path, typer.Argument(help="What 'phtlab kernel build' wrote, as JSON.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Allow a kernel image at the stations, from the next signature on."""
    from pydantic import ValidationError

    from phtlab.train.fault import faults_of
    from phtlab.train.roster import KernelImage

    try:
        image = KernelImage.model_validate(
            _json_file(file, "the kernel.json that 'phtlab kernel build' wrote")
        )
    except ValidationError as error:
        raise SettingsError(
            f"{file} does not describe a kernel image ({faults_of(error)[0]}). Give the file that "
            "'phtlab kernel build' wrote."
        ) from None
    _open(directory).add_image(image)
    err.print(f"{image.name} ({image.digest}) is allowed from the next signature on.", markup=False)


@app.command()
def remove_kernel(
    digest: Annotated[str, typer.Argument(help="The image's digest, as 'show' prints it.")],
    directory: DirectoryOption = Path(),
) -> None:
    """No longer allow a kernel image. Trains built on it are refused from then on."""
    _open(directory).remove_image(digest)
    err.print(f"{digest} is no longer allowed, from the next signature on.", markup=False)


@app.command()
def sign(
    officer: Annotated[list[str], typer.Option(help="Who signs; repeat, or sign one by one.")],
    passphrase_file: PassphraseOption = None,
    directory: DirectoryOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Sign roster and catalogue as they are. Without a change, this renews them."""
    consortium = _open(directory)
    files = _passphrase_files(passphrase_file, officer)
    identities = [
        consortium.officer(
            person, _passphrase(f"the key of officer {person}", person, files, confirm=False)
        )
        for person in officer
    ]
    signing = consortium.sign_with(identities)
    if as_json:
        print_json(_signing(signing))
        return
    err.print(_progress(signing), markup=False)
    if signing.complete:
        say_next("phtlab consortium publish --central URL")


@app.command()
def publish(
    central: Annotated[str, typer.Option(help="Central's address, such as https://pht.example")],
    directory: DirectoryOption = Path(),
) -> None:
    """Hand the signed roster and catalogue to central, which checks and serves them."""
    from phtlab.wire.api import RosterBundle
    from phtlab.wire.central import CentralClient

    consortium = _open(directory)
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
    """Write what 'publish' would send to a file, to carry it to a machine with a network."""
    from phtlab.train.durable_file import write_durably

    consortium = _open(directory)
    content = json.dumps(consortium.bundle()).encode()
    try:
        write_durably(output, content, 0o644)
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}.") from None
    err.print(f"Wrote {output}.", markup=False)


@app.command()
def show(directory: DirectoryOption = Path(), as_json: JsonOption = False) -> None:
    """Show officers, members, kernel images, and how far the signing is."""
    consortium = _open(directory)
    if as_json:
        print_json(_shown(consortium))
        return
    out.print(f"{'consortium':<14}{consortium.name}", markup=False)
    out.print(f"{'root':<14}{consortium.fingerprint}", markup=False)
    officers = ", ".join(consortium.officers)
    out.print(f"{'officers':<14}{officers} ({consortium.threshold} must sign)", markup=False)
    signing = consortium.signing
    state = _progress(signing) if signing else "Nobody has signed a roster yet."
    if consortium.unsigned_changes and (signing is None or signing.complete):
        state += " There are changes that are not signed."
    out.print(f"{'roster':<14}{state}", markup=False)
    for member in consortium.roster.members:
        organisation = f", {member.organisation}" if member.organisation else ""
        out.print(
            f"{'member':<14}{member.name} ({', '.join(member.roles)}){organisation}", markup=False
        )
        out.print(f"{'':<14}{member.keys.fingerprint}", markup=False)
    for image in consortium.catalogue.images:
        out.print(f"{'kernel':<14}{image.name} ({image.language})", markup=False)
        out.print(f"{'':<14}{image.digest}", markup=False)


def _open(directory: Path) -> Consortium:
    from phtlab.train.consortium import Consortium

    return Consortium(directory)


def _shown(consortium: Consortium) -> dict[str, Any]:
    signing = consortium.signing
    return {
        "name": consortium.name,
        "root": {
            "file": str(consortium.directory / "root.json"),
            "fingerprint": consortium.fingerprint,
        },
        "officers": list(consortium.officers),
        "threshold": consortium.threshold,
        "signing": _signing(signing) if signing else None,
        "unsigned_changes": consortium.unsigned_changes,
        "members": [
            {
                "name": member.name,
                "organisation": member.organisation,
                "roles": list(member.roles),
                "fingerprint": member.keys.fingerprint,
            }
            for member in consortium.roster.members
        ],
        "images": [image.model_dump(mode="json") for image in consortium.catalogue.images],
    }


def _signing(signing: Signing) -> dict[str, Any]:
    return {
        "version": signing.version,
        "signed_by": list(signing.signed_by),
        "needed": signing.needed,
        "complete": signing.complete,
        "expires": signing.expires.isoformat(),
    }


def _progress(signing: Signing) -> str:
    who = ", ".join(signing.signed_by) or "nobody"
    if signing.complete:
        return (
            f"Version {signing.version} is signed by {who}; it holds until "
            f"{signing.expires:%Y-%m-%d %H:%M} UTC."
        )
    missing = signing.needed - len(signing.signed_by)
    return f"Version {signing.version} is signed by {who}; {missing} more must sign."


def _show_member(member: Member) -> None:
    err.print(f"{'name':<14}{member.name}", markup=False)
    err.print(f"{'organisation':<14}{member.organisation}", markup=False)
    err.print(f"{'roles':<14}{', '.join(member.roles)}", markup=False)
    err.print(f"{'fingerprint':<14}{member.keys.fingerprint}", markup=False)


def _ask(question: str, otherwise: str) -> None:
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise RosterError(
            f"{otherwise} Compare the fingerprint with its sender by telephone first, then say "
            "yes, or give it with --fingerprint.",
            code="fingerprint",
        )


def _passphrase_files(given: list[str] | None, officers: list[str]) -> dict[str, Path]:
    """Officer to file. A file without a name is for every officer that has none of its own."""
    files: dict[str, Path] = {}
    for entry in given or []:
        person, equals, path = entry.partition("=")
        if not equals:
            files.update({name: Path(entry) for name in officers if name not in files})
        elif person in officers:
            files[person] = Path(path)
        else:
            raise SettingsError(
                f"There is a passphrase file for '{person}', who is not among the officers named "
                f"({', '.join(officers)})."
            )
    return files


def _passphrase(what: str, officer: str, files: dict[str, Path], *, confirm: bool) -> str:
    own = f"{VARIABLE}_{officer.upper().replace('-', '_')}"
    return read_passphrase(
        what, files.get(officer), confirm, variable=own if own in os.environ else VARIABLE
    )


def _json_file(path: Path, what: str) -> dict[str, Any]:
    from phtlab.train.canonical import parse_json

    try:
        value = parse_json(content_of(path, what))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"{path} is not a JSON object. It should be {what}.")
    return value
