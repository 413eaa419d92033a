"""The lint stage: commands that read the code, each run once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FRONTEND = Path("phtlab/lab/frontend")
LIMIT = 900.0


@dataclass(frozen=True)
class Check:
    """A command that must exit with 0. Its program lies beside this environment's Python."""

    name: str
    command: Sequence[str]
    folder: Path = Path()


@dataclass(frozen=True)
class CheckResult:
    """How a check ended, and what it printed."""

    name: str
    passed: bool
    seconds: float
    output: str


CHECKS = (
    Check("mypy", ("mypy",)),
    Check("jest", ("jlpm", "test"), FRONTEND),
    Check("eslint and prettier", ("jlpm", "lint:check"), FRONTEND),
    Check("tsc", ("jlpm", "types"), FRONTEND),
    Check("widgets", ("jlpm", "widgets:check"), FRONTEND),
    Check("interfaces of the server's API", ("jlpm", "api:check"), FRONTEND),
    Check("dependency-cruiser", ("jlpm", "imports"), FRONTEND),
    Check("import-linter", ("lint-imports", "--no-cache")),
    Check("ruff check", ("ruff", "check", ".")),
    Check("ruff format", ("ruff", "format", "--check", ".")),
)


def run_checks(
    ended: Callable[[CheckResult], None], checks: Sequence[Check] = CHECKS
) -> list[CheckResult]:
    """Run `checks`, two at a time, and call `ended` after each."""
    results: list[CheckResult] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for result in pool.map(_run, checks):
            ended(result)
            results.append(result)
    return results


def _run(check: Check) -> CheckResult:
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    began = time.monotonic()
    try:
        done = subprocess.run(
            [str(scripts / check.command[0]), *check.command[1:]],
            cwd=ROOT / check.folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LIMIT,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return CheckResult(check.name, False, time.monotonic() - began, str(failure))
    return CheckResult(check.name, done.returncode == 0, time.monotonic() - began, done.stdout)
