"""What a run of the stages prints at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.stages.reruns import Flaky


@dataclass(frozen=True)
class StageResult:
    """How a stage ended; `seconds` include the reruns."""

    name: str
    passed: int
    failed: tuple[str, ...]
    skipped: int
    flaky: tuple[Flaky, ...]
    seconds: float

    @property
    def line(self) -> str:
        """The stage's closing line."""
        parts = [f"{self.passed} passed", f"{len(self.failed)} failed"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.flaky:
            parts.append(f"{len(self.flaky)} of the passed flaky")
        return f"{self.name:<8} {', '.join(parts)} in {clock(self.seconds)}"


def clock(seconds: float) -> str:
    """Minutes and seconds, as 4:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def closing_lines(results: Sequence[StageResult]) -> list[str]:
    """A line a stage, the failed and the flaky tests by name, and the total as the last line."""
    lines = [result.line for result in results]
    lines += [f"flaky    {one.test}: {one.reason}" for r in results for one in r.flaky]
    lines += [f"failed   {test}" for result in results for test in result.failed]
    total = [
        f"{sum(result.passed for result in results)} passed",
        f"{sum(len(result.failed) for result in results)} failed",
    ]
    skipped = sum(result.skipped for result in results)
    if skipped:
        total.append(f"{skipped} skipped")
    return [*lines, f"all      {clock(sum(r.seconds for r in results))}", ", ".join(total)]
