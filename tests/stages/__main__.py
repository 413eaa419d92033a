"""`python -m tests.stages [STAGE ...]`: run stages, all by default, in their order.

Exit code 0 if every test passed, in its stage or, flaky, alone after it; and no more than
`reruns.FLAKY_LIMIT` were flaky. `.cache/flaky.json` has the flaky tests of the last run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.stages.checks import ROOT, CheckResult, run_checks
from tests.stages.report import read_report
from tests.stages.reruns import rerun, too_many
from tests.stages.stage import FAST, LINT, LONG, NAMES, STAGES, Stage
from tests.stages.summary import StageResult, closing_lines

REPORTS = ROOT / ".cache" / "stages"
FLAKY = ROOT / ".cache" / "flaky.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stages", description=__doc__)
    names = (*NAMES, FAST.name, LONG.name)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(names))
    parser.add_argument("--coverage", action="store_true", help="report lines that no test ran")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.stages) - set(names))
    if unknown:
        parser.error(f"there is no stage {', '.join(unknown)}; there are {', '.join(names)}")
    # A shell has what it starts in the background ignore the interrupt, and hubs and stations that
    # tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = arguments.stages or NAMES
    REPORTS.mkdir(parents=True, exist_ok=True)
    results: list[StageResult] = []
    if LINT in chosen:
        results.append(_lint())
    for stage in (*STAGES, FAST, LONG):
        if stage.name in chosen:
            results.append(_run(stage, coverage=arguments.coverage))
    if arguments.coverage:
        subprocess.run(
            [sys.executable, "-m", "coverage", "report", "--skip-covered"],
            cwd=ROOT,
            timeout=600,
        )
    flaky = [one for result in results for one in result.flaky]
    FLAKY.write_text(json.dumps([asdict(one) for one in flaky], indent=1) + "\n")
    print("\n== Summary")
    if too_many(flaky):
        print(f"{len(flaky)} tests are flaky, more than a run may have: it has failed.")
    print("\n".join(closing_lines(results)), flush=True)
    return 1 if too_many(flaky) or any(result.failed for result in results) else 0


def _lint() -> StageResult:
    print("== Stage lint", flush=True)
    began = time.monotonic()

    def ended(result: CheckResult) -> None:
        print(f"{'passed' if result.passed else 'FAILED'}  {result.name} ({result.seconds:.0f} s)")
        if not result.passed:
            print(result.output, flush=True)

    results = run_checks(ended)
    failed = tuple(result.name for result in results if not result.passed)
    return _closed(
        StageResult(LINT, len(results) - len(failed), failed, 0, (), time.monotonic() - began)
    )


def _run(stage: Stage, *, coverage: bool) -> StageResult:
    print(f"\n== Stage {stage.name}: {stage.title}", flush=True)
    began = time.monotonic()
    file = REPORTS / f"{stage.name}.jsonl"
    more = ["--cov", "--cov-append", "--cov-report="] if coverage else []
    # Workers take the files in the order of tests/conftest.py.
    workers = ["-n", str(stage.workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    workers += ["--durations=30", *more]
    code = _pytest(stage, file, ["-m", stage.expression, *workers, *stage.places])
    report = read_report(file)
    failed = dict(report.failed)
    if code not in (0, 1) or (code == 1 and not failed):
        # Interrupted, killed, or broken in a way that no test's report tells.
        failed["pytest itself"] = f"exit code {code}"

    def passes(test: str) -> bool:
        print(f"\n-- once more, alone: {test}", flush=True)
        alone = REPORTS / "alone.jsonl"
        ended = _pytest(stage, alone, ["-m", "", test])
        return ended == 0 and bool(read_report(alone).passed)

    flaky, lost = rerun(failed, stage.name, passes)
    return _closed(
        StageResult(
            stage.name,
            len(report.passed) + len(flaky),
            tuple(lost),
            len(report.skipped),
            tuple(flaky),
            time.monotonic() - began,
        )
    )


def _pytest(stage: Stage, file: Path, arguments: list[str]) -> int:
    """Run pytest with its report in `file`; its exit code, or that of the signal that ended it."""
    file.unlink(missing_ok=True)
    limit = stage.test_limit.total_seconds()
    command = [
        *(sys.executable, "-m", "pytest", "--report-log", str(file)),
        *(f"--timeout={limit:.0f}", *arguments),
    ]
    # Tests start hundreds of processes of ours: none compiles again what another one has.
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        return process.wait(stage.limit.total_seconds())
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as cut:
        # Its fixtures stop what they started, unless they hang as well.
        print(f"\nThe stage is ended: {type(cut).__name__}.", flush=True)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)
        if isinstance(cut, KeyboardInterrupt):
            raise
        return -signal.SIGINT


def _closed(result: StageResult) -> StageResult:
    print(f"== {result.line}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
