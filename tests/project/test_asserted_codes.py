"""Tests assert codes; sentences are asserted in the tests of messages alone.

A sentence may be reworded without a change of behaviour, and then one test says so, not thirty.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
# What is left, and why: nothing but the sentence tells the causes apart.
NO_CODE: Final = {
    # The runtime's errors have no codes: the record's outcome is what a station reads.
    "runtime/test_kernel_process.py": 3,
    "runtime/test_papermill_engine.py": 1,
    "runtime/test_publish_figure.py": 2,
    # Errors in a page: the browser's own, whose sentence is all that there is.
    "ui/test_limits.py": 3,
    # The sentence must name the setting that is asked for.
    "hub/test_configurations.py": 1,
    # One public code, `roster`, for a dozen attacks; each says which check refused it.
    "attack/test_hostile_roster.py": 1,
}


def matches(file: Path) -> Iterator[int]:
    """The lines on which `pytest.raises` is given a sentence to match."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("pytest.raises", "raises")
            and any(keyword.arg == "match" for keyword in node.keywords)
        ):
            yield node.lineno


def test_sentences_are_asserted_by_the_tests_of_messages_only() -> None:
    found = Counter(
        {
            str(file.relative_to(TESTS)): count
            for file in TESTS.rglob("*.py")
            if file.name != "test_messages.py" and (count := sum(1 for _ in matches(file)))
        }
    )
    assert found == NO_CODE, (
        "use tests.raising.raises_code, or move the test to test_messages.py of its package"
    )
