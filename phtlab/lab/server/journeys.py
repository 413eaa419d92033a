"""`journeys`: to look at one's own, to send a notebook on one, to cancel or resume it."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Generic, TypeVar

from phtlab.lab.server import api
from phtlab.lab.server.answers import journey_answer, journeys_answer
from phtlab.lab.server.exchange import KIB, Exchange, Nothing
from phtlab.lab.server.refusals import Refusal

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")


class JourneysExchange(Exchange[api.Dispatch]):
    """GET: the journeys, newest first. POST: dispatch, answered with the new journey."""

    takes = api.Dispatch
    limit = KIB * KIB
    fields: ClassVar = {
        "not-on-roster": "recipients",
        "order-aggregator": "aggregator",
        "proposal-changed": "proposal",
    }

    def read(self, **path: str) -> list[api.Journey]:
        return journeys_answer(self.workspace, self.root.name)

    def act(self, body: api.Dispatch, **path: str) -> api.Journey:
        root = self.root
        view = self.workspace.dispatch(
            root.notebook(body.path),
            body.stations,
            body.parameters,
            body.recipients,
            checked=body.checked,
            proposal=(body.proposal.id, body.proposal.digest) if body.proposal else None,
            aggregator=body.aggregator,
        )
        return journey_answer(self.workspace, view, root.name)


Content = TypeVar("Content", bound=api.ApiModel)


class OfJourney(Exchange[Content], Generic[Content]):
    """A path below `journeys/{journey}`."""

    def journey(self, journey: str) -> str:
        """The id, if it is one. Raises Refusal."""
        if not _ID.fullmatch(journey):
            raise Refusal(
                404,
                "no-such-journey",
                "This is no journey's id.",
                "Choose the journey in the Train panel.",
            )
        return journey


class JourneyExchange(OfJourney[Nothing]):
    """GET: the journey."""

    reads_in = "slow"

    def read(self, journey: str = "", **path: str) -> api.Journey:
        view = self.workspace.journey(self.journey(journey))
        return journey_answer(self.workspace, view, self.root.name)


class CancelExchange(OfJourney[Nothing]):
    """POST: ask the stations to stop; answered with the journey."""

    def act(self, body: Nothing, journey: str = "", **path: str) -> api.Journey:
        view = self.workspace.cancel(self.journey(journey))
        return journey_answer(self.workspace, view, self.root.name)


class FinishExchange(OfJourney[Nothing]):
    """POST: end the rounds of a journey early; answered with the journey."""

    def act(self, body: Nothing, journey: str = "", **path: str) -> api.Journey:
        view = self.workspace.finish(self.journey(journey))
        return journey_answer(self.workspace, view, self.root.name)


class ResumeExchange(OfJourney[Nothing]):
    """POST: continue a sequential journey that ended early; answered with the new journey."""

    def act(self, body: Nothing, journey: str = "", **path: str) -> api.Journey:
        view = self.workspace.resume(self.journey(journey))
        return journey_answer(self.workspace, view, self.root.name)
