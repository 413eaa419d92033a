"""View of proposals: the newest version, what changed, and the comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from phtlab.governance.difference import Difference, differences
from phtlab.governance.proposal import Proposal
from phtlab.governance.resources import resources_lines
from phtlab.notebook.parameters import describe
from phtlab.station.approvals import decisions
from phtlab.station.approvals.journey_counts import journeys_under
from phtlab.station.approvals.proposals import StationProposal, StationProposals, Version
from phtlab.station.context.station_context import StationContext
from phtlab.wire.api.governance import CommentView

STATES: Final = {
    "waits": "waits for this station",
    "approved": "approved here",
    "refused": "refused here",
    "withdrawn": "withdrawn",
    "expired": "over",
    "elsewhere": "not of this station",
}


@dataclass(frozen=True)
class UnsentEntry:
    """A comment by a person at this station that central does not show yet."""

    by: str
    text: str
    at: datetime


@dataclass(frozen=True)
class ProposalPage:
    station_proposal: StationProposal
    newest: Version
    versions: int
    state: str
    changes: tuple[Difference, ...]
    bounds: Mapping[str, str]
    comments: tuple[CommentView, ...]
    unsent: tuple[UnsentEntry, ...]
    journeys: int

    @property
    def proposal(self) -> Proposal:
        return self.newest.proposal

    @property
    def rounds(self) -> tuple[str, ...]:
        return self.proposal.rounds.lines() if self.proposal.rounds else ()

    @property
    def resources(self) -> tuple[str, ...]:
        return resources_lines(self.proposal.resources)

    @property
    def words(self) -> str:
        return STATES[self.state]


def proposal_pages(station: StationContext) -> list[ProposalPage]:
    """List all proposals that name this station or did, newest first."""
    pages = [_page(station, proposal) for proposal in StationProposals(station.folder.proposals)]
    return sorted(pages, key=lambda page: page.proposal.issued, reverse=True)


def unreadable_proposals(station: StationContext) -> dict[str, str]:
    """Return why proposals are not shown, by their names: the version of their format."""
    unreadable = StationProposals(station.folder.proposals).unreadable()
    return {name: f"{error.message} {error.hint}" for name, error in unreadable.items()}


def proposal_page(station: StationContext, proposal_id: str) -> ProposalPage:
    """View of one proposal. Raises as `StationProposals.find`."""
    return _page(station, StationProposals(station.folder.proposals).find(proposal_id))


def _page(station: StationContext, proposal: StationProposal) -> ProposalPage:
    versions = proposal.versions
    newest = versions[-1]
    properties = newest.proposal.parameters["properties"]
    unsent = [
        UnsentEntry(w["by"], w["text"], datetime.fromisoformat(w["at"]))
        for _, w in proposal.unsent_comments()
    ]
    return ProposalPage(
        station_proposal=proposal,
        newest=newest,
        versions=len(versions),
        state=decisions.proposal_state(proposal, station),
        changes=differences(versions[-2].proposal, newest.proposal) if len(versions) > 1 else (),
        bounds={name: describe(declared) for name, declared in properties.items()},
        comments=proposal.comments,
        unsent=tuple(unsent),
        journeys=journeys_under(proposal, station.stops.path, but=""),
    )
