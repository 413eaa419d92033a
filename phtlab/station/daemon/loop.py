"""The daemon's loop: it receives offers, and advances every stop until it ends.

`Daemon.receive` and `Daemon.step` do all the work; `run` calls them from threads. A daemon that is
killed at any point and restarted on the same folder continues as if nothing had happened: see
`stops/stop.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import structlog
from pydantic import ValidationError

from phtlab.errors import (
    EngineMissingError,
    PhtlabError,
    SignatureError,
    TrialUnfinishedError,
    UnreachableError,
)
from phtlab.station.approvals.proposal_limits import remove_ended
from phtlab.station.approvals.signer import ApprovalSigner
from phtlab.station.approvals.sync import ApprovalSync
from phtlab.station.context import maintenance
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.self_test_result import SelfTestSchedule
from phtlab.station.daemon.audit_witness import watch_logs
from phtlab.station.daemon.contradictions import Contradictions
from phtlab.station.daemon.end_watch import EndWatch
from phtlab.station.daemon.image_prefetch import ImagePrefetch
from phtlab.station.daemon.progress_reporter import ProgressReporter
from phtlab.station.daemon.station_description import ProfilePublisher
from phtlab.station.daemon.trial_retry import retry_trials
from phtlab.station.executor.unfinished_trial import keep_unfinished
from phtlab.station.health.self_test import run_self_test
from phtlab.station.pipeline.transitions import Transitions
from phtlab.station.release.run_log_sending import send_released_logs
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.order import Order
from phtlab.wire.api.journeys import Offer

MAX_OPEN = 1000
_WORKERS = 4
_ROUND_WORKERS = 64
_ROUND_WAIT = 1.0
_TICK_RUNNING = 0.1
_TICK_WATCHED = 0.25
_TICK_LATE = 0.02
_REPORT_DELAY = 0.1  # of a quick stop's states, only the last is worth a request
_TICK_IDLE = 1.0
_SWEEP_SECONDS = 3600.0
_SELF_TEST_TICK = 2.0
_SELF_TEST_PAUSE = 600.0
_EXCHANGE_SECONDS = 60.0
_log = structlog.get_logger("phtlab.station")


class Daemon:
    """One station's daemon. All state that matters is in the station's folder."""

    def __init__(self, station: DaemonContext) -> None:
        self.station = station
        self.teller = ProgressReporter(
            station.central, station.name, station.settings.progress_interval, self._clock
        )
        self._open = {stop.hex: stop for stop in station.stops.unfinished()}
        self._transitions = Transitions(
            station, self.teller.report, lambda: list(self._open.values()), self._close_until_tried
        )
        self._publisher = ProfilePublisher(station)
        self._office = ApprovalSigner(station)
        self._exchange = ApprovalSync(station)
        self._contradictions = Contradictions(station)
        self._event_thread = threading.Event()
        self._wake = threading.Event()
        self._ends = EndWatch(station.executor, self._wake)
        self._images = ImagePrefetch(station, self._occupied)

    # Called by the threads and by tests.

    def receive(self, offer: Offer) -> None:
        """Process one offer of central's inbox: a new stop, a cancellation, or a known offer."""
        try:
            Order.model_validate(peek(offer.order).predicate)
            claimed = offer.order.digest
        except (SignatureError, ValidationError):
            claimed = ""
        if claimed != offer.journey:
            _log.warning("offer dropped: it holds no order of its journey", journey=offer.journey)
            return
        stop = self.station.stops.open(offer)
        if offer.cancelled:
            stop.cancel("researcher")
        if stop.ended:
            self._send_record(stop)
        else:
            self._open[stop.hex] = stop
        self._wake.set()

    def step(self) -> bool:
        """Advance each open stop by one transition, in this thread. Return whether any advanced."""
        moved = self._sign()
        for stop in list(self._open.values()):
            moved |= self._advance(stop)
        self.teller.flush()
        return moved

    def sweep(self) -> None:
        """Remove a killed station's temporary files and orphaned runs, and long-ended proposals."""
        try:
            self.station.folder.remove_dead_drafts(self._data())
            # In this order: a run that starts in between has a stop that needs it.
            jobs = self.station.executor.jobs()
            needed = {stop.job_id for stop in self.station.stops if _needs_job(stop)}
            for job_id in jobs - needed:
                self.station.executor.remove(job_id)
                _log.info("orphan removed", job=job_id)
            for proposal in remove_ended(self.station):
                _log.info("proposal removed: it is over", proposal=proposal)
        except EngineMissingError:
            pass  # the stops report it
        except (PhtlabError, OSError) as error:
            # Leftovers only cost space, so an error must not end the station.
            _log.warning("sweep stopped", why=str(error))

    def _data(self) -> list[Path]:
        """Paths of the declared data sets; empty if a declaration is invalid."""
        try:
            return [dataset.path for dataset in self.station.declared().values()]
        except (PhtlabError, OSError):
            return []

    def publish(self) -> None:
        """Publish the station's profile to central, if it changed."""
        self._publisher.publish()

    def exchange(self) -> None:
        """Fetch proposals from central, and send the decisions of the station's people."""
        if self._exchange.run():
            self._office.recheck()

    def check_contradictions(self, contradicted: Iterable[str]) -> None:
        """Pause if this station's key signed two records of one of these journeys."""
        try:
            if self._contradictions.import_records(contradicted):
                self._wake.set()
        # All errors: central names these journeys in every answer, so they are checked again.
        except Exception as error:
            _log.warning("contradictions not looked into", why=safe_error_text(error))

    # The threads.

    def run(self, until: threading.Event) -> None:
        """Work until `until` is set. Runs in the sandbox continue after that.

        Raises StationError: `station-runs` if another daemon works in the same folder, `pause-held`
        if the station was restored and not yet compared, `pause` if its pause file is damaged.
        """
        with self.station.folder.occupied():
            maintenance.require_settled(self.station.folder)
            self._run(until)

    def _run(self, until: threading.Event) -> None:
        _import_ahead()
        _log.info("station started", station=self.station.name)
        threads = [
            threading.Thread(target=target, args=(until,), daemon=True, name=name)
            for target, name in (
                (self._listen, "inbox"),
                (self._send_reports, "teller"),
                (self._exchange_on, "exchange"),
                (self._ends.run, "ends"),
                (self._images.run, "images"),
                (partial(watch_logs, self.station), "witness"),
                (self._test_itself, "self-test"),
                (partial(retry_trials, self.station), "trial"),
                (partial(send_released_logs, self.station), "logs"),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            self._work(until)
        finally:
            self.teller.wake.set()
            self._event_thread.set()
            threads[1].join(timeout=5)
            self.teller.flush()
            _log.info("station stopped", station=self.station.name, open=len(self._open))

    def _work(self, until: threading.Event) -> None:
        busy: dict[str, Future[bool]] = {}
        swept = signed = -_SWEEP_SECONDS
        with (
            ThreadPoolExecutor(_WORKERS, thread_name_prefix="stop") as pool,
            # Of their own, since each waits for its kernel or for central.
            ThreadPoolExecutor(_ROUND_WORKERS, thread_name_prefix="rounds") as rounds,
        ):
            while not until.is_set():
                self._wake.clear()
                if time.monotonic() - swept >= _SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                # Not at every tick of a run, since it reads every draft and proposal.
                if time.monotonic() - signed >= _TICK_IDLE:
                    self._sign()
                    signed = time.monotonic()
                ended = self._ends.taken()
                busy = {key: future for key, future in busy.items() if not future.done()}
                # A thread that follows rounds looks for the end of their run by itself.
                occupied = any(
                    stop.occupies and not stop.of_rounds
                    for key, stop in self._opened()
                    if key in busy
                )
                for key, stop in self._opened():
                    if key not in busy and self._transitions.ready(stop):
                        if _follows_rounds(stop):
                            busy[key] = rounds.submit(self._follow_rounds, stop, until)
                        else:
                            busy[key] = pool.submit(self._advance_far, stop, until)
                self._wake.wait(self._tick(busy=bool(busy), late=ended and occupied))

    def _opened(self) -> list[tuple[str, Stop]]:
        return list(self._open.items())

    def _occupied(self) -> bool:
        return any(stop.occupies for _, stop in self._opened())

    def _tick(self, *, busy: bool, late: bool) -> float:
        """Return how long to wait for an event; `late`: a run ended while a thread asked for it."""
        if late:
            self._ends.put_back()
            return _TICK_LATE
        if busy or self._occupied():
            return _TICK_WATCHED if self._ends.active else _TICK_RUNNING
        return _TICK_IDLE

    def _sign(self) -> bool:
        """Sign new decisions; errors are logged, and the next call tries again."""
        try:
            signed = self._office.sign()
            pending = self._exchange.hears()
        # All errors: an unreadable file must not end the station.
        except Exception as error:
            _log.warning("decisions wait", why=safe_error_text(error))
            return False
        if signed or pending:
            self._event_thread.set()
        return signed

    def _advance_far(self, stop: Stop, until: threading.Event) -> bool:
        moved, occupied = False, stop.occupies
        # Rounds are followed in a thread of their own, which waits for the kernel.
        while not until.is_set() and not _follows_rounds(stop) and self._advance(stop):
            moved = True
            if occupied and not stop.occupies:
                self._wake.set()  # for a stop that waits for the slot
            occupied = stop.occupies
        if moved:
            self._wake.set()
        return moved

    def _follow_rounds(self, stop: Stop, until: threading.Event) -> bool:
        """Take all steps of a running stop of rounds, each as soon as there is one."""
        while not until.is_set() and _follows_rounds(stop) and self._transitions.ready(stop):
            self._advance(stop, _ROUND_WAIT)
        self._wake.set()
        return True

    def _advance(self, stop: Stop, wait: float = 0.0) -> bool:
        moved = self._transitions.advance(stop, wait)
        if stop.has(Marker.RECORD):
            self.teller.forget(stop.journey)
        if stop.ended:
            self._open.pop(stop.hex, None)
        return moved

    def _listen(self, until: threading.Event) -> None:
        backoff, cursor, wait, proposals = Backoff(first=1.0), 0, 0, 0
        while not until.is_set():
            try:
                self._publish()
                inbox = self.station.central.inbox(cursor, wait)
            # All errors: otherwise the thread would end, and the station would receive no offers.
            except Exception as error:
                seconds = backoff.failed("inbox", self._clock())
                _log.warning(
                    "central not reached", seconds=round(seconds, 1), why=safe_error_text(error)
                )
                # A central restored from a backup may have lost what was published.
                self._publisher.forget()
                cursor, wait = 0, 0
                until.wait(seconds)
                continue
            backoff.succeeded("inbox")
            self.check_contradictions(inbox.conflicts)
            if inbox.proposals != proposals:
                proposals = inbox.proposals
                self._event_thread.set()
            if self._accept_offers(inbox.offers):
                cursor, wait = inbox.cursor, self.station.settings.inbox_wait
            else:
                until.wait(_TICK_IDLE)

    def _exchange_on(self, until: threading.Event) -> None:
        backoff = Backoff(first=1.0)
        while not until.is_set():
            self._event_thread.clear()
            wait = _EXCHANGE_SECONDS
            try:
                self.exchange()
                backoff.succeeded("exchange")
            # All errors: otherwise the thread would end, and no approval or revocation would be
            # sent.
            except Exception as error:
                wait = backoff.failed("exchange", self._clock())
                _log.warning("exchange waits", seconds=round(wait, 1), why=safe_error_text(error))
                self._exchange.forget()
                until.wait(min(wait, 1.0))  # however many events arrive
            self._event_thread.wait(wait)

    def _accept_offers(self, offers: Iterable[Offer]) -> bool:
        """Receive `offers`. Return whether all succeeded; a failed one does not block others."""
        whole = True
        for offer in offers:
            if len(self._open) >= MAX_OPEN:
                return False
            try:
                self.receive(offer)
            except OSError as error:
                why = error.strerror or type(error).__name__
                _log.warning("offer waits: it cannot be written", journey=offer.journey, why=why)
                whole = False
            except Exception:
                _log.exception("offer not taken in", journey=offer.journey)
                whole = False
        return whole

    def _publish(self) -> None:
        """Publish; an invalid declaration, or one that central refuses, must not stop the inbox."""
        try:
            self.publish()
        except UnreachableError:
            raise
        except PhtlabError as error:
            _log.warning("profile not published", code=error.code, why=str(error))

    def _send_reports(self, until: threading.Event) -> None:
        while not until.is_set():
            self.teller.wake.wait(self.station.settings.progress_interval)
            until.wait(_REPORT_DELAY)
            self.teller.wake.clear()
            self.teller.flush()

    def _send_record(self, stop: Stop) -> None:
        """Send a record again: central offers an ended stop if it never got or lost the record."""
        try:
            self.station.central.put_record(stop.journey, self.station.name, stop.record())
        except PhtlabError as error:
            _log.warning("record not taken", journey=stop.hex[:12], code=error.code)

    def _test_itself(self, until: threading.Event) -> None:
        nightly = SelfTestSchedule(self.station)
        while not until.wait(_SELF_TEST_TICK):
            try:
                if nightly.due():
                    run_self_test(self.station)
                    self._publisher.forget()  # central may have lost the profile
            except Exception as error:
                # Log a failed self-test without ending the thread, so that the next night has its
                # test.
                _log.error("self-test not done", why=safe_error_text(error))
                until.wait(_SELF_TEST_PAUSE)

    def _close_until_tried(self, error: TrialUnfinishedError) -> None:
        keep_unfinished(self.station.folder, error.message, self.station.now())

    def _clock(self) -> float:
        return self.station.now().timestamp()


def _follows_rounds(stop: Stop) -> bool:
    return stop.of_rounds and stop.occupies


def _needs_job(stop: Stop) -> bool:
    over = (Marker.AIRLOCK_HELD, Marker.SEALED, Marker.ENDING, Marker.RECORD)
    return stop.has(Marker.STARTING) and not any(map(stop.has, over))


def _import_ahead() -> None:
    """Import what the first stop needs, so that a station takes offers once it is quick."""
    import papermill.translators  # noqa: F401
    import pyarrow.parquet  # noqa: F401
