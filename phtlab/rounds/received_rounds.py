"""The rounds of a journey as central shows them, kept up to date: records, instructions, ends.

All state is rebuilt from what central has. Nothing is believed that does not verify.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from phtlab.rounds.series import Series, Step
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import FINAL_STATES
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import Instruction
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction

Took = Callable[[SentInstruction, Instruction], None]
"""Called with an instruction as central has it, and with what it verified to."""


class RoundsSource(Protocol):
    """Central, as whoever combines uses it: `phtlab.wire.central.client.CentralClient`."""

    def journey(self, journey: str) -> JourneyView: ...

    def instructions(self, journey: str, after: int, wait: float) -> Instructions: ...

    def rounds(
        self, journey: str, after: int, wait: float, *, finishing: bool = False
    ) -> Rounds: ...


class ReceivedRounds:
    """The rounds of `journey`, whose verified order is `order`.

    `finishing` says that the researcher asked to end them. `took` is called with each instruction
    that was taken.
    """

    def __init__(
        self,
        central: RoundsSource,
        journey: str,
        order: Order,
        roster: Roster,
        clock: Callable[[], datetime],
        took: Took = lambda sent, instruction: None,
    ) -> None:
        self._clock = clock
        self._took = took
        self.series = Series(journey, order, roster)
        self.finishing = False
        self._central = central
        self._cursor = 0
        self._ended: frozenset[str] = frozenset()
        self._viewed: datetime | None = None

    def catch_up(self) -> None:
        """Take the instructions that are at central. Raises as `Series.take_instruction`."""
        series = self.series
        while True:
            answer = self._central.instructions(series.journey, series.number, 0.0)
            for sent in answer.instructions:
                self._took(sent, series.take_instruction(sent))
            if not answer.instructions:
                return

    def receive(self, wait: float = 0.0) -> bool:
        """Take the records that are new; return whether there were any.

        Without `wait`, takes all; else it waits so many seconds for the next. A record is taken
        once, so after an error in between, the next call goes on. Raises as `Series.take_record`.
        """
        received = False
        while True:
            journey = self.series.journey
            answer = self._central.rounds(journey, self._cursor, wait, finishing=self.finishing)
            for sent in answer.rounds:
                if not self.series.knows_round_of(sent):
                    self.catch_up()  # somebody else has combined the round before
                received = self.series.take_record(sent, self._clock()) is not None or received
            self._cursor, self.finishing = answer.cursor, answer.finishing
            if wait or not answer.rounds:
                return received

    def step(self) -> Step:
        """Return what comes next, with the ends of stops as they were viewed last."""
        return self.series.step(self._ended, self._clock())

    def view_ends(self, seconds: float) -> bool:
        """View which stops have ended, unless that was less than `seconds` ago.

        Returns whether others have. A station that has ended may have sent a record before: it is
        received first.
        """
        now = self._clock()
        if self._viewed is not None and (now - self._viewed).total_seconds() < seconds:
            return False
        view = self._central.journey(self.series.journey)
        self._viewed = now
        self.receive()
        ended = ended_stops(view)
        changed, self._ended = ended != self._ended, ended
        return changed


def ended_stops(view: JourneyView) -> frozenset[str]:
    """Return the members whose stops have ended in `view`."""
    return frozenset(stop.station for stop in view.stops if stop.state in FINAL_STATES)
