"""Output of commands: results to stdout, progress and remarks to stderr, JSON on request."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from phtlab.printable import escaped_lines


class Terminal(Console):
    """Console that makes control characters visible: much of the text comes from others."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as rich does, with all characters visible but line ends and rich's controls."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(escaped_lines(text), style)


out = Terminal(highlight=False, soft_wrap=True)
# A terminal gets sentences wrapped between words; a log or a pipe gets them unwrapped.
err = Terminal(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

JsonOption = Annotated[bool, typer.Option("--json", help="Print a stable JSON shape.")]


def print_next_steps(*commands: str, first: str = "") -> None:
    """Print what to do next on stderr: a sentence, then each command on its own line, to copy."""
    err.print(f"Next{f': {first}' if first else ':'}", markup=False)
    for command in commands:
        err.print(f"  {command}", markup=False)


def print_json(value: Any) -> None:
    """Print `value` as indented JSON on stdout; pydantic models by their JSON form."""
    typer.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)
