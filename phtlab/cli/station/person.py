"""The person who decides at a station: option `--by` of its commands, and its default."""

from __future__ import annotations

import getpass
import re
from typing import Annotated

import typer

ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        help="The person who decides: a-z, 0-9, '.', '_' and '-'. Default: this system's user. The "
        "name is signed, and kept in the audit log.",
    ),
]


def person(by: str | None) -> str:
    """Return the named person, else the system's user as a valid name."""
    if by is not None:
        return by
    name = re.sub(r"[^a-z0-9._-]", "-", getpass.getuser().lower())[:63]
    return name if re.match(r"[a-z]", name) else f"u{name}"[:63]
