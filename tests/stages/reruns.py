"""Failed tests that are run once more, alone: one that passes then is flaky.

Never where a race is a finding: attacks, canaries, the sandbox, crashes, the airlock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

# More flaky tests than this fail the run.
FLAKY_LIMIT = 3

_NEVER = re.compile(
    r"^tests/(attack|canary|sandbox|crash|airlock)/|/airlock/test_|/test_airlock_[a-z_]*\.py"
)


@dataclass(frozen=True)
class Flaky:
    """A test that failed among others for `reason`, and passed alone."""

    test: str
    stage: str
    reason: str


def may_be_rerun(test: str) -> bool:
    """Whether the test of that node id is run once more if it fails."""
    return _NEVER.search(test) is None


def rerun(
    failed: dict[str, str], stage: str, passes: Callable[[str], bool]
) -> tuple[list[Flaky], list[str]]:
    """The flaky tests among `failed`, and those that failed for good.

    `passes` runs a test alone. With more failures than flaky tests are allowed the run has failed
    whatever they are, and none is run again.
    """
    again = [test for test in failed if may_be_rerun(test)]
    if len(again) > FLAKY_LIMIT:
        return [], list(failed)
    flaky = [Flaky(test, stage, failed[test]) for test in again if passes(test)]
    names = {one.test for one in flaky}
    return flaky, [test for test in failed if test not in names]


def too_many(flaky: Iterable[Flaky]) -> bool:
    """Whether a run with these flaky tests fails."""
    return len(list(flaky)) > FLAKY_LIMIT
