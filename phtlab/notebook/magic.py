"""IPython's additions to Python: finds magics, shell escapes and help, and removes them.

A station's sandbox has IPython, but no usable shell, no network and none of the analyst's
extensions. Magics that only change the display or measure time give no finding.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error
from phtlab.notebook.syntax import parse_module

_HARMLESS = re.compile(
    r"%matplotlib\s+(inline|agg)\b|%config\s|%precision\b|%xmode\b|%%?time(it)?\b|%%capture\b"
)
_PREFIXED = re.compile(r"%%?time(it)?\s+(?!-)|%%?time(it)?\s*$")
_CELL_MAGIC = re.compile(r"\s*%%\w+")
_LINE = re.compile(
    r"(?P<indent>\s*)(?:"
    r"(?P<assigned>[\w.,\[\]'\" ()*]+=\s*)?(?P<magic>%%?[A-Za-z]\S*.*)"
    r"|(?P<target>[\w.,\[\]'\" ()*]+=\s*)?(?P<shell>!.*)"
    r"|(?P<help>\?\S+.*|[^#'\"]*\w\?{1,2}\s*$)"
    r")"
)


_DEEPEST = 150  # levels of syntax, so that recursive readers of a tree stay within the stack


@dataclass(frozen=True)
class Python:
    """A parsed cell; `tree` is None if it does not parse, which a finding reports.

    `source` is what `tree` was parsed from: the cell without its magics.
    """

    tree: ast.Module | None
    findings: tuple[Finding, ...]
    source: str = ""


def read_python(cell: Cell) -> Python:
    """Return the syntax tree of a code cell, with findings for magics and syntax errors."""
    lines = cell.source.split("\n")
    findings: list[Finding] = []
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is not None and _CELL_MAGIC.match(lines[first]):
        if not _HARMLESS.match(lines[first].lstrip()):
            return Python(None, (_magic(cell, first + 1, lines[first].strip()),))
        lines[first] = _kept(lines[first])
    # Only a line at which Python's own parser stops can be a magic: the text of a string or of a
    # continued expression may look like one. So each round removes one line.
    for _ in range(len(lines) + 1):
        try:
            source = "\n".join(lines)
            tree = parse_module(source)
            if _depth(tree) > _DEEPEST:
                raise RecursionError
            return Python(tree, tuple(findings), source)
        except SyntaxError as failed:
            number = failed.lineno or 1
            found = _set_aside(lines, number)
            if found is None:
                findings.append(_syntax(cell, number, failed.msg))
                return Python(None, tuple(findings))
            if not _HARMLESS.match(found[1]):
                findings.append(_magic(cell, *found))
        except (ValueError, RecursionError, MemoryError):
            findings.append(
                _syntax(cell, 1, "too deeply nested, or a character that Python refuses")
            )
            return Python(None, tuple(findings))
    return Python(None, (*findings, _syntax(cell, 1, "invalid syntax")))


def _depth(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _set_aside(lines: list[str], number: int) -> tuple[int, str] | None:
    """Remove the magic at or before line `number` from `lines`; return its line and text."""
    # The parser may report an error one line late, at what follows the magic.
    for candidate in (number, number - 1):
        if not 1 <= candidate <= len(lines):
            continue
        line = lines[candidate - 1]
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        text = match["magic"] or match["shell"] or match["help"]
        target = match["assigned"] or match["target"]
        if target:
            lines[candidate - 1] = f"{match['indent']}{target}None"
        else:
            lines[candidate - 1] = match["indent"] + _kept(text)
        return candidate, text.strip()
    return None


def _kept(text: str) -> str:
    """Return the Python code of a line with a magic: what `%time` measures, or `pass`."""
    stripped = text.lstrip()
    prefix = _PREFIXED.match(stripped)
    return stripped[prefix.end() :] or "pass" if prefix else "pass"


def _syntax(cell: Cell, line: int, message: str) -> Finding:
    return error(
        "syntax",
        f"cell {cell.number}, line {line}: {message}. Python cannot read this cell.",
        cell.number,
        line,
    )


def _magic(cell: Cell, line: int, text: str) -> Finding:
    name = text.split()[0]
    if text.startswith(("!", "%%bash", "%%sh", "%%script", "%system", "%sx")):
        return error(
            "shell",
            f"cell {cell.number}, line {line}: '{name}' starts a shell command. A station's "
            "sandbox runs the notebook's language only, without network. What the analysis needs "
            "must be in the kernel image; move the rest to a local cell.",
            cell.number,
            line,
        )
    if "?" in text and not text.startswith("%"):
        return error(
            "help",
            f"cell {cell.number}, line {line}: '{name}' asks for help, and nobody reads it at a "
            "station. Move it to a local cell.",
            cell.number,
            line,
        )
    return error(
        "magic",
        f"cell {cell.number}, line {line}: the magic '{name}' does not work in a station's "
        "sandbox. Write it in plain Python, or move it to a local cell.",
        cell.number,
        line,
    )
