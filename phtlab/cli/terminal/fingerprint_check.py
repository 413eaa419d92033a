"""Fingerprint check: one person reads the fingerprint out, the other types its hidden groups.

People answer a yes-or-no question without comparing. Two of the eight groups are therefore not
shown: whoever types them has heard them from the person who reads.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated

import typer

from phtlab.cli.terminal.output import err
from phtlab.errors import RosterError

ChannelOption = Annotated[
    str,
    typer.Option(
        "--channel",
        help="How you and the sender compared the fingerprint: telephone, in person, video. The "
        "log records this with your name.",
    ),
]
TELEPHONE = "telephone"
_HIDDEN = 2


def require_typed_fingerprint(
    found: str, given: str | None, *, reader: str, otherwise: str, code: str = "fingerprint"
) -> None:
    """Compare `found` with `given`, or else with what `reader` reads and a person types.

    Raises RosterError (`code`), whose message begins with `otherwise`, if they differ or nothing is
    typed.
    """
    if given is not None:
        if _plain(given) != _plain(found):
            raise RosterError(
                f"{otherwise} Its fingerprint is {found}, not the one given.",
                f"Ask {reader} to read it again, and use nothing until the two are the same.",
                code=code,
            )
        return
    groups = found.split("-")
    hidden = sorted(secrets.SystemRandom().sample(range(len(groups)), _HIDDEN))
    visible = ("????" if number in hidden else group for number, group in enumerate(groups))
    err.print(f"fingerprint   {'-'.join(visible)}", markup=False)
    numbers = " and ".join(str(number + 1) for number in hidden)
    try:
        typed = typer.prompt(
            f"Let {reader} read all of it to you by telephone. Groups {numbers}", err=True
        )
    except typer.Abort:
        typed = ""
    if _plain(typed) not in ("".join(groups[number] for number in hidden), _plain(found)):
        raise RosterError(
            f"{otherwise} What you typed is not in it.",
            f"Compare the fingerprint with {reader} by telephone, and type what you hear, or give "
            "it with --fingerprint.",
            code=code,
        )


def _plain(text: str) -> str:
    return re.sub(r"[\s-]+", "", text).lower()
