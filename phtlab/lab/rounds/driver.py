"""The loop that combines the rounds of one journey in the researcher's kernel.

It has no state that central does not have: a kernel may die between any two lines. A round is
combined again only if its instruction is not at central.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

from phtlab.errors import JourneyError, PhtlabError, UnreachableError
from phtlab.lab.display.journey_text import short
from phtlab.lab.display.round_progress import RoundProgress
from phtlab.lab.rounds.combiner import Combiner, Prepared
from phtlab.lab.rounds.journey_key import forget_journey_key
from phtlab.lab.rounds.patience import PatientRounds, patiently
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.session.session import Session
from phtlab.rounds.received_rounds import ReceivedRounds, ended_stops
from phtlab.rounds.series import Ended, Ready, Series, TooFew, Waiting
from phtlab.train.documents.order import Order
from phtlab.train.documents.round import Instruction
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import SentInstruction

POLL_SECONDS: Final = 5.0
"""How long a request waits for records, and how old central's view of the stops may be."""


class RoundDriver:
    """Drives the rounds of `journey`, whose verified order is `order`.

    `reports` get the report of each round. `read_view` returns what central says of its stops;
    `show` gets progress. `clock` is the time, `sleep` waits before a new attempt to reach central.
    """

    def __init__(
        self,
        session: Session,
        journey: str,
        order: Order,
        combiner: Combiner,
        *,
        reports: RoundReports,
        read_view: Callable[[], JourneyView],
        show: Callable[[RoundProgress], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._journey = journey
        self._order = order
        self._combiner = combiner
        self._reports = reports
        self._read_view = read_view
        self._show = show
        self._clock = clock
        self._sleep = sleep
        self._prepared: Prepared | None = None
        self._late: tuple[str, ...] = ()
        self._received = self._new_rounds()

    def drive(self, until: float | None = None) -> None:
        """Combine rounds until they have ended, or the journey has.

        `until` is a time of `time.monotonic`. Raises JourneyError: ``wait-timeout`` after it,
        ``round-quorum`` if fewer stations are left than a round needs, ``journey-key-missing``, and
        those of values that cannot be sent. Raises what a combine cell raises, and errors of
        records and instructions that do not verify. But for too few stations, which end the rounds,
        the journey stays as it is: driving again goes on from what central has.
        """
        self._combiner.require_key()
        view, viewed = self._begin(), self._clock()
        while not (view.done or view.cancelled):
            step = self.series.step(ended_stops(view), self._clock())
            if isinstance(step, Ready) and step.late and self._received.receive():
                continue  # what came meanwhile is not late
            self._report(step, view)
            match step:
                case Ended():
                    break
                case TooFew():
                    before = self.series.previous
                    self._received.catch_up()
                    if self.series.previous == before:  # no other kernel has gone on
                        self._give_up(step)
                case Ready():
                    if not self._combine(step):
                        view = self._read_view()
                case Waiting():
                    if not self._combiner.open_answers(self.series, tuple(self.series.answers)):
                        continue
                    self._received.receive(_seconds(step, until))
                    _require_time(until, self._journey)
                    if (self._clock() - viewed).total_seconds() >= POLL_SECONDS:
                        view, viewed = patiently(self._read_view, self._sleep), self._clock()
                        # A station that has ended may have sent a record before.
                        self._received.receive()
        if view.done or self.series.ended:
            forget_journey_key(self._order.nonce)

    def finish(self) -> None:
        """End the rounds: stations compute the present round at most, and no further one.

        Raises JourneyError (``journey-key-missing``), and what central refuses.
        """
        self._begin()
        while not self.series.ended:  # a kernel that combines meanwhile may be first
            values = self._combiner.values(self.series)
            self._send(self._combiner.ending(self.series, values))
        forget_journey_key(self._order.nonce)

    @property
    def series(self) -> Series:
        """The rounds so far."""
        return self._received.series

    def _new_rounds(self) -> ReceivedRounds:
        central = PatientRounds(self._session.central, self._sleep)
        roster = self._session.trusted.roster
        return ReceivedRounds(central, self._journey, self._order, roster, self._clock, self._took)

    def _took(self, sent: SentInstruction, instruction: Instruction) -> None:
        patiently(partial(self._reports.take, sent, instruction), self._sleep)

    def _begin(self) -> JourneyView:
        """Rebuild the state from what central has."""
        self._received, self._late = self._new_rounds(), ()
        view = patiently(self._read_view, self._sleep)
        self._received.catch_up()
        self._received.receive()
        return view

    def _combine(self, step: Ready) -> bool:
        """Combine the round and send the next instruction; return False if the journey is over."""
        prepared = self._prepared
        if prepared is None or prepared.follows != self.series.previous:
            prepared = self._combiner.combine(self.series, step.stations)
            if prepared is None:
                return True
            # The cells have run: if it cannot be sent now, it is sent the next time.
            self._prepared = prepared
        try:
            self._send(prepared)
        except UnreachableError:
            raise
        except PhtlabError:
            view = self._read_view()
            if view.done or view.cancelled:
                return False
            raise
        self._late = step.late
        return True

    def _send(self, prepared: Prepared) -> None:
        """Send an instruction. If another kernel was first, go on from its instruction."""
        central = self._session.central
        try:
            patiently(lambda: central.put_instruction(self._journey, prepared.sent), self._sleep)
        except JourneyError as error:
            if error.code != "instruction-exists":
                raise
            self._received.catch_up()
        else:
            instruction = self.series.take_instruction(prepared.sent)
            self._reports.take(prepared.sent, instruction, prepared.opened)
        self._prepared = None

    def _give_up(self, step: TooFew) -> None:
        """End the rounds, so that no station waits for ever. Raises JourneyError."""
        number = self.series.number
        unusable = [f"{name}: {why}" for name, why in self.series.unusable.items()]
        values: Mapping[str, bytes] = {}
        with suppress(PhtlabError):  # to end the rounds is more urgent than their last values
            values = self._combiner.values(self.series)
        with suppress(PhtlabError):  # central refuses where no station is left
            self._send(self._combiner.ending(self.series, values))
            forget_journey_key(self._order.nonce)
        raise JourneyError(
            f"Round {number} cannot be combined: {', '.join(step.gone)} sent nothing that can be "
            f"used, and it needs {self._order.rounds and self._order.rounds.quorum} stations. The "
            f"rounds have ended. {' '.join(unusable)}".rstrip(),
            "journey.results() says why a station ended. Dispatch the train again, without it or "
            "with a smaller quorum.",
            code="round-quorum",
        )

    def _report(self, step: object, view: JourneyView) -> None:
        series, ended = self.series, ended_stops(view)
        gone = tuple(
            station
            for station in self._order.stations
            if station not in series.answers and (station in ended or station in series.unusable)
        )
        self._show(
            RoundProgress(
                number=series.number,
                answered=len(series.answers),
                expected=len(self._order.stations) - len(gone),
                late=self._late,
                gone=gone,
                ended=isinstance(step, Ended),
            )
        )


def _seconds(step: Waiting, until: float | None) -> float:
    """Return how long to wait for a record; above 0, which would not wait."""
    limits = [POLL_SECONDS]
    if step.seconds is not None:
        limits.append(step.seconds)
    if until is not None:
        limits.append(until - time.monotonic())
    return max(0.001, min(limits))


def _require_time(until: float | None, journey: str) -> None:
    if until is not None and time.monotonic() > until:
        raise JourneyError(
            f"Journey {short(journey)} has not ended in time.",
            "It goes on at its stations; journey.wait() combines further rounds.",
            code="wait-timeout",
        )
