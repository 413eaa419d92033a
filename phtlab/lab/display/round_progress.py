"""How far a journey of rounds is, in words: `round 7, heard 2 of 3`."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.lab.display.route_order import stations_of
from phtlab.printable import escaped
from phtlab.train.documents.record import FINAL_STATES
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import RoundsView


@dataclass(frozen=True)
class RoundProgress:
    """The present round: how many stations of how many were heard.

    `late` are the stations without which the round before was combined, `gone` those whose stops
    have ended, or whose updates of this round cannot be used.
    """

    number: int
    answered: int
    expected: int
    late: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    ended: bool = False

    @property
    def text(self) -> str:
        if self.ended:
            return f"ended after round {self.number - 1}"
        text = f"round {self.number}, heard {self.answered} of {self.expected}"
        if self.late:
            text += f"; late in round {self.number - 1}: {', '.join(self.late)}"
        if self.gone:
            text += f"; without {', '.join(self.gone)}"
        return escaped(text)


def progress_of(view: JourneyView, rounds: RoundsView) -> RoundProgress:
    """Return how far `rounds` of the journey `view` are, as central reports them."""
    stations = stations_of(view)
    gone = tuple(
        stop.station
        for stop in stations
        if stop.state in FINAL_STATES and stop.station not in rounds.heard
    )
    ended = rounds.ended or view.done
    return RoundProgress(
        number=rounds.number + ended,
        answered=len(rounds.heard),
        expected=len(stations) - len(gone),
        gone=gone,
        ended=ended,
    )
