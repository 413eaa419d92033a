"""The rounds of a journey as central shows them, kept up to date: records, instructions, ends.

All state is rebuilt from what central has. Nothing is believed that does not verify.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from phtlab.rounds.series import Series, Step
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import FINAL_STATES
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction


class RoundsSource(Protocol):
    """Central, as whoever combines uses it: `phtlab.wire.central.client.CentralClient`."""

    def journey(self, journey: str) -> JourneyView: ...

    def instructions(self, journey: str, after: int, wait: float) -> Instructions: ...

    def rounds(
        self, journey: str, after: int, wait: float, *, finishing: bool = False
    ) -> Rounds: ...


class ReceivedRounds:
    """The rounds of `journey`, whose verified order is `order`.

    `finishing` says that the researcher asked to end them.
    """

    def __init__(self, central: RoundsSource, journey: str, order: Order, roster: Roster) -> None:
        self.series = Series(journey, order, roster)
        self.finishing = False
        self._central = central
        self._cursor = 0
        self._ended: frozenset[str] = frozenset()
        self._viewed: datetime | None = None

    def catch_up(self) -> None:
        """Take the instructions that are at central. Raises as `Series.take_instruction`."""
        series = self.series
        while not series.ended:
            answer = self._central.instructions(series.journey, series.number, 0.0)
            for sent in answer.instructions:
                series.take_instruction(sent)
            if not answer.instructions:
                return

    def take_instruction(self, sent: SentInstruction) -> None:
        """Go on with an instruction that was just sent. Raises as `Series.take_instruction`."""
        self.series.take_instruction(sent)

    def receive(self, wait: float, now: datetime) -> bool:
        """Take the records that are new; return whether there were any.

        Without `wait`, takes all; else it waits so many seconds for the next. Raises as
        `Series.take_record`.
        """
        received = False
        while True:
            journey = self.series.journey
            answer = self._central.rounds(journey, self._cursor, wait, finishing=self.finishing)
            for sent in answer.rounds:
                received = self.series.take_record(sent, now) is not None or received
            self._cursor, self.finishing = answer.cursor, answer.finishing
            if wait or not answer.rounds:
                return received

    def step(self, now: datetime) -> Step:
        """Return what comes next, with the ends of stops as they were viewed last."""
        return self.series.step(self._ended, now)

    def view_ends(self, now: datetime, seconds: float) -> bool:
        """View which stops have ended, unless that was less than `seconds` ago.

        Returns whether others have. A station that has ended may have sent a record before: it is
        received first.
        """
        if self._viewed is not None and (now - self._viewed).total_seconds() < seconds:
            return False
        view = self._central.journey(self.series.journey)
        self._viewed = now
        self.receive(0.0, now)
        ended = frozenset(stop.station for stop in view.stops if stop.state in FINAL_STATES)
        changed, self._ended = ended != self._ended, ended
        return changed
