"""What a dispatch leaves behind: the order that was signed, as central took it."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.lab.proposals.station_answers import StationAnswer
from phtlab.lab.session.session import Session
from phtlab.wire.api.journeys import JourneyView


@dataclass(frozen=True)
class SentOrder:
    """`digest` is the signed order's, by which the journey is known here, whatever `view` says."""

    session: Session
    view: JourneyView
    digest: str
    answers: tuple[StationAnswer, ...] = ()
