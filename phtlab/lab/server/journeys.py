"""`journeys`: to look at one's own, to send a notebook on one, to cancel it."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import Field, StringConstraints

from phtlab.governance.proposal import ProposalId
from phtlab.lab.server.answers import Shape, journey_shape, journeys_shape
from phtlab.lab.server.exchange import KIB, Body, Exchange, Nothing
from phtlab.lab.server.refusals import Refusal
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
Stations = Annotated[list[MemberName], Field(min_length=1, max_length=256)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Under(Body):
    """A proposal, in the version that the person saw: no other is signed for."""

    id: ProposalId
    digest: Digest


class Wanted(Body):
    """`IDispatch`: the notebook's path as Lab has it; "twin" is a dry run.

    `checked` is the digest of the check that the person saw: nothing else is signed.
    """

    path: Path
    checked: Digest
    stations: (
        Literal["all", "twin"] | Annotated[list[MemberName], Field(min_length=1, max_length=256)]
    )
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=1000)
    recipients: list[MemberName] = Field(default_factory=list, max_length=63)
    proposal: Under | None = None


class JourneysExchange(Exchange[Wanted]):
    """GET: `IJourney[]`, the newest first. POST: dispatch, answered with the new `IJourney`."""

    takes = Wanted
    limit = KIB * KIB
    fields: ClassVar = {"not-on-roster": "recipients", "proposal-changed": "proposal"}

    def read(self, **path: str) -> list[Shape]:
        return journeys_shape(self.workspace, self.root.name)

    def act(self, body: Wanted, **path: str) -> Shape:
        root = self.root
        view = self.workspace.dispatch(
            root.notebook(body.path),
            body.stations,
            body.parameters,
            body.recipients,
            checked=body.checked,
            proposal=(body.proposal.id, body.proposal.digest) if body.proposal else None,
        )
        return journey_shape(self.workspace, view, root.name)


Content = TypeVar("Content", bound=Body)


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
    """GET: `IJourney`."""

    reads_in = "slow"

    def read(self, journey: str = "", **path: str) -> Shape:
        view = self.workspace.journey(self.journey(journey))
        return journey_shape(self.workspace, view, self.root.name)


class CancelExchange(OfJourney[Nothing]):
    """POST: ask the stations to stop; answered with the `IJourney`."""

    def act(self, body: Nothing, journey: str = "", **path: str) -> Shape:
        view = self.workspace.cancel(self.journey(journey))
        return journey_shape(self.workspace, view, self.root.name)
