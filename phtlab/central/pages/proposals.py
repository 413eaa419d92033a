"""Values for the templates of the proposal pages, for one hub user."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from phtlab.central.api.access import Requester
from phtlab.central.context import CentralContext
from phtlab.central.governance.proposal_views import proposal_view
from phtlab.central.governance.proposals import visible_proposal, visible_proposals
from phtlab.central.hub.users import DISPATCH, GOVERN, READ
from phtlab.central.pages.page import since
from phtlab.errors import PhtlabError
from phtlab.governance import Proposal, open_approval, open_proposal, open_refusal
from phtlab.governance.difference import Difference, differences, proposal_lines
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import DecisionView, ProposalSummary, ProposalView, VersionView
from phtlab.wire.proposal_words import mark_of, state_text

_LISTED: Final = 50


@dataclass(frozen=True)
class ProposalList:
    """A page of the list. `next` is where the next page begins."""

    consortium: str
    user: str
    member: bool
    hub_url: str
    now: datetime
    proposals: tuple[ProposalSummary, ...]
    next: int | None
    sends: bool
    mark = staticmethod(mark_of)
    words = staticmethod(state_text)

    def since(self, moment: datetime) -> str:
        return since(moment, self.now)


@dataclass(frozen=True)
class StationDecision:
    """A decision on `version`, as text; `holds` is False if its envelope fails verification."""

    station: str
    version: int
    kind: str
    decided: datetime
    words: str
    holds: bool
    revoked: bool


@dataclass(frozen=True)
class ProposalPage:
    """One proposal: the shown version, and its differences from the version before."""

    consortium: str
    user: str
    hub_url: str
    now: datetime
    view: ProposalView
    version: int
    lines: dict[str, tuple[str, ...]]
    older: int
    differences: tuple[Difference, ...]
    answers: tuple[StationDecision, ...]
    own: bool
    may_comment: bool
    token: str
    mark = staticmethod(mark_of)
    words = staticmethod(state_text)

    @property
    def newest(self) -> int:
        return self.view.summary.version

    def since(self, moment: datetime) -> str:
        return since(moment, self.now)

    def number(self, digest: str) -> int:
        """Return the number of the version with `digest`, or 0."""
        return next((v.version for v in self.view.versions if v.digest == digest), 0)


def proposal_list(services: CentralContext, sender: Requester, before: int | None) -> ProposalList:
    """Build the list of proposals that `sender` may see, last changed first."""
    sender.require(READ)
    found: tuple[ProposalSummary, ...] = ()
    following = None
    if sender.member is not None:
        with services.database.read() as session:
            page = visible_proposals(
                session,
                sender.member,
                services.publication.current().roster,
                services.clock(),
                limit=_LISTED,
                before=before,
            )
        found, following = page.proposals, page.next
    return ProposalList(
        consortium=services.settings.name,
        user=sender.name,
        member=sender.member is not None,
        hub_url=services.settings.hub_url,
        now=services.clock(),
        proposals=found,
        next=following,
        sends=sender.may(DISPATCH),
    )


def proposal_page(
    services: CentralContext,
    sender: Requester,
    proposal: str,
    version: int | None,
    session_token: str,
) -> ProposalPage:
    """Build the page of `version` (None: the newest), with all decisions and comments.

    Raises CentralError (``not-found``, ``hub-scope``), NotOnRosterError, and ProposalError if a
    stored version fails verification.
    """
    sender.require(READ)
    member = sender.as_member()
    roster = services.publication.current().roster
    with services.database.read() as session:
        row = visible_proposal(session, member, proposal)
        view = proposal_view(row, roster, services.clock())
    chosen = next((v for v in view.versions if v.version == version), view.versions[-1])
    opened_proposal = _opened(chosen, roster)
    older = next((v for v in view.versions if v.version == chosen.version - 1), None)
    return ProposalPage(
        consortium=services.settings.name,
        user=sender.name,
        hub_url=services.settings.hub_url,
        now=services.clock(),
        view=view,
        version=chosen.version,
        lines=proposal_lines(opened_proposal),
        older=older.version if older else 0,
        differences=differences(_opened(older, roster), opened_proposal) if older else (),
        answers=tuple(_station_answer(decision, view, roster) for decision in view.decisions),
        own=view.summary.researcher == sender.name,
        may_comment=sender.may(DISPATCH) or sender.may(GOVERN),
        token=form_token(session_token, proposal),
    )


def form_token(session_token: str, proposal: str) -> str:
    """Return the token of this session's form for `proposal`, which no other page knows."""
    return hmac.new(session_token.encode(), proposal.encode(), hashlib.sha256).hexdigest()


def _opened(version: VersionView, roster: Roster) -> Proposal:
    return open_proposal(version.envelope, roster)


def _station_answer(decision: DecisionView, view: ProposalView, roster: Roster) -> StationDecision:
    number = next((v.version for v in view.versions if v.digest == decision.proposal), 0)
    try:
        if decision.kind == "refused":
            refusal = open_refusal(decision.envelope, roster)
            words = refusal.reason or "Without a reason."
        else:
            words = open_approval(decision.envelope, roster).sentence()
        holds = True
    except PhtlabError as error:
        words, holds = str(error), False
    return StationDecision(
        station=decision.station,
        version=number,
        kind=decision.kind,
        decided=decision.decided,
        words=words,
        holds=holds,
        revoked=decision.revocation is not None,
    )
