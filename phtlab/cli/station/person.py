"""Who it is that decides at a station, as its commands take it."""

from __future__ import annotations

import getpass
import re
from typing import Annotated

import typer

ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        help="Who decides: a-z, 0-9, '.', '_' and '-'. Default: this system's user. The name is "
        "signed, and kept in the audit log.",
    ),
]


def person(by: str | None) -> str:
    """The person who was named, else the system's user as a name that is valid here."""
    if by is not None:
        return by
    name = re.sub(r"[^a-z0-9._-]", "-", getpass.getuser().lower())[:63]
    return name if re.match(r"[a-z]", name) else f"u{name}"[:63]
