"""docs/reference/errors.md: the tree of errors, and the registry of their codes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import phtlab
from phtlab import errors
from phtlab.central.problems import status_of
from phtlab.cli.exit_codes import exit_code
from phtlab.error_codes import error_codes
from phtlab.errors import PhtlabError
from tests.docs.markdown import code, heading, table

PACKAGE: Final = Path(phtlab.__file__).parent

_INTRODUCTION = """\
Every refusal of phtlab is one of these classes. Its `message` says what happened, and to what; its
`hint` what to do next, where anything can be said. Neither holds a secret or a data value. Its
`code` is stable. The command prints message and hint and exits with the number; central answers
with all three. Findings about a notebook have codes of their own, with an example each:
[notebooks](../notebooks.md). How a stop can end: [outcomes](../outcomes.md)."""


_NAMES: Final = frozenset(
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, PhtlabError)
)


def classes() -> Iterator[type[PhtlabError]]:
    """Each class of the tree, in the order of errors.py."""
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, PhtlabError):
            yield value


def raised_codes() -> dict[str, set[str]]:
    """Code to the classes that carry it: each class's own, and each that stands in the source.

    The latter is either given to the error itself (`code="…"`), or to a function that takes a
    `code` or a `rule` and makes the error.
    """
    sources = {path: ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
    everywhere = _makers(sources.values(), private=False)
    found = {kind.code: {kind.__name__} for kind in classes()}
    for tree in sources.values():
        makers = everywhere | _makers([tree], private=True)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                for kind, name in _codes_of(call, makers):
                    found.setdefault(name, set()).add(kind)
    return found


def _makers(trees: Iterable[ast.Module], *, private: bool) -> dict[str, ast.FunctionDef]:
    """The functions that take a code and make an error of it; private ones serve their module."""
    return {
        function.name: function
        for tree in trees
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and function.name.startswith("_") is private
        and {"code", "rule"} & {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
        and (_raised_in(function) or "PhtlabError" in ast.unparse(function.args))
    }


def _codes_of(call: ast.Call, makers: Mapping[str, ast.FunctionDef]) -> Iterator[tuple[str, str]]:
    assert isinstance(call.func, ast.Name)
    maker, kind = makers.get(call.func.id), call.func.id
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if maker is not None:
        given |= dict(zip((a.arg for a in maker.args.args), call.args, strict=False))
        named = [v.id for v in given.values() if isinstance(v, ast.Name) and v.id in _NAMES]
        kind = (named or _raised_in(maker))[0]
    elif kind not in _NAMES:
        return
    for name in ("code", "rule"):
        value = given.get(name)
        if isinstance(value, ast.Constant) and value.value:
            yield kind, str(value.value)


def _raised_in(function: ast.FunctionDef) -> list[str]:
    """The error classes that a function names, in its body first."""
    parts = [*function.body, function.args]
    names = [node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)]
    return [name for name in names if name in _NAMES and name != "PhtlabError"]


def page() -> str:
    codes = error_codes()
    lines = heading("Errors", _INTRODUCTION)
    rows = [
        [
            code(kind.__name__),
            code(kind.code),
            str(exit_code(kind(""))),
            str(status_of(kind(""))),
            codes[kind.code].meaning,
            codes[kind.code].remedy,
        ]
        for kind in classes()
    ]
    lines += table(["class", "code", "exit", "HTTP", "meaning", "what to do"], rows)
    lines += [
        "## Finer codes",
        "",
        "Where one class covers several cases, the code tells them apart.",
        "",
    ]
    own = {kind.code for kind in classes()}
    lines += table(
        ["code", "class", "meaning", "what to do"],
        (
            [code(name), ", ".join(map(code, entry.classes)), entry.meaning, entry.remedy]
            for name, entry in codes.items()
            if name not in own
        ),
    )
    return "\n".join(lines).rstrip() + "\n"
