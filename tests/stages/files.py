"""Which files a stage collects: to collect all of them takes each of its workers half a minute.

A test has its marker from its own file, from a `conftest.py` above it, or from its folder.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]

# Every test in these drives a real browser; one elsewhere is marked `browser` by hand.
BROWSER_FOLDERS = (TESTS / "ui", TESTS / "story")


def files_with(marker: str) -> list[Path]:
    """The test files that may have a test with that marker."""
    return [path for path in sorted(TESTS.rglob("test_*.py")) if may_have(path, marker)]


def may_have(path: Path, marker: str) -> bool:
    """Whether a test in the file at `path` may have that marker."""
    if marker == "browser" and path.parent in BROWSER_FOLDERS:
        return True
    folders = [folder for folder in path.parents if folder.is_relative_to(TESTS)]
    return any(marker in _markers(file) for file in (path, *(f / "conftest.py" for f in folders)))


@cache
def _markers(path: Path) -> frozenset[str]:
    """The names that follow `pytest.mark.` in a file; none if there is no file."""
    text = path.read_text("utf-8") if path.exists() else ""
    return frozenset(re.findall(r"\bmark\.(\w+)", text))
