"""docs/reference/cli.md: every command, argument and option, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from phtlab.cli.exit_codes import EXIT_CODES
from phtlab.cli.main import app
from tests.docs.markdown import code, ended, heading, sentence, table

_INTRODUCTION = (
    "Results go to standard output, everything else to standard error. `--json` prints a shape "
    "that stays. `--help` works everywhere."
)


def commands() -> Iterator[tuple[str, Any]]:
    """Each command with its whole name, in the order of `--help`; groups before what is in them."""
    yield from _walk(typer.main.get_command(app), "phtlab")


def words(parameter: Any) -> str:
    """How a parameter is written: `--out`, `-p, --parameter …`, `NOTEBOOK`."""
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return str(name) if parameter.required else f"[{name}]"
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.secondary_opts:
        return names + " / " + ", ".join(parameter.secondary_opts)
    return names if parameter.is_flag else f"{names} {_value(parameter)}"


def page() -> str:
    found = list(commands())
    lines = heading("The `phtlab` command", _INTRODUCTION)
    rows = [
        [f"[`{name}`](#{name.replace(' ', '-')})", _help(command)]
        for name, command in found
        if not hasattr(command, "commands")
    ]
    lines += table(["command", ""], rows)
    lines += ["## Exit codes", ""]
    lines += table(["code", ""], ([str(number), text] for number, text in EXIT_CODES.items()))
    for name, command in found:
        if hasattr(command, "commands"):
            parameters = [p for p in command.params if p.name != "help"]
            if name != "phtlab" and not parameters:
                continue
        lines += [f"## {name}", "", _help(command), ""]
        rows = [[code(words(p)), _told(p)] for p in command.params if not p.hidden]
        if rows:
            lines += table(["", ""], rows)
    return "\n".join(lines).rstrip() + "\n"


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if command.hidden:
        return
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, f"{name} {word}")


def _value(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    kind = parameter.type_descriptor.annotation
    name = getattr(kind, "__name__", "")
    told = {"Path": "PATH", "int": "NUMBER", "float": "NUMBER", "str": "TEXT", "list": "TEXT"}
    return told.get(name, "TEXT")


def _told(parameter: Any) -> str:
    parts = [ended(_plain(parameter.help or ""))]
    if parameter.param_type_name == "option" and parameter.required:
        parts.append("Required.")
    default = parameter.default
    if default not in (None, False, True, "", (), []) and not callable(default):
        parts.append(f"Default: `{default}`.")
    if parameter.envvar:
        parts.append(f"Also from `{parameter.envvar}`.")
    return " ".join(part for part in parts if part)


def _help(command: Any) -> str:
    return ended(_plain(sentence(command.help)))


def _plain(text: str) -> str:
    """Without rich's markup."""
    return re.sub(r"\[/?(?:b|bold|dim|i)?\]", "", " ".join(text.split()))
