"""What a dispatch leaves behind: the order that was signed, as central took it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    from phtlab.lab.client.lab import Lab
    from phtlab.lab.proposals.station_answers import StationSays


@dataclass(frozen=True)
class SentOrder:
    """`digest` is the signed order's, by which the journey is known here, whatever `view` says."""

    lab: Lab
    view: JourneyView
    digest: str
    said: tuple[StationSays, ...] = ()
