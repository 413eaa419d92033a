"""`proposals`: what one asked stations for, how far each is, and what was said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from phtlab.errors import PhtlabError
from phtlab.governance import Proposal
from phtlab.governance.approval import APPROVAL_TYPE, Approval
from phtlab.governance.difference import Difference, Line, differences, proposal_lines
from phtlab.governance.refusal import Refusal as SignedRefusal
from phtlab.governance.refusal import WithdrawalReason
from phtlab.lab.display.route_map import MAX_SENTENCE, MAX_TITLE
from phtlab.lab.proposals.proposals import digest_of_what_is_asked
from phtlab.lab.server.answers import Shape, words
from phtlab.lab.server.exchange import Body, Exchange, Nothing
from phtlab.lab.server.journeys import Path
from phtlab.lab.server.refusals import Refusal
from phtlab.lab.workspace.workspace import Workspace
from phtlab.printable import escaped
from phtlab.train.canonical import Digest
from phtlab.train.documents.envelope import peek
from phtlab.wire.api.governance import CommentText, DecisionView, ProposalSummary, ProposalView

_PREFIX: Final = "p-"


class ProposalsExchange(Exchange[Nothing]):
    """GET: `IProposal[]`, the last changed first, as last heard."""

    def read(self, **path: str) -> list[Shape]:
        return proposals_shape(self.workspace)


Content = TypeVar("Content", bound=Body)


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
    """GET: `IProposalDetail`."""

    reads_in = "slow"

    def read(self, proposal: str = "", **path: str) -> Shape:
        return detail_shape(self.workspace.proposal(self.proposal(proposal)))


class OfNotebook(Body):
    """The notebook's path as Lab has it; its proposal's draft lies beside it."""

    path: Path


class DraftExchange(Exchange[OfNotebook]):
    """POST: `{path, made}`, where the draft of a notebook's proposal is; written if there is none.

    What a person has to write is empty there.
    """

    takes = OfNotebook

    def act(self, body: OfNotebook, **path: str) -> Shape:
        root = self.root
        draft, made = self.workspace.draft(root.notebook(body.path))
        return {"path": root.name(draft), "made": made}


class DraftCheckExchange(Exchange[OfNotebook]):
    """POST: `IProposalCheck`, what the draft of a notebook's proposal asks for; sends nothing."""

    takes = OfNotebook

    def act(self, body: OfNotebook, **path: str) -> Shape:
        proposal, versions = self.workspace.check_draft(self.root.notebook(body.path))
        return _check(proposal, versions)


class Shown(OfNotebook):
    """`checked` is the digest of what the person was shown: nothing else is signed."""

    checked: Digest


class SubmitExchange(Exchange[Shown]):
    """POST: sign the draft of a notebook's proposal and send it; its `IProposalDetail`."""

    takes = Shown

    def act(self, body: Shown, **path: str) -> Shape:
        notebook = self.root.notebook(body.path)
        return detail_shape(self.workspace.submit_draft(notebook, checked=body.checked))


class Reason(Body):
    reason: WithdrawalReason = ""


class WithdrawExchange(OfProposal[Reason]):
    """POST: withdraw a proposal, for good; answered with its `IProposalDetail`."""

    takes = Reason

    def act(self, body: Reason, proposal: str = "", **path: str) -> Shape:
        return detail_shape(self.workspace.withdraw(self.proposal(proposal), body.reason))


class Said(Body):
    text: CommentText


class CommentsExchange(OfProposal[Said]):
    """POST: say something of a proposal; answered with its `IProposalDetail`."""

    takes = Said

    def act(self, body: Said, proposal: str = "", **path: str) -> Shape:
        return detail_shape(self.workspace.comment(self.proposal(proposal), body.text))


def proposals_shape(workspace: Workspace) -> list[Shape]:
    """`IProposal[]`."""
    return [_summary(proposal) for proposal in workspace.news.proposals]


def detail_shape(view: ProposalView) -> Shape:
    """`IProposalDetail`. Decisions are read for display; stations act on their own alone."""
    newest = view.summary.digest
    return {
        **_summary(view.summary),
        "decisions": [_decision(one) for one in view.decisions if one.proposal == newest],
        "said": [
            {
                "author": comment.author,
                "at": _time(comment.at),
                "text": comment.text,
                "question": comment.question,
            }
            for comment in view.comments
        ],
    }


def _check(proposal: Proposal, versions: tuple[Proposal, ...]) -> Shape:
    """`IProposalCheck`: all that a first version says, or what differs from the one before."""
    if versions:
        parts = list(differences(versions[-1], proposal))
    else:
        parts = [
            Difference(heading, tuple(Line(" ", text) for text in lines))
            for heading, lines in proposal_lines(proposal).items()
        ]
    return {
        "id": proposal.id,
        "title": words(proposal.title, MAX_TITLE),
        "version": proposal.version,
        "stations": list(proposal.stations),
        "checked": digest_of_what_is_asked(proposal),
        "parts": [
            {
                "heading": part.heading,
                "lines": [
                    # Whole: it is what the person signs.
                    {"mark": line.mark, "text": escaped(line.text)}
                    for line in part.lines
                ],
            }
            for part in parts
        ],
    }


def _summary(proposal: ProposalSummary) -> Shape:
    return {
        "id": proposal.id,
        "title": words(proposal.title, MAX_TITLE),
        "researcher": proposal.researcher,
        "version": proposal.version,
        "digest": proposal.digest,
        "state": proposal.state,
        "until": _time(proposal.until),
        "updated": _time(proposal.updated),
        "comments": proposal.comments,
        "stations": [
            {
                "station": station.station,
                "state": station.state,
                "allows": words(station.allows, MAX_SENTENCE),
                "lacks": words(station.lacks, MAX_SENTENCE),
                "question": words(station.question, MAX_SENTENCE),
            }
            for station in proposal.stations
        ],
    }


def _decision(decision: DecisionView) -> Shape:
    return {
        "station": decision.station,
        "kind": "revoked" if decision.revocation else decision.kind,
        "at": _time(decision.decided),
        "sentence": words(_sentence(decision), MAX_SENTENCE),
    }


def _sentence(decision: DecisionView) -> str:
    """What the station signed, in words; nothing if it cannot be read."""
    try:
        statement = peek(decision.envelope)
        if statement.predicate_type == APPROVAL_TYPE:
            return Approval.model_validate(statement.predicate).sentence()
        return SignedRefusal.model_validate(statement.predicate).reason
    except (PhtlabError, ValueError):
        return ""


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
