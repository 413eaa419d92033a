"""The self-test: all checks of the station, then a train of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import structlog

from phtlab.clock import utc_now
from phtlab.station.audit.log import Log
from phtlab.station.context.daemon_context import (
    DaemonContext,
)
from phtlab.station.context.self_test_result import (
    Report,
    keep_report,
    note_self_test_begun,
    report_of,
)
from phtlab.station.executor.contract import CheckResult
from phtlab.station.executor.unfinished_trial import note_trial
from phtlab.station.health.checks import check_station
from phtlab.station.health.self_test_train import train_check
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.train.crypto.identity import Identity

_NEEDED: Final = frozenset({"key", "policy", "container engine", "sandbox", "limit"})
"""Checks that must pass before a train can run; each reports its own errors."""
_log = structlog.get_logger("phtlab.station")


def find_problems(
    folder: StationFolder,
    settings: StationSettings,
    identity: Callable[[], Identity],
    log: Log,
    *,
    by: str,
    now: Callable[[], datetime] = utc_now,
) -> Iterator[CheckResult]:
    """Yield each check's result when it is known; then the train's, if the checks it needs passed.

    `log` records the train, as any that runs at the station. Never raises PhtlabError or OSError.
    """
    broken = set()
    for result in check_station(folder, settings, identity, now):
        yield result
        if not result.ok:
            broken.add(result.name.partition(":")[0])
    if not broken & _NEEDED:
        yield train_check(folder, settings, identity(), log, by=by)


def run_self_test(station: DaemonContext) -> Report:
    """Run all checks now, store the report, and log what is broken.

    Raises OSError if the report cannot be stored; it is logged by then.
    """
    note_self_test_begun(station.folder)
    results = tuple(
        find_problems(
            station.folder,
            station.settings,
            lambda: station.identity,
            station.audit,
            by=station.name,
            now=station.now,
        )
    )
    report = report_of(station.settings, results, station.now())
    for found in report.broken:
        _log.error(
            "self-test: broken",
            what=found.name,
            why=found.sentence,
            advice=found.advice,
            stops_new_runs=found.stops,
        )
    for found in report.of_state("warning"):
        _log.warning("self-test: warning", what=found.name, why=found.sentence, advice=found.advice)
    _log.info("self-test", result=report.sentence)
    keep_report(station.folder, report)
    note_trial(station.folder, results, station.now())
    return report
