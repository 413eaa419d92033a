"""A message that says what to type names a command, and options, that there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import typer

from phtlab.cli.main import app

PACKAGE = Path(__file__).parents[2] / "phtlab"
COMMAND = re.compile(r"'phtlab ([^']+)'")


def texts(file: Path) -> Iterator[str]:
    """The texts of a module, with … where a value is put in."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def named() -> list[str]:
    found = {
        " ".join(match[1].split())
        for file in PACKAGE.rglob("*.py")
        for text in texts(file)
        for match in COMMAND.finditer(text)
    }
    return sorted(found)


def test_messages_name_commands():
    assert len(named()) > 30


def test_each_command_is_there():
    assert not [f"{line}: {why}" for line in named() if (why := missing(line))]


def missing(line: str) -> str | None:
    """The word of `line` that is no command or option, or None."""
    at: click.Command = typer.main.get_command(app)
    for word in line.split():
        commands = getattr(at, "commands", {})
        if word in commands:
            at = commands[word]
        elif word.startswith("-"):
            options = {name for parameter in at.params for name in parameter.opts}
            if word not in options | {"--help"}:
                return f"'{at.name}' has no {word}"
        elif commands and word.isalpha() and word.islower():
            return f"no {word}"
    return None
