"""Changes of a cell's text that repair a finding: arguments added to a `publish` call."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass

TO_FILL_IN = "..."
"""Placeholder for what only the author knows: valid Python, and an error until replaced."""
_SILENT = frozenset(
    {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
)


@dataclass(frozen=True)
class Fix:
    """An insertion into the text of the finding's cell.

    `text` is inserted at `line` (from 1) and `column` (from 0). `select` is the part of `text` that
    the author has to replace, as offsets from its beginning. Columns and offsets are UTF-16 code
    units, as editors count (Language Server Protocol 3.17, "Position"). `title` names the change.
    """

    title: str
    line: int
    column: int
    text: str
    select: tuple[int, int] | None = None

    def apply(self, source: str) -> str:
        """Return the cell's `source` after the change. Raises ValueError if it has no such line."""
        lines = source.split("\n")
        if not 1 <= self.line <= len(lines):
            raise ValueError(f"the cell has no line {self.line}")
        line = lines[self.line - 1].encode("utf-16-le")
        at = 2 * self.column
        changed = line[:at] + self.text.encode("utf-16-le") + line[at:]
        lines[self.line - 1] = changed.decode("utf-16-le")
        return "\n".join(lines)


def add_arguments(source: str, call: ast.Call, arguments: Mapping[str, str]) -> Fix | None:
    """Add keyword `arguments` (name to expression) behind the last argument of `call`.

    `source` is the text that `call` was parsed from. None if the call cannot be changed safely: it
    has no argument, or its text differs from the tree.
    """
    written = ", ".join(f"{name}={value}" for name, value in arguments.items())
    place = _behind_last_argument(source, call) if arguments else None
    if place is None:
        return None
    (number, column), comma, indent = place
    before = "" if comma else ","
    text = f"{before} {written}" if indent is None else f"{before}\n{indent}{written},"
    start = text.find(TO_FILL_IN)
    return Fix(
        f"Declare {written.replace(TO_FILL_IN, '…')}",
        number,
        _utf16(source.split("\n")[number - 1][:column]),
        text,
        None
        if TO_FILL_IN not in arguments.values()
        else (_utf16(text[:start]), _utf16(text[: start + len(TO_FILL_IN)])),
    )


_Place = tuple[tuple[int, int], bool, str | None]


def _behind_last_argument(source: str, call: ast.Call) -> _Place | None:
    """Return where to add an argument, whether a comma precedes it, and the indent of its line.

    The indent is None if the closing bracket is on the line of the last argument. A syntax tree has
    neither commas nor brackets around an argument, so tokens are read.
    """
    lines = source.split("\n")
    if call.end_lineno is None or call.end_col_offset is None or not (call.args or call.keywords):
        return None
    begin = (call.func.end_lineno or 0, _column(lines, call.func.end_lineno, call.func))
    end = (call.end_lineno, len(_bytes(lines, call.end_lineno)[: call.end_col_offset].decode()))
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type not in _SILENT and begin <= token.start and token.end <= end
        ]
    except (tokenize.TokenError, SyntaxError):
        return None
    if len(tokens) < 3 or tokens[-1].string != ")":
        return None
    last, closing = tokens[-2], tokens[-1]
    if last.end[0] == closing.start[0]:
        return last.end, last.string == ",", None
    line = lines[last.start[0] - 1]
    indent = line[: len(line) - len(line.lstrip())]
    own = call.args[-1:] + [keyword.value for keyword in call.keywords[-1:]]
    # The last argument on the call's first line has the call's indent: add a level.
    first = min(node.lineno for node in own)
    return last.end, last.string == ",", indent if first > call.lineno else f"{indent}    "


def _bytes(lines: list[str], number: int) -> bytes:
    return lines[number - 1].encode()


def _column(lines: list[str], number: int | None, node: ast.expr) -> int:
    """Return the column where `node` ends, in characters: trees count bytes."""
    return len(_bytes(lines, number or 1)[: node.end_col_offset].decode())


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
