"""Self-test results: the last report, when the next test is due, and which results stop new runs.

The report is stored in the station's folder, for `phtlab station status`, the console and the
daemon. Most broken results do no harm: an order waits, or is refused with a code. Those in
`STOPPING` prevent new runs, since a run would not be what its researcher and its operator were
promised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from phtlab.files.durable_file import write_durably
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.station_context import StationContext
from phtlab.station.executor.contract import CheckResult, CheckState
from phtlab.station.executor.unfinished_trial import unfinished_trial
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.train.canonical import canonical
from phtlab.version import VERSION

STOPPING: Final[dict[str, str]] = {
    "limits": "a run could take the machine",
    "system calls": "a run could get out of the sandbox",
    "sandbox": "it is not known that the limits hold",
    "limit": "a limit does not hold",
    "output quota": "a run could fill the disk",
    "clock": "whether an order has expired cannot be known",
    "key on the roster": "nobody could believe what this station signs",
    "audit log": "what happens now could not be proven later",
    "airlock": "more could leave than the policy allows",
    "self-test report": "what was found broken is not known",
}
"""Results that prevent new runs while broken, and why. No other result does."""
_REPORT: Final = "self-test report"
TRAIN: Final = "self-test train"
AIRLOCK: Final = "airlock"
"""Names of the results that come from the self-test's train."""
_AGAIN: Final = timedelta(minutes=10)
"""Interval of retests while a result stops new runs."""
_ANSWERED: Final = timedelta(minutes=1)
"""Interval until an interrupted report is renewed, once the interrupted part has a result."""
_AHEAD: Final = timedelta(minutes=1)
"""A report dated further ahead than this is renewed: the clock was ahead when it was made."""


class Found(BaseModel):
    """One result, as it is stored and printed."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: CheckState
    sentence: str
    advice: str = ""
    unfinished: bool = False

    @classmethod
    def of(cls, result: CheckResult) -> Found:
        return cls(
            name=result.name,
            state=result.state,
            sentence=result.sentence,
            advice=result.advice,
            unfinished=result.unfinished,
        )

    @property
    def stops(self) -> bool:
        """Whether the result prevents new runs.

        An interrupted check gives no verdict: until it has one, `unfinished_trial` prevents new
        runs.
        """
        named = self.name.partition(":")[0] in STOPPING
        return self.state == "broken" and named and not self.unfinished


class Report(BaseModel):
    """Results of a self-test, and when it ended."""

    model_config = ConfigDict(frozen=True)

    station: str
    at: AwareDatetime
    version: str
    results: tuple[Found, ...]

    def of_state(self, state: CheckState) -> tuple[Found, ...]:
        return tuple(result for result in self.results if result.state == state)

    @property
    def broken(self) -> tuple[Found, ...]:
        return self.of_state("broken")

    @property
    def stopping(self) -> tuple[Found, ...]:
        """Results that prevent new runs."""
        return tuple(result for result in self.results if result.stops)

    @property
    def unfinished(self) -> bool:
        """Whether a part of the test was interrupted."""
        return any(result.unfinished for result in self.results)

    @property
    def damaged(self) -> bool:
        """Whether this report replaces a stored one that cannot be read."""
        return any(result.name == _REPORT for result in self.results)

    @property
    def sentence(self) -> str:
        """Summary in one line."""
        broken, warned = len(self.broken), len(self.of_state("warning"))
        if not broken and not warned:
            return f"All {len(self.results)} things are well."
        parts = [f"{broken} broken" if broken else "", _warnings(warned)]
        return f"{', '.join(part for part in parts if part)} of {len(self.results)} things."


def report_of(
    settings: StationSettings,
    results: Iterable[CheckResult],
    at: datetime,
    before: Report | None = None,
) -> Report:
    """Build a report from the results of a check.

    If the check ran no train, the train's results in the report `before` are kept.
    """
    kept = [found for found in (before.results if before else ()) if found.name in (TRAIN, AIRLOCK)]
    return Report(
        station=settings.name,
        at=at,
        version=VERSION,
        results=(*(Found.of(result) for result in results), *kept),
    )


def keep_report(folder: StationFolder, report: Report) -> None:
    """Store the report, replacing the previous one."""
    write_durably(folder.self_test, canonical(report.model_dump(mode="json")))


def last_report(folder: StationFolder) -> Report | None:
    """Return the last self-test's report; None before the first.

    An unreadable file may have contained a result that prevents new runs, so it counts as one until
    the next self-test.
    """
    try:
        written = folder.self_test.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Report.model_validate_json(written)
    except ValidationError:
        changed = datetime.fromtimestamp(folder.self_test.stat().st_mtime, UTC)
        lost = Found(
            name=_REPORT,
            state="broken",
            sentence="What the last self-test found cannot be read.",
            advice="Have the station test itself anew.",
        )
        return Report(station="", at=changed, version=VERSION, results=(lost,))


def request_test(station: StationContext, *, by: str) -> None:
    """Request a self-test from the running daemon, without waiting for the nightly time."""
    _request_file(station.folder).touch(0o600)
    station.audit.append(actor=by, action="self-test-asked")


def self_test_requested(folder: StationFolder) -> bool:
    """Whether a requested test has not started yet."""
    return _request_file(folder).exists()


def _request_file(folder: StationFolder) -> Path:
    return folder.path / "self-test.asked"


def note_self_test_begun(folder: StationFolder) -> None:
    """Clear the request as a test starts.

    A request during the test leads to another one, since it may concern repairs that the running
    test does not see.
    """
    _request_file(folder).unlink(missing_ok=True)


def _local(moment: datetime) -> datetime:
    return moment.astimezone()


class SelfTestSchedule:
    """Schedule of self-tests: daily at a set time, more often while a result stops new runs.

    Each station adds a fixed delay derived from its own mark, so that a consortium's stations do
    not all query central at once. A station that was off at its time runs the test when it starts.
    """

    def __init__(
        self, station: DaemonContext, zone: Callable[[datetime], datetime] = _local
    ) -> None:
        self._station = station
        self._began = station.now()
        self._zone = zone

    def due(self) -> bool:
        """Whether a self-test is due.

        If the setting `self_test_at` is empty: only on request, and again if that test was
        interrupted.
        """
        if self_test_requested(self._station.folder):
            return True
        last = last_report(self._station.folder)
        now = self._station.now()
        if last and last.unfinished and now - last.at > _ANSWERED:
            return unfinished_trial(self._station.folder) is None
        at = self._station.settings.self_test_time
        if at is None:
            return False
        since = last.at if last else self._began
        if last and last.damaged:
            return True
        if last and last.stopping and now - last.at > _AGAIN:
            return True
        return since > now + _AHEAD or since < self._latest(at, now)

    def _latest(self, at: time, now: datetime) -> datetime:
        """Return the newest time up to `now` at which a test was due."""
        local = self._zone(now)
        planned = datetime.combine(local.date(), at, local.tzinfo) + self._later()
        while planned > local:
            planned -= timedelta(days=1)
        return planned

    def _later(self) -> timedelta:
        mark = hashlib.sha256(self._station.folder.mark().encode()).digest()
        most = self._station.settings.self_test_jitter
        return timedelta(seconds=int.from_bytes(mark[:4]) % (60 * most + 1))


def _warnings(count: int) -> str:
    return "" if not count else "1 warning" if count == 1 else f"{count} warnings"
