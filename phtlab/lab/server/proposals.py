"""`proposals`: what one asked stations for, how far each is, and what was said of it."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from phtlab.errors import PhtlabError
from phtlab.governance import Proposal
from phtlab.governance.approval import APPROVAL_TYPE, Approval
from phtlab.governance.difference import Difference, Line, differences, proposal_lines
from phtlab.governance.refusal import Refusal as SignedRefusal
from phtlab.lab.display.route_map import MAX_SENTENCE, MAX_TITLE
from phtlab.lab.proposals.proposals import proposal_terms_digest
from phtlab.lab.server import api
from phtlab.lab.server.answers import words
from phtlab.lab.server.exchange import Exchange, Nothing
from phtlab.lab.server.refusals import Refusal
from phtlab.lab.workspace.workspace import Workspace
from phtlab.printable import escaped
from phtlab.train.documents.envelope import peek
from phtlab.wire.api.governance import DecisionView, ProposalSummary, ProposalView

_PREFIX: Final = "p-"


class ProposalsExchange(Exchange[Nothing]):
    """GET: the proposals, the last changed first, as last heard."""

    def read(self, **path: str) -> list[api.Proposal]:
        return proposals_answer(self.workspace)


Content = TypeVar("Content", bound=api.ApiModel)


class OfProposal(Exchange[Content], Generic[Content]):
    """A path below `proposals/{proposal}`."""

    def proposal(self, proposal: str) -> str:
        """The name, if it is one. Raises Refusal."""
        name = proposal.removeprefix(_PREFIX)
        if len(name) != 16 or not all(c in "0123456789abcdef" for c in name):
            raise Refusal(
                404,
                "no-such-proposal",
                "This is no proposal's name.",
                "Choose the proposal in the Train panel.",
            )
        return _PREFIX + name


class ProposalExchange(OfProposal[Nothing]):
    """GET: the proposal."""

    reads_in = "slow"

    def read(self, proposal: str = "", **path: str) -> api.ProposalDetail:
        return detail_answer(self.workspace.proposal(self.proposal(proposal)))


class DraftExchange(Exchange[api.NotebookPath]):
    """POST: where the draft of a notebook's proposal is; written if there is none.

    What a person has to write is empty there.
    """

    takes = api.NotebookPath

    def act(self, body: api.NotebookPath, **path: str) -> api.ProposalDraft:
        root = self.root
        draft, made = self.workspace.draft(root.notebook(body.path))
        return api.ProposalDraft(path=root.written(draft), made=made)


class DraftCheckExchange(Exchange[api.NotebookPath]):
    """POST: what the draft of a notebook's proposal asks for; sends nothing."""

    takes = api.NotebookPath

    def act(self, body: api.NotebookPath, **path: str) -> api.ProposalCheck:
        proposal, versions = self.workspace.check_draft(self.root.notebook(body.path))
        return _check(proposal, versions)


class SubmitExchange(Exchange[api.CheckedNotebook]):
    """POST: sign the draft of a notebook's proposal and send it."""

    takes = api.CheckedNotebook

    def act(self, body: api.CheckedNotebook, **path: str) -> api.ProposalDetail:
        notebook = self.root.notebook(body.path)
        return detail_answer(self.workspace.submit_draft(notebook, checked=body.checked))


class WithdrawExchange(OfProposal[api.ProposalWithdrawal]):
    """POST: withdraw a proposal, for good."""

    takes = api.ProposalWithdrawal

    def act(
        self, body: api.ProposalWithdrawal, proposal: str = "", **path: str
    ) -> api.ProposalDetail:
        return detail_answer(self.workspace.withdraw(self.proposal(proposal), body.reason))


class CommentsExchange(OfProposal[api.NewComment]):
    """POST: say something of a proposal."""

    takes = api.NewComment

    def act(self, body: api.NewComment, proposal: str = "", **path: str) -> api.ProposalDetail:
        return detail_answer(self.workspace.comment(self.proposal(proposal), body.text))


def proposals_answer(workspace: Workspace) -> list[api.Proposal]:
    """Proposals, the last changed first."""
    return [api.Proposal(**_summary(proposal)) for proposal in workspace.snapshot.proposals]


def detail_answer(view: ProposalView) -> api.ProposalDetail:
    """A proposal. Decisions are read for display; stations act on their own alone."""
    newest = view.summary.digest
    return api.ProposalDetail(
        **_summary(view.summary),
        decisions=[
            _decision(decision) for decision in view.decisions if decision.proposal == newest
        ],
        discussion=[
            api.ProposalComment(
                author=comment.author, at=comment.at, text=comment.text, question=comment.question
            )
            for comment in view.comments
        ],
    )


def _check(proposal: Proposal, versions: tuple[Proposal, ...]) -> api.ProposalCheck:
    """All that a first version says, or what differs from the one before."""
    if versions:
        parts = list(differences(versions[-1], proposal))
    else:
        parts = [
            Difference(heading, tuple(Line(" ", text) for text in lines))
            for heading, lines in proposal_lines(proposal).items()
        ]
    return api.ProposalCheck(
        id=proposal.id,
        title=words(proposal.title, MAX_TITLE),
        version=proposal.version,
        stations=list(proposal.stations),
        checked=proposal_terms_digest(proposal),
        parts=[
            api.ProposalPart(
                heading=part.heading,
                lines=[
                    # Whole: it is what the person signs.
                    api.ProposalLine(mark=line.mark, text=escaped(line.text))
                    for line in part.lines
                ],
            )
            for part in parts
        ],
    )


def _summary(proposal: ProposalSummary) -> dict[str, Any]:
    """The fields that a proposal has in a list and by itself."""
    return {
        "id": proposal.id,
        "title": words(proposal.title, MAX_TITLE),
        "researcher": proposal.researcher,
        "version": proposal.version,
        "digest": proposal.digest,
        "state": proposal.state,
        "until": proposal.until,
        "updated": proposal.updated,
        "comments": proposal.comments,
        "stations": [
            api.ProposalStation(
                station=station.station,
                state=station.state,
                allows=words(station.allows, MAX_SENTENCE),
                lacks=words(station.lacks, MAX_SENTENCE),
                question=words(station.question, MAX_SENTENCE),
            )
            for station in proposal.stations
        ],
    }


def _decision(decision: DecisionView) -> api.ProposalDecision:
    return api.ProposalDecision(
        station=decision.station,
        kind="revoked" if decision.revocation else decision.kind,
        at=decision.decided,
        sentence=words(_sentence(decision), MAX_SENTENCE),
    )


def _sentence(decision: DecisionView) -> str:
    """What the station signed, in words; nothing if it cannot be read."""
    try:
        statement = peek(decision.envelope)
        if statement.predicate_type == APPROVAL_TYPE:
            return Approval.model_validate(statement.predicate).sentence()
        return SignedRefusal.model_validate(statement.predicate).reason
    except (PhtlabError, ValueError):
        return ""
