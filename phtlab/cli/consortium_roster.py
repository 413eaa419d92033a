"""`phtlab consortium`: who is a member, and which kernel images may run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.consortium_folder import (
    DirectoryOption,
    FingerprintOption,
    RequestArgument,
    StolenOption,
    compared_request,
    json_file,
    open_consortium,
)
from phtlab.cli.output import err
from phtlab.errors import SettingsError


def add(
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    directory: DirectoryOption = Path(),
) -> None:
    """Put the sender of REQUEST on the roster, from the next signature on."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint)
    consortium.add_member(member)
    err.print(f"{member.name} is on the roster from the next signature on.", markup=False)


def rotate(
    name: Annotated[str, typer.Argument(help="The member's name, which stays.")],
    request: RequestArgument,
    fingerprint: FingerprintOption = None,
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Put new keys, roles or another organisation in the place of a member's old ones."""
    consortium = open_consortium(directory)
    member = compared_request(request, fingerprint, name=name, action="rotated")
    consortium.rotate_member(member, stolen=stolen)
    err.print(
        f"{name} has these keys from the next signature on. {_what_counts(stolen)}", markup=False
    )


def remove(
    name: Annotated[str, typer.Argument(help="A member's name.")],
    stolen: StolenOption = False,
    directory: DirectoryOption = Path(),
) -> None:
    """Take a member off the roster, from the next signature on."""
    open_consortium(directory).remove_member(name, stolen=stolen)
    err.print(
        f"{name} is off the roster once it is signed and published. {_what_counts(stolen)} What "
        f"was sealed to {name} before stays readable to whoever holds that key.",
        markup=False,
    )


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
            json_file(file, "the kernel.json that 'phtlab kernel build' wrote")
        )
    except ValidationError as error:
        raise SettingsError(
            f"{file} does not describe a kernel image ({faults_of(error)[0]}). Give the file that "
            "'phtlab kernel build' wrote."
        ) from None
    open_consortium(directory).add_image(image)
    err.print(f"{image.name} ({image.digest}) is allowed from the next signature on.", markup=False)


def remove_kernel(
    digest: Annotated[str, typer.Argument(help="The image's digest, as 'show' prints it.")],
    directory: DirectoryOption = Path(),
) -> None:
    """No longer allow a kernel image. Trains built on it are refused from then on."""
    open_consortium(directory).remove_image(digest)
    err.print(f"{digest} is no longer allowed, from the next signature on.", markup=False)


def _what_counts(stolen: bool) -> str:
    if stolen:
        return "Nothing that the old keys signed is believed any more."
    return "What the old keys signed before stays believed; --stolen would end that too."
