"""Result of a dispatch: the signed order and central's view of its journey."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.lab.proposals.station_answers import StationAnswer
from phtlab.lab.session.session import Session
from phtlab.wire.api.journeys import JourneyView


@dataclass(frozen=True)
class SentOrder:
    """A signed order at central; its `digest` identifies the journey, whatever `view` reports."""

    session: Session
    view: JourneyView
    digest: str
    answers: tuple[StationAnswer, ...] = ()
