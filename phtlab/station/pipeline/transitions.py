"""Execution of a stop's transitions, one at a time, chosen by which files exist.

Every transition may be interrupted anywhere and can then simply be repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import structlog

from phtlab.errors import (
    AuditError,
    CentralError,
    DataSetError,
    EngineMissingError,
    OrderError,
    PhtlabError,
    PolicyError,
    RegistryError,
    RosterStaleError,
    StationError,
    TrialUnfinishedError,
    UnreachableError,
)
from phtlab.station.context import maintenance
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline import admission, departure, running
from phtlab.station.pipeline.audit_entries import StopAudit
from phtlab.station.retry_delays import Backoff
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import (
    Ending,
)
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.sentences import (
    cancelled,
    ending_of,
)
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.transition_table import next_transition
from phtlab.wire.api.journeys import StopUpdate

ReportUpdate = Callable[[str, StopUpdate], None]

_REFUSALS_BORNE = 8
_DEFECTS_BORNE = 3
# Errors that an operator corrects, such as clocks that differ or a full disk: they cost time only.
# Central refuses an order of the future too, so one that arrived agrees with central's clock.
_CORRECTED_BY_AN_OPERATOR = frozenset(
    {"token-expired", "order-future", "record-future", "station-disk-full", "pause"}
)
_DISK = "This station cannot write or read its folder; it holds the stop. Free space there"
_EXPIRED_HELD = "The order expired while it waited for a person at this station."
_EXPIRED_CLOSED = "The order expired while nothing new began at this station."
_EXPIRED_WAITING = "The order expired before this station could follow it."
_log = structlog.get_logger("phtlab.station")


class Transitions:
    """Advances stops. Several stops may advance at once, but each in one thread only."""

    def __init__(
        self,
        station: DaemonContext,
        report: ReportUpdate,
        open_stops: Callable[[], Iterable[Stop]],
        trial_unfinished: Callable[[TrialUnfinishedError], None] = lambda error: None,
    ) -> None:
        """Call `trial_unfinished` for each interrupted trial of the sandbox that a run needed."""
        self._trial_unfinished = trial_unfinished
        self._station = station
        self._report = report
        self._open_stops = open_stops
        self._backoff = Backoff()
        self._audit = StopAudit(station.audit, station.stops)
        self._slots = threading.Lock()
        self._actions: Mapping[Marker, Callable[[Stop, DaemonContext], None]] = {
            Marker.RECORD: self._send_record,
            Marker.ENDING: departure.record_ending,
            Marker.PUSHED: departure.record_departed,
            Marker.CANCEL: self._end_cancelled,
            Marker.SEALED: departure.push,
            Marker.RELEASE: departure.seal_released,
            Marker.AIRLOCK_HELD: departure.count_votes,
            Marker.OUTCOME: departure.check_outputs_of_run,
            Marker.ADMITTED: self._start,
            Marker.VERIFIED: self._admit,
            Marker.OFFER: admission.verify,
        }
        self._reported_closed: maintenance.Closed | None = None

    def ready(self, stop: Stop) -> bool:
        """Whether it is time to try this stop (again)."""
        return self._backoff.ready(stop.hex, self._clock())

    def advance(self, stop: Stop, wait: float = 0.0) -> bool:
        """Take the next transition. Return whether one was taken; never raises.

        A running stop of rounds waits up to `wait` seconds for its next step.
        """
        if not self.ready(stop):
            return False
        try:
            self._audit.note(stop)
            before = stop.state
            moved = self._try(stop, wait)
            after = stop.state
            if after != before:
                self._changed(stop)
            elif after == "held":
                # Report a held stop repeatedly, so that a kill or an unreachable central does not
                # hide it.
                self._report(stop.journey, StopUpdate(state=after, sentence=stop.held_because))
            self._audit.note(stop)
        except OSError as error:
            # A full or broken disk: nothing is decided, and nothing is lost.
            self._wait(stop, f"{_DISK} ({error.strerror or type(error).__name__})")
            return False
        except (StationError, AuditError) as error:
            # The log is broken, or the stop's own files, including those that would say how it
            # ends.
            self._wait(stop, str(error))
            return False
        return moved

    def _try(self, stop: Stop, wait: float) -> bool:
        try:
            moved = self._next(stop, wait)
        except PhtlabError as error:
            return self._failed(stop, error)
        except OSError:
            raise
        except Exception as defect:
            return self._defect(stop, defect)
        self._backoff.succeeded(stop.hex)
        return moved

    def _next(self, stop: Stop, wait: float) -> bool:
        if stop.is_reported:
            return False
        transition = next_transition(stop)
        if transition.may_lapse and (lapsed := admission.ending_of_lapsed(stop, self._station)):
            self._end(stop, lapsed)
            return True
        # The files say whether it moved, as everywhere: one of those that the table names is new.
        missing = [marker for marker in transition.writes if not stop.has(marker)]
        if transition.after is Marker.STARTING:
            return self._watch(stop, wait) or any(map(stop.has, missing))
        self._actions[transition.after](stop, self._station)
        return any(map(stop.has, missing))

    def _send_record(self, stop: Stop, station: DaemonContext) -> None:
        departure.send_record(stop, station, self._backoff.tries(stop.hex))

    def _end_cancelled(self, stop: Stop, station: DaemonContext) -> None:
        self._end(stop, cancelled())

    def _watch(self, stop: Stop, wait: float) -> bool:
        moved = running.watch(stop, self._station, wait)
        if stop.state == "running" and (update := running.progress(stop, self._station)):
            self._report(stop.journey, update)
        return moved

    def _start(self, stop: Stop, station: DaemonContext) -> None:
        if not self._closed():
            self._claim(stop)

    def _admit(self, stop: Stop, station: DaemonContext) -> None:
        if stop.has(Marker.HELD) and not stop.has(Marker.DECISION):
            self._end_expired(stop, _EXPIRED_HELD)
        elif self._closed():
            self._end_expired(stop, _EXPIRED_CLOSED)
        else:
            admission.admit(stop, station)

    def _closed(self) -> bool:
        """Whether nothing new may start now; logs each change once."""
        why = maintenance.closed(self._station)
        if why != self._reported_closed:
            self._reported_closed = why
            if why:
                _log.warning("nothing new begins", cause=why.cause, why=why.sentence)
            else:
                _log.info("new runs begin again")
        return why is not None

    def _claim(self, stop: Stop) -> None:
        """Take a slot, if one is free."""
        with self._slots:
            occupied = sum(other.occupies for other in self._open_stops())
            if occupied < self._station.settings.max_running:
                running.claim(stop, self._station)

    def _end_expired(self, stop: Stop, sentence: str) -> bool:
        """Refuse a stop, with `sentence`, if its order has expired. Return whether it has."""
        if self._station.now() < stop.claimed_order().expires:
            return False
        self._end(stop, Ending(outcome="refused", code="order-expired", sentence=sentence))
        return True

    def _failed(self, stop: Stop, error: PhtlabError) -> bool:
        if isinstance(error, TrialUnfinishedError):
            self._trial_unfinished(error)
        if self._passes(stop, error):
            self._wait(stop, str(error))
            return not stop.has(Marker.ADMITTED) and self._end_expired(stop, _EXPIRED_WAITING)
        _log.warning(
            "stop ends", journey=stop.hex[:12], state=stop.state, code=error.code, why=str(error)
        )
        if isinstance(error, RegistryError | CentralError) and stop.has(Marker.SEALED):
            error = StationError(error.message, error.hint, code="cargo-undeliverable")
        self._end(stop, ending_of(error, admitted=stop.has(Marker.ADMITTED)))
        return True

    def _passes(self, stop: Stop, error: PhtlabError) -> bool:
        """Whether to wait, because no party to this journey caused the error."""
        if stop.has(Marker.RECORD):
            return True
        if isinstance(error, UnreachableError | RosterStaleError):
            return True
        if isinstance(error, EngineMissingError | TrialUnfinishedError):
            return True
        if isinstance(error, OrderError) and error.code.startswith("instruction-"):
            return True  # whoever sent it, the journey goes on with a true one
        if error.code in _CORRECTED_BY_AN_OPERATOR:
            return True
        if isinstance(error, RegistryError | CentralError):
            return self._backoff.tries(stop.hex) < _REFUSALS_BORNE
        # An invalid policy or declaration, which the operator can repair without ending the stop.
        broken = isinstance(error, DataSetError) and error.code == DataSetError.code
        return isinstance(error, PolicyError) or broken

    def _wait(self, stop: Stop, why: str) -> None:
        seconds = self._backoff.failed(stop.hex, self._clock())
        _log.warning(
            "stop waits",
            journey=stop.hex[:12],
            state=stop.state,
            seconds=round(seconds, 1),
            why=why,
        )

    def _defect(self, stop: Stop, defect: Exception) -> bool:
        """Handle a defect in phtlab. Its text may contain anything, so only its place is logged."""
        place = defect.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
        _log.error(
            "defect", journey=stop.hex[:12], state=stop.state, type=type(defect).__name__, at=where
        )
        tries = self._backoff.tries(stop.hex)
        self._backoff.failed(stop.hex, self._clock())
        if tries < _DEFECTS_BORNE or stop.has(Marker.RECORD) or stop.has(Marker.ENDING):
            return False
        self._end(stop, ending_of(StationError("A defect."), admitted=stop.has(Marker.ADMITTED)))
        return True

    def _end(self, stop: Stop, ending: Ending) -> None:
        stop.write(stop_files.ENDING, ending)
        self._backoff.succeeded(stop.hex)

    def _changed(self, stop: Stop) -> None:
        state = stop.state
        _log.info("stop", journey=stop.hex[:12], state=state)
        if not stop.has(Marker.RECORD):
            self._report(stop.journey, StopUpdate(state=state, sentence=stop.held_because))

    def _clock(self) -> float:
        return self._station.now().timestamp()
