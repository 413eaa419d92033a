"""Registry of error codes: the meaning and the remedy of each code.

`error_codes.toml` beside this module is the table; docs/reference/errors.md is generated from it.
tests/docs/test_generated.py fails if the source raises a code that the table lacks, or the
reverse.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class ErrorCode:
    """An error code. `classes` names the error classes that use it; nearly always there is one."""

    classes: tuple[str, ...]
    meaning: str
    remedy: str


@cache
def error_codes() -> Mapping[str, ErrorCode]:
    """Return all error codes by name, in alphabetical order."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {
        code: ErrorCode(tuple(entry["classes"]), entry["meaning"], entry["remedy"])
        for code, entry in table.items()
    }
