"""docs/airlock.md: its tables of cases and of sources, written from `tests/airlock/cases.py`.

The rest of the page is prose, and stays as it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tests.airlock.cases import CASES, SOURCES, Case
from tests.docs.markdown import NOTE, code, table

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "airlock.md"
_BEGIN, _END = NOTE, "<!-- End of what is generated. -->"


def page() -> str:
    written = PAGE.read_text("utf-8")
    before, _, rest = written.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + "\n".join([_BEGIN, "", *_cases(), *_sources(), _END]) + after


def _cases() -> list[str]:
    columns = ("rule", "case", "what leaves", "why", "from")
    rows = [
        (code(case.rule), case.title, _leaves(case), f"{case.why}.", _source(case))
        for case in CASES
    ]
    return table(columns, rows)


def _sources() -> list[str]:
    lines = [f"- **{key}**: {re.sub(' +', ' ', text)}." for key, text in SOURCES.items()]
    return ["The sources:", "", *lines, ""]


def _leaves(case: Case) -> str:
    said = []
    for name, (verdict, rule, rows) in case.leaves.items():
        which = f"{name}: " if len(case.leaves) > 1 else ""
        stayed = f", {rows} {'row stays' if rows == 1 else 'rows stay'}" if rows else ""
        because = f" ({code(rule)})" if rule and rule != case.rule else ""
        said.append(f"{which}{verdict}{because}{stayed}")
    return "; ".join(said)


def _source(case: Case) -> str:
    return f"{case.source}, {case.place}" if case.place else case.source
