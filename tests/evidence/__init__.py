"""What the tests have shown, for the tables in docs: what was tried, and what became of it.

A test tells a row by the fixture `evidence`, and the row is kept once the test has passed:

    evidence("attacks", attacker="central", promise="cannot read cargo", outcome="refused")

`make evidence` runs the tests that tell rows with ``--evidence DIR``, and keeps them here, one file
a table; `tests/docs/evidence_page.py` draws the pages from these files.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

Row = dict[str, str | int]

# Each table and its columns; `test` is added: the test's file and name, without parameters.
TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "attacks": ("attacker", "promise", "outcome"),
    "probes": ("probe", "runtime class", "outcome"),
    "strings": ("output", "where", "outcome"),
    "kills": ("kill point", "count", "outcome"),
    "self-test": ("broken", "found", "how to repair it"),
}


class Evidence:
    """The rows that one test tells."""

    def __init__(self, test: str):
        self._test = test
        self.rows: list[tuple[str, Row]] = []

    def __call__(self, table: str, **columns: str | int) -> None:
        """Tell a row of `table`; a column's name has ``_`` for a space.

        Raises:
            ValueError: the columns are not the table's.
        """
        row: Row = {name.replace("_", " "): value for name, value in columns.items()}
        if set(row) != set(TABLES[table]):
            raise ValueError(f"the columns of {table} are {TABLES[table]}, not {tuple(row)}")
        self.rows.append((table, {**row, "test": self._test}))

    def write(self, folder: Path) -> None:
        """Append the rows to a file a table; several workers may do so at once."""
        folder.mkdir(parents=True, exist_ok=True)
        for table, row in self.rows:
            line = json.dumps(row) + "\n"
            descriptor = os.open(
                folder / f"{table}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
            )
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)


def kept(table: str) -> list[Row]:
    """The rows of `table` that were kept last."""
    path = HERE / f"{table}.json"
    rows: list[Row] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return rows


def merged(before: Iterable[Row], told: Iterable[Row], tests: frozenset[str]) -> list[Row]:
    """`told`, and what was known of tests that did not tell this time; of `tests` only, sorted."""
    new = list(told)
    again = {row["test"] for row in new}
    rows = [*(row for row in before if row["test"] not in again), *new]
    unique = {json.dumps(row, sort_keys=True): row for row in rows if row["test"] in tests}
    return [unique[key] for key in sorted(unique, key=lambda key: (unique[key]["test"], key))]


def all_tests(folder: Path = ROOT / "tests") -> frozenset[str]:
    """``tests/attack/test_central.py::test_name`` of each test function under `folder`."""
    return frozenset(
        f"{path.relative_to(ROOT).as_posix()}::{node.name}"
        for path in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )
