"""Shared by the officers' commands: options, the folder, keys, and requests that were compared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phtlab.cli.terminal.fingerprint_check import require_typed_fingerprint
from phtlab.cli.terminal.named_file import content_of
from phtlab.cli.terminal.output import err
from phtlab.cli.terminal.passphrase import VARIABLE, read_passphrase
from phtlab.errors import KeyFileError, RosterError, SettingsError

if TYPE_CHECKING:
    from phtlab.consortium.consortium import Consortium
    from phtlab.train.crypto.identity import Identity, Member

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
        help="File to read an officer's passphrase from; may be repeated. Default: "
        "{VARIABLE}_OFFICER or {VARIABLE}, else a prompt.",
    ),
]
FingerprintOption = Annotated[
    str | None,
    typer.Option(
        "--fingerprint",
        help="The fingerprint that the sender of the request read to you. Default: a prompt.",
    ),
]
StolenOption = Annotated[
    bool,
    typer.Option(
        "--stolen",
        help="Others may have the old keys: reject all their signatures, earlier ones included.",
    ),
]
RequestArgument = Annotated[Path, typer.Argument(help="A request file, NAME.request.json.")]


def open_consortium(directory: Path) -> Consortium:
    from phtlab.consortium.consortium import Consortium

    return Consortium(directory)


def compared_request(
    request: Path, fingerprint: str | None, *, name: str | None = None, action: str = "added"
) -> Member:
    """Return the member who sent `request`, after comparing the fingerprint with its sender.

    Raises RosterError (``fingerprint``) if the fingerprint was not compared or differs; RosterError
    if the request is not of `name`.
    """
    from phtlab.consortium.enrolment import open_request
    from phtlab.train.documents.envelope import Envelope

    member = open_request(Envelope.from_bytes(content_of(request, "a request for membership")))
    if name is not None and member.name != name:
        raise RosterError(f"This is the request of '{member.name}', not of '{name}'.")
    for label, value in (
        ("name", member.name),
        ("organisation", member.organisation),
        ("roles", ", ".join(member.roles)),
    ):
        err.print(f"{label:<14}{value}", markup=False)
    require_typed_fingerprint(
        member.keys.fingerprint,
        fingerprint,
        reader=member.name,
        otherwise=f"{member.name} was not {action}.",
    )
    return member


def keep_comparison(directory: Path, what: str, member: Member, *, channel: str, by: str) -> None:
    """Log in the consortium's folder who compared whose fingerprint, and by which channel."""
    from phtlab.governance.text import line_of
    from phtlab.station.audit.log import Log
    from phtlab.train.canonical import canonical, digest

    Log(directory / "audit", "consortium").append(
        actor=by,
        action=what,
        subject=member.name,
        digest=digest(canonical(member.keys.model_dump())),
        details={"channel": line_of(channel), "fingerprint": member.keys.fingerprint},
    )


def officer_identity(
    consortium: Consortium, person: str, key: Path | None, passphrases: dict[str, Path]
) -> Identity:
    """Return the keys of officer `person`, from `key` or else from the consortium's folder.

    Raises PassphraseError, KeyFileError, NotOnRosterError.
    """
    from phtlab.files.key_file import read_key

    file = key or consortium.officer_key_file(person)
    if key is None and not file.exists():
        raise KeyFileError(
            f"The key of officer {person} does not lie in {consortium.directory}.",
            "If it is elsewhere on this machine, give it with --key FILE; else its officer signs, "
            "on the machine where it is.",
            code="key-file-missing",
        )
    secret = read_officer_passphrase(
        f"the key of officer {person}", person, passphrases, confirm=False
    )
    return read_key(file, secret)


def files_by_officer(given: list[str] | None, officers: list[str], what: str) -> dict[str, Path]:
    """Map officers to files. A file without an officer's name is for every officer not named."""
    files: dict[str, Path] = {}
    for entry in given or []:
        person, equals, path = entry.partition("=")
        if not equals:
            files.update({name: Path(entry) for name in officers if name not in files})
        elif person in officers:
            files[person] = Path(path)
        else:
            raise SettingsError(
                f"There is a {what} for '{person}', who is not among the officers named "
                f"({', '.join(officers)})."
            )
    return files


def read_officer_passphrase(
    what: str, officer: str, files: dict[str, Path], *, confirm: bool
) -> str:
    """Read an officer's passphrase from a file, a variable of the officer, or as for any key."""
    own = f"{VARIABLE}_{officer.upper().replace('-', '_')}"
    return read_passphrase(
        what, files.get(officer), confirm, variable=own if own in os.environ else VARIABLE
    )


def json_file(path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object in `path`. Raises SettingsError that says what it should be."""
    from phtlab.train.canonical import parse_json

    try:
        value = parse_json(content_of(path, what))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SettingsError(f"{path} is not a JSON object.", f"It should be {what}.")
    return value
