"""Retries an interrupted trial of the sandbox, with growing delays, until one finishes."""

from __future__ import annotations

import threading

import structlog

from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.executor.unfinished_trial import note_trial, trial_results, unfinished_trial
from phtlab.station.health.self_test import run_self_test
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text

_TICK = 1.0
_log = structlog.get_logger("phtlab.station")


def retry_trials(station: DaemonContext, until: threading.Event) -> None:
    """Retry until `until` is set; runs as a thread of the daemon."""
    backoff = Backoff(first=1.0)
    while not until.wait(_TICK):
        try:
            note, why = unfinished_trial(station.folder), ""
            if note is not None:
                if not backoff.tries("trial"):
                    _log.warning("nothing new begins", cause="trial", why=note.sentence)
                why = retry_trial(station)
        # All errors: otherwise the thread would end, and no run could start any more.
        except Exception as error:
            why = safe_error_text(error)
        if not why:
            backoff.succeeded("trial")
            continue
        seconds = backoff.failed("trial", station.now().timestamp())
        _log.warning("trial of the sandbox without an answer", seconds=round(seconds, 1), why=why)
        until.wait(seconds)


def retry_trial(station: DaemonContext) -> str:
    """Run the trial once more. Return why it did not finish, or "" if it did.

    If a limit is not enforced, the self-test has reported that before this returns, and stops new
    runs.
    """
    results = station.executor.check()
    found = trial_results(results)
    if not found or any(result.unfinished for result in found):
        note_trial(station.folder, found, station.now())
        return " ".join(result.sentence for result in results if not result.ok) or "No engine."
    if all(result.ok for result in found):
        note_trial(station.folder, found, station.now())
        _log.info("trial of the sandbox answered", result=found[0].sentence)
        return ""
    # Store the verdict before removing the note, so that new runs stay stopped in between.
    run_self_test(station)
    unfinished = unfinished_trial(station.folder)
    return unfinished.sentence if unfinished else ""
