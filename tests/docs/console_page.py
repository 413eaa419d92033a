"""A page of docs/ as its sections and the sessions in them.

In a ```` ```console ```` block, lines that begin with `$ ` are typed, a line that ends in a
backslash goes on in the next, and the rest is what is printed. A ```` ```pycon ```` block is a
Python session.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from doctest import DocTestParser
from typing import Final, Literal

PROMPT: Final = "$ "
_FENCE: Final = re.compile(r"^```(\w*)\s*$")
_HEADING: Final = re.compile(r"^#{2,6} (.+?)\s*$")


@dataclass(frozen=True)
class Exchange:
    """What is typed, as it stands in the page, and what is printed then."""

    typed: str
    printed: str

    @property
    def command(self) -> str:
        """The shell command without its prompt."""
        return self.typed.removeprefix(PROMPT)


@dataclass(frozen=True)
class Session:
    """One block: `line` is where its fence opens, counted from 1; `heading` the one above it."""

    kind: Literal["console", "pycon"]
    heading: str
    line: int
    length: int
    exchanges: tuple[Exchange, ...]

    @property
    def text(self) -> str:
        """The block's lines, without the fences."""
        return "".join(_lines(one.typed) + _lines(one.printed) for one in self.exchanges)


def sessions(text: str) -> tuple[Session, ...]:
    """The sessions of a page, in its order. Raises ValueError for a console block without `$ `."""
    found: list[Session] = []
    heading, lines, at = "", text.splitlines(), 0
    while at < len(lines):
        if opened := _FENCE.match(lines[at]):
            end = next(i for i in range(at + 1, len(lines)) if lines[i].rstrip() == "```")
            body = lines[at + 1 : end]
            if opened[1] == "console":
                found.append(Session("console", heading, at + 1, len(body), _shell(body, at + 1)))
            elif opened[1] == "pycon":
                found.append(Session("pycon", heading, at + 1, len(body), _python(body)))
            at = end
        elif titled := _HEADING.match(lines[at]):
            heading = titled[1]
        at += 1
    return tuple(found)


def rewritten(text: str, change: Callable[[Session], Session]) -> str:
    """The page with each session as `change` gives it back."""
    lines = text.splitlines(keepends=True)
    for session in reversed(sessions(text)):
        lines[session.line : session.line + session.length] = [change(session).text]
    return "".join(lines)


def with_printed(session: Session, printed: Sequence[str]) -> Session:
    """`session` with other outputs."""
    pairs = zip(session.exchanges, printed, strict=True)
    return replace(session, exchanges=tuple(Exchange(one.typed, text) for one, text in pairs))


def _shell(body: Sequence[str], line: int) -> tuple[Exchange, ...]:
    if not body or not body[0].startswith(PROMPT):
        raise ValueError(f"line {line + 1}: a console block begins with '{PROMPT}'")
    found: list[tuple[list[str], list[str]]] = []
    goes_on = False
    for text in body:
        if goes_on:
            found[-1][0].append(text)
        elif text.startswith(PROMPT):
            found.append(([text], []))
        else:
            found[-1][1].append(text)
        goes_on = text.endswith("\\") and (goes_on or text.startswith(PROMPT))
    return tuple(Exchange("\n".join(typed), "\n".join(printed)) for typed, printed in found)


def _python(body: Sequence[str]) -> tuple[Exchange, ...]:
    examples = DocTestParser().get_examples("\n".join(body) + "\n")
    return tuple(
        Exchange(
            "\n".join(
                ("... " if number else ">>> ") + text
                for number, text in enumerate(one.source.rstrip("\n").split("\n"))
            ),
            one.want.rstrip("\n"),
        )
        for one in examples
    )


def _lines(text: str) -> str:
    return f"{text}\n" if text else ""
