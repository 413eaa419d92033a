"""Findings of the checks on a notebook, each with its cell and line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from phtlab.notebook.fix import Fix

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """A finding. An error keeps the notebook from becoming a train; a warning does not.

    `cell` counts all cells of the notebook from 1 (None: the whole notebook); `line` counts within
    the cell from 1. `code` is stable; docs/notebooks.md lists all codes. `fix` is a change of the
    cell's text that repairs the finding, where one is known.
    """

    code: str
    severity: Severity
    cell: int | None
    line: int | None
    message: str
    fix: Fix | None = None

    def __str__(self) -> str:
        return self.message


def error(
    code: str,
    message: str,
    cell: int | None = None,
    line: int | None = None,
    fix: Fix | None = None,
) -> Finding:
    return Finding(code, "error", cell, line, message, fix)


def warning(
    code: str,
    message: str,
    cell: int | None = None,
    line: int | None = None,
    fix: Fix | None = None,
) -> Finding:
    return Finding(code, "warning", cell, line, message, fix)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, in reading order: the whole notebook first, then cell by cell."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda f: (f.cell or 0, f.line or 0, f.code)))
