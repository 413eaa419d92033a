"""No name in the code is one that the glossary says to avoid."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("phtlab", "spawner/phtlab_spawner", "hub_config", "bench")
_SCRIPTS = "phtlab/lab/frontend/src"
# Fields of signed documents keep the name that is signed.
_SIGNED = frozenset(
    {
        ("phtlab/consortium/enrolment.py", "asked"),
        ("phtlab/train/documents/round.py", "heard"),
        ("phtlab/lab/display/rounds_map.py", "heard"),
        ("phtlab/wire/api/rounds.py", "heard"),  # of an instruction, in the view of a journey
    }
)
# The page of benches calls this method: tests/docs/bench_page.py.
_CALLED = frozenset({("bench/aims.py", "said")})
_DECLARED = re.compile(r"\b(?:const|let|function|class|interface|type|enum)\s+([A-Za-z_$][\w$]*)")


@cache
def avoided() -> tuple[frozenset[str], frozenset[str]]:
    """Parts of names, and whole names, that the glossary's table of names refuses."""
    section = (_ROOT / "docs/glossary.md").read_text().split("### Names\n")[1]
    rows = re.findall(r"^\| (?!use |---)[^|]+\| ([^|]+) \|$", section, re.MULTILINE)
    words = [word.strip() for row in rows for word in row.split(",")]
    whole = frozenset(word.strip("*") for word in words if word.startswith("*"))
    return frozenset(word for word in words if not word.startswith("*")), whole


def is_avoided(name: str) -> bool:
    """Whether `name`, of any case, is refused or has a part that is."""
    parts, whole = avoided()
    found = {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)}
    return bool(found & parts) or name.strip("_").lower() in whole


def names_of_python(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a module gives: of classes, functions, arguments, variables and fields."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def found_in_python() -> list[str]:
    found = []
    for path in sorted(path for source in _SOURCES for path in (_ROOT / source).rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        where = path.relative_to(_ROOT)
        given = [(part, 0) for part in where.with_suffix("").parts]
        given += names_of_python(ast.parse(path.read_text()))
        found += [
            f"{where}:{line} {name}"
            for name, line in given
            if is_avoided(name) and (str(where), name) not in _SIGNED | _CALLED
        ]
    return found


def found_in_typescript() -> list[str]:
    found = []
    for path in sorted((_ROOT / _SCRIPTS).rglob("*.ts*")):
        where = path.relative_to(_ROOT)
        lines = path.read_text().splitlines()
        given = [(path.name.split(".")[0], 0)]
        given += [
            (name, at) for at, line in enumerate(lines, 1) for name in _DECLARED.findall(line)
        ]
        found += [f"{where}:{line} {name}" for name, line in given if is_avoided(name)]
    return found


def test_no_name_in_python_is_one_to_avoid() -> None:
    assert found_in_python() == []


def test_no_name_in_typescript_is_one_to_avoid() -> None:
    assert found_in_typescript() == []


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("told", True),
        ("_tell", True),
        ("StationSays", True),
        ("LOOK_SECONDS", True),
        ("one", True),
        ("one_of_many", False),
        ("essays", False),
        ("outlook", False),
        ("ActiveApprovals", False),
    ],
)
def test_a_name_is_refused_by_its_parts(name: str, refused: bool) -> None:
    assert is_avoided(name) == refused


def test_every_kind_of_name_is_read() -> None:
    code = """
import json as told
class Said:
    asked: int = 1
def look(heard, *, news=1):
    desk = 1
    for one in (): self.door = one
    [fault for fault in ()]
    with open("x") as mend: pass
"""
    names = {name for name, _ in names_of_python(ast.parse(code))}
    assert names == {
        *(
            "told",
            "Said",
            "asked",
            "look",
            "heard",
            "news",
            "desk",
            "one",
            "door",
            "fault",
            "mend",
        )
    }
