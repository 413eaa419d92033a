"""No test waits for ever: each wait for a process, thread or browser has a limit."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
# Runs in a sandbox, whose own limits end it.
INSIDE = TESTS / "sandbox" / "inside"
# The one that gives promises in a page a limit.
EVALUATES = TESTS / "ui" / "chromium.py"
RUNS = ("run", "check_call", "check_output", "call")


def unlimited(source: str) -> list[int]:
    """The lines of calls that wait without a limit."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _waits_for_ever(call)]


def _waits_for_ever(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    name, of = call.func.attr, ast.unparse(call.func.value)
    limited = any(keyword.arg in ("timeout", None) for keyword in call.keywords)
    if of == "subprocess" and name in RUNS:
        return not limited
    if name == "communicate":
        return not limited and len(call.args) < 2
    if name in ("wait", "join"):
        return not limited and not call.args and of != "asyncio"
    if name == "readline":
        return of.endswith((".stdout", ".stderr"))
    return name == "evaluate" and of.split(".")[-1] == "page" and not _of_a_locator(call)


def _of_a_locator(call: ast.Call) -> bool:
    """A locator's own `evaluate`, whose script gets the element, and awaits nothing."""
    script = call.args[0]
    return isinstance(script, ast.Constant) and str(script.value).startswith("node =>")


def test_no_test_waits_without_a_limit() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        if not path.is_relative_to(INSIDE) and path != EVALUATES
        for line in unlimited(path.read_text())
    ]
    assert not found, "use tests.limits, or evaluate of tests.ui.chromium"


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(['true'])",
        "process.communicate()",
        "thread.join()",
        "event.wait()",
        "process.stdout.readline()",
        "lab.page.evaluate('window.restored')",
    ],
)
def test_a_wait_without_a_limit_is_found(source: str) -> None:
    assert unlimited(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(['true'], timeout=LIMIT)",
        "process.wait(30)",
        "', '.join(names)",
        "panel.page.evaluate('node => node.title')",
    ],
)
def test_others_are_not(source: str) -> None:
    assert unlimited(source) == []
