"""The security officer's page makes no promise without a test, and names none that is not there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.generate import DOCS, ROOT

PAGE = DOCS / "security-officer.md"


@cache
def existing() -> frozenset[str]:
    """The names of all test functions in tests/."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def promises() -> list[str]:
    """The rows of the tables under 'Promises'."""
    section = PAGE.read_text("utf-8").split("\n## Promises\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [r for r in rows if not r.startswith("| ---") and not r.endswith("| because | test |")]


def named(text: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", text)


@pytest.mark.parametrize("promise", promises(), ids=lambda row: row.split("|")[1].strip())
def test_each_promise_names_a_test_that_exists(promise):
    assert promise.count("|") == 4, "a promise, its mechanism and its test"
    tests = named(promise.split("|")[3])
    assert tests, "a promise without a test is not made"
    assert set(tests) <= existing()


def test_every_test_named_anywhere_in_the_docs_exists():
    pages = (ROOT / "README.md", *DOCS.rglob("*.md"))
    missing = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in pages
        for name in named(page.read_text("utf-8"))
        if name not in existing()
    }
    assert not missing


def test_what_is_not_prevented_and_what_is_not_there_yet_is_said():
    text = PAGE.read_text("utf-8")
    for heading in ("## What is not prevented", "### Not yet"):
        assert text.count(f"\n{heading}\n") == 1
