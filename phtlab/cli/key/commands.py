"""`phtlab key`: create, show, export and protect a person's keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from phtlab.cli.key.accept import accept
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.cli.terminal.passphrase import read_passphrase
from phtlab.errors import KeyFileError

if TYPE_CHECKING:
    from phtlab.train.crypto.identity import Identity, PublicKeys, Role
    from phtlab.train.documents.envelope import Envelope

app = typer.Typer(help="Create, show, export and protect your keys.", no_args_is_help=True)
app.command()(accept)

KEY_SUFFIX = ".key.age"
REQUEST_SUFFIX = ".request.json"

KeyArgument = Annotated[Path, typer.Argument(help="The key file, NAME.key.age.", metavar="FILE")]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="File to read the passphrase from. Default: PHTLAB_PASSPHRASE, else a prompt.",
    ),
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--role",
        help="A role to request: researcher, station, operator, officer, teacher, twin or "
        "aggregator; may be repeated. Default: researcher.",
    ),
]
OrganisationOption = Annotated[str, typer.Option(help="The name of your organisation.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Your name on the roster: a-z, 0-9 and '-'.")],
    role: RoleOption = None,
    organisation: OrganisationOption = "",
    directory: Annotated[
        Path | None,
        typer.Option(help="Folder of the key. Default: keys/ in phtlab's configuration."),
    ] = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key for NAME, and the request with which an officer adds it to the roster."""
    from phtlab.files.key_file import write_key
    from phtlab.train.crypto.identity import Identity
    from phtlab.user_settings import config_directory

    folder = directory or config_directory() / "keys"
    path = folder / f"{name}{KEY_SUFFIX}"
    identity = Identity.generate(name)
    request = _request(identity, organisation, role)
    if path.exists():
        raise _exists(path)
    passphrase = read_passphrase(f"the new key of {name}", passphrase_file, confirm=True)
    write_key(path, identity, passphrase)
    request_path = _write_request(folder, name, request)
    fingerprint = identity.public.fingerprint
    if as_json:
        print_json(
            {
                "name": name,
                "key": str(path),
                "request": str(request_path),
                "fingerprint": fingerprint,
            }
        )
        return
    err.print(f"Wrote the key {path} and the request {request_path}.", markup=False)
    out.print(fingerprint)
    err.print(
        "This is the key's fingerprint. Keep a copy of the key file: nobody can recover it, nor "
        "its passphrase."
    )
    print_next_steps(
        "phtlab join --central URL --root root.json",
        first="send the request to a consortium officer and compare the fingerprint by telephone. "
        "With the consortium's root.json from the officer, then run:",
    )


@app.command()
def request(
    file: KeyArgument,
    role: RoleOption = None,
    organisation: OrganisationOption = "",
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write an existing key's request for membership again, for example with other roles."""
    identity = _open(file, passphrase_file)
    path = _write_request(file.parent, identity.name, _request(identity, organisation, role))
    fingerprint = identity.public.fingerprint
    if as_json:
        print_json({"name": identity.name, "request": str(path), "fingerprint": fingerprint})
        return
    err.print(f"Wrote the request {path}. Its key's fingerprint is:", markup=False)
    out.print(fingerprint)


@app.command()
def show(
    file: Annotated[
        Path,
        typer.Argument(
            help="A key file, or a request (which needs no passphrase).", metavar="FILE"
        ),
    ],
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the public keys in FILE and their fingerprint."""
    summary = _key_summary(file, passphrase_file)
    if as_json:
        print_json(summary)
        return
    for label, value in _flat(summary).items():
        out.print(f"{label:<14}{value}", markup=False)


@app.command()
def export(
    file: KeyArgument,
    form: Annotated[str, typer.Option("--as", help="Only 'age', an age identity.")] = "age",
    output: Annotated[
        Path | None,
        typer.Option(help="Write the identity to this new file (mode 0600), not to stdout."),
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Write the age identity of a key WITHOUT a passphrase, for 'age -d -i' (age 1.3 or later).

    Whoever has this identity can open all cargo sealed to this key. The key file itself is an age
    identity file under a passphrase and works with 'age -d -i' too: prefer the key file.
    """
    if form != "age":
        raise typer.BadParameter("the only form is 'age'", param_hint="--as")
    identity = _open(file, passphrase_file)
    err.print(
        f"[bold yellow]warning[/] This is the secret that opens all cargo sealed to "
        f"{identity.name}, without a passphrase. Delete it when you are done. "
        "'age -d -i KEYFILE' works with the key file as it is."
    )
    if output is None:
        typer.echo(str(identity.age))
    else:
        _write_secret(output, f"{identity.age}\n")
        err.print(f"Wrote {output}.", markup=False)


@app.command()
def passphrase(
    file: KeyArgument,
    passphrase_file: PassphraseOption = None,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option(help="File to read the new passphrase from. Default: a prompt."),
    ] = None,
) -> None:
    """Change the passphrase of a key file. Copies of the old file keep the old one."""
    from phtlab.files.key_file import write_key

    identity = _open(file, passphrase_file)
    new = read_passphrase(
        f"the key of {identity.name} from now on",
        new_passphrase_file,
        confirm=True,
        # PHTLAB_PASSPHRASE holds the present passphrase.
        variable="PHTLAB_NEW_PASSPHRASE",
    )
    write_key(file, identity, new, replace=True)
    err.print(
        f"{file} has its new passphrase. Copies made before still open with the old one: delete "
        "them.",
        markup=False,
    )


def _open(file: Path, passphrase_file: Path | None) -> Identity:
    from phtlab.files.key_file import read_key

    if not file.exists():
        raise KeyFileError(
            f"There is no key file {file}.",
            "Check the name, or make a key with 'phtlab key create NAME'.",
            code="key-file-missing",
        )
    return read_key(file, read_passphrase(f"the key {file.name}", passphrase_file))


def _request(identity: Identity, organisation: str, roles: list[str] | None) -> Envelope:
    from phtlab.consortium.enrolment import request_membership

    # The roles come from the command line: request_membership refuses unknown roles.
    return request_membership(identity, organisation, cast("list[Role]", roles or ["researcher"]))


def _write_request(folder: Path, name: str, request: Envelope) -> Path:
    path = folder / f"{name}{REQUEST_SUFFIX}"
    try:
        path.write_bytes(request.to_bytes() + b"\n")
    except OSError as error:
        raise KeyFileError(
            f"The request {path} cannot be written: {error.strerror}.",
            "The key exists; when the folder is corrected, run 'phtlab key request' on it.",
        ) from None
    return path


def _key_summary(file: Path, passphrase_file: Path | None) -> dict[str, Any]:
    from phtlab.consortium.enrolment import open_request
    from phtlab.files.key_file import MAX_KEY_FILE_BYTES, decode_key
    from phtlab.train.documents.envelope import Envelope

    try:
        with file.open("rb") as source:
            content = source.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(
            f"{file} cannot be read: {error.strerror}.", "Check the name.", code="key-file-missing"
        ) from None
    if content.lstrip().startswith(b"{"):
        member = open_request(Envelope.from_bytes(content))
        claim = {"organisation": member.organisation, "roles": list(member.roles)}
        return {"name": member.name, **claim, **_public(member.keys)}
    identity = decode_key(content, read_passphrase(f"the key {file.name}", passphrase_file))
    return {"name": identity.name, **_public(identity.public)}


def _public(keys: PublicKeys) -> dict[str, Any]:
    return {
        "fingerprint": keys.fingerprint,
        "keys": keys.model_dump(),
        "key_ids": dict(keys.key_ids()),
    }


def _flat(summary: dict[str, Any]) -> dict[str, str]:
    flat = {label: value for label, value in summary.items() if isinstance(value, str)}
    if "roles" in summary:
        flat["roles"] = ", ".join(summary["roles"])
    for scheme, key_id in summary["key_ids"].items():
        flat[scheme] = f"key id {key_id}"
    # 1,959 characters, which nobody compares: --json prints them all.
    flat["age"] = f"{summary['keys']['age'][:24]}…"
    return flat


def _write_secret(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "w") as target:
        target.write(text)


def _exists(path: Path) -> KeyFileError:
    return KeyFileError(
        f"{path} exists already and is not overwritten.",
        "Choose another name, or move the file away first.",
        code="key-file-exists",
    )
