"""Sizes as people write them: `"512 MiB"` for 536870912 bytes."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_UNITS |= {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")


def parse_size(given: object) -> object:
    """Convert text such as "512 MiB" to bytes; return anything but text unchanged for validation.

    Raises ValueError for text that is not a size.
    """
    if not isinstance(given, str):
        return given
    found = _SIZE.fullmatch(given.strip())
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(f"'{given}' is no size; write it as 512 MiB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1)]
"""A setting in bytes, at least one."""
