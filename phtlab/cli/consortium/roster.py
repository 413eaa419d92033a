"""`phtlab consortium`: members of the roster, allowed kernel images, and the agreement."""

from __future__ import annotations

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
from phtlab.cli.terminal.output import err, out, print_next_steps
from phtlab.errors import SettingsError


def add(
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    channel: ChannelOption = TELEPHONE,
    by: ByOption = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Add the sender of REQUEST to the roster, from the next signature on."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint)
    consortium.add_member(member)
    keep_comparison(directory, "member-added", member, channel=channel, by=person(by))
    err.print(f"{member.name} is on the roster from the next signature on.", markup=False)


def rotate(
    name: Annotated[str, typer.Argument(help="The member's name, which does not change.")],
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    channel: ChannelOption = TELEPHONE,
    by: ByOption = None,
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Replace a member's keys, roles or organisation by those in REQUEST."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint, name=name, action="rotated")
    consortium.rotate_member(member, stolen=stolen)
    keep_comparison(directory, "member-rotated", member, channel=channel, by=person(by))
    err.print(
        f"{name} has these keys from the next signature on. {_validity_sentence(stolen)}",
        markup=False,
    )


def remove(
    name: Annotated[str, typer.Argument(help="A member's name.")],
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Remove a member from the roster, from the next signature on."""
    open_consortium(directory).remove_member(name, stolen=stolen)
    err.print(
        f"{name} is off the roster once it is signed and published. {_validity_sentence(stolen)} "
        f"What was sealed to {name} before stays readable to whoever holds that key.",
        markup=False,
    )


def add_kernel(
    file: Annotated[Path, typer.Argument(help="The JSON file that 'phtlab kernel build' wrote.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Allow a kernel image at the stations, from the next signature on."""
    from pydantic import ValidationError

    from phtlab.train.documents.roster import KernelImage
    from phtlab.validation_summary import validation_summaries

    try:
        image = KernelImage.model_validate(
            json_file(file, "the kernel.json that 'phtlab kernel build' wrote")
        )
    except ValidationError as error:
        raise SettingsError(
            f"{file} does not describe a kernel image ({validation_summaries(error)[0]}).",
            "Give the file that 'phtlab kernel build' wrote.",
        ) from None
    open_consortium(directory).add_image(image)
    err.print(f"{image.name} ({image.digest}) is allowed from the next signature on.", markup=False)


def remove_kernel(
    digest: Annotated[str, typer.Argument(help="The image's digest, as 'show' prints it.")],
    directory: DirectoryOption = Path(),
) -> None:
    """Stop allowing a kernel image. Stations then refuse trains that are built on it."""
    open_consortium(directory).remove_image(digest)
    err.print(f"{digest} is no longer allowed, from the next signature on.", markup=False)


def agreement(
    file: Annotated[
        Path | None,
        typer.Argument(help="The text, as UTF-8. Default: print the text in force."),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Require no agreement any longer.")
    ] = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Require members to accept the text in FILE, from the next signature on; or print the text."""
    from pydantic import ValidationError

    from phtlab.train.documents.roster import Agreement
    from phtlab.validation_summary import validation_summaries

    consortium = open_consortium(directory)
    if remove:
        consortium.agree_on(None)
        err.print("There is no agreement to accept from the next signature on.")
        return
    if file is None:
        known = consortium.catalogue.agreement
        if known is None:
            err.print("This consortium has no agreement.")
        else:
            out.print(known.text, markup=False)
            err.print(f"Its digest is {known.digest}.", markup=False)
        return
    try:
        text = Agreement(text=file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as text: {error}.") from None
    except ValidationError as error:
        raise SettingsError(
            f"{file} is no agreement: {validation_summaries(error)[0].why}."
        ) from None
    consortium.agree_on(text)
    out.print(text.digest)
    err.print("Members are asked to accept it from the next signature on.")
    print_next_steps("phtlab consortium sign", "phtlab consortium publish --central URL")


def _validity_sentence(stolen: bool) -> str:
    if stolen:
        return "Nothing that the old keys signed is believed any more."
    return "What the old keys signed before stays believed; --stolen would end that too."
