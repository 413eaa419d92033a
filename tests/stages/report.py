"""What pytest reported of a stage, read from the file that pytest-reportlog writes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Report:
    """How the tests of a run ended.

    `failed` has the last line of each failed test's report, by node id; a failed set-up, tear-down
    or collection counts as a failed test. `seconds` has each test's time, set-up and tear-down
    included.
    """

    passed: frozenset[str]
    failed: dict[str, str]
    skipped: frozenset[str]
    seconds: dict[str, float] = field(default_factory=dict)

    def slowest(self, number: int) -> list[tuple[str, float]]:
        """The `number` tests that took longest, and their seconds."""
        return sorted(self.seconds.items(), key=lambda item: -item[1])[:number]


def read_report(file: Path) -> Report:
    """The report in `file`; an empty one if pytest wrote none."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    return report_of(json.loads(line) for line in text.splitlines() if line)


def report_of(entries: Iterable[dict[str, Any]]) -> Report:
    """The report that `entries` of pytest-reportlog amount to."""
    passed: set[str] = set()
    failed: dict[str, str] = {}
    skipped: set[str] = set()
    seconds: dict[str, float] = {}
    for entry in entries:
        if entry.get("$report_type") not in ("TestReport", "CollectReport"):
            continue
        name, outcome = entry["nodeid"] or "collection", entry["outcome"]
        if entry["$report_type"] == "TestReport":
            seconds[name] = seconds.get(name, 0.0) + float(entry.get("duration") or 0.0)
        if outcome == "failed":
            failed.setdefault(name, _reason(entry.get("longrepr")))
        elif outcome == "skipped":
            skipped.add(name)
        elif entry.get("when") == "call":
            passed.add(name)
    return Report(
        frozenset(passed - failed.keys()),
        failed,
        frozenset(skipped - failed.keys()),
        seconds,
    )


def _reason(longrepr: Any) -> str:
    """One line that says why: the message of the crash, or the end of the text."""
    if isinstance(longrepr, dict):
        message = str((longrepr.get("reprcrash") or {}).get("message", ""))
        return message.strip().split("\n", 1)[0]
    return str(longrepr).strip().rsplit("\n", 1)[-1]
