"""What each stage runs. A test belongs to exactly one stage; its markers decide which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tests.stages.files import files_with


@dataclass(frozen=True)
class Stage:
    """Tests that are run together: pytest's expression for them, and how they are run.

    `test_limit` ends a test that hangs, with the stack of every thread in the log; `limit` ends the
    stage itself, if even that does not help.
    """

    name: str
    title: str
    expression: str
    workers: int
    test_limit: timedelta
    limit: timedelta = timedelta(minutes=40)
    without: tuple[str, ...] = ()
    """Folders and files of `tests/` that are left out."""
    marker: str = ""
    """What its tests are marked with, if it has no others."""

    @property
    def places(self) -> list[str]:
        """The folders and files that pytest collects."""
        if self.marker:
            return [str(path) for path in files_with(self.marker)]
        return ["tests", *(f"--ignore=tests/{place}" for place in self.without)]


UNIT = Stage(
    "unit",
    "no engine, no browser",
    "not engine and not browser and not build and not long",
    # These tests wait for disks, servers and processes for more than half of their time.
    workers=4,
    test_limit=timedelta(seconds=120),
)
FAST = replace(
    UNIT,
    name="fast",
    title="of the unit stage, what starts no server and no process",
    without=(
        *("attack", "central", "cli", "console", "crash", "docs"),
        *("evidence", "hub", "lab/server", "station/review", "runtime", "lab/test_proposals.py"),
        *("station/backup/test_backup.py", "station/daemon/test_real_runs.py"),
        "station/executor/test_local_executor.py",
    ),
)
BUILD = Stage(
    "build",
    "images from nothing, the wheel, each lock file and environment installed",
    "build and not long",
    workers=2,
    test_limit=timedelta(seconds=900),
    marker="build",
)
ENGINE = Stage(
    "engine",
    "the real engine, registry and PostgreSQL",
    "engine and not browser and not build and not long",
    workers=3,
    test_limit=timedelta(seconds=300),
    marker="engine",
)
BROWSER = Stage(
    "browser",
    "pages in a real browser",
    "browser and not build and not long",
    workers=3,
    test_limit=timedelta(seconds=300),
    marker="browser",
)
LONG = Stage(
    "long",
    "hundreds of kills, long races, every probe on every runtime class",
    "long",
    workers=2,
    test_limit=timedelta(hours=2),
    limit=timedelta(hours=4),
    marker="long",
)

LINT = "lint"
STAGES = (UNIT, BUILD, ENGINE, BROWSER)
"""In the order in which they run; FAST has nothing that UNIT lacks, LONG is run by itself."""
NAMES = (LINT, *(stage.name for stage in STAGES))
