"""The registry of error codes: what each one means, and what to do about it.

`error_codes.toml` beside this module is the table; docs/reference/errors.md comes from it. A code
that the source raises and the table lacks, or the reverse, fails tests/docs/test_generated.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class ErrorCode:
    """One code. `classes` names the error classes that carry it; nearly always there is one."""

    classes: tuple[str, ...]
    meaning: str
    remedy: str


@cache
def error_codes() -> Mapping[str, ErrorCode]:
    """Every code of phtlab's errors, by its name in alphabetical order."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {
        code: ErrorCode(tuple(entry["classes"]), entry["meaning"], entry["remedy"])
        for code, entry in table.items()
    }
