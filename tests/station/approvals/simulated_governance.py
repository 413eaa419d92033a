"""Central's part in proposals and approvals, in memory; it believes whatever it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from phtlab.errors import ApprovalError
from phtlab.governance import ActiveApprovals, Approval, Proposal, Revocation
from phtlab.governance.refusal import REFUSAL_TYPE
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.wire.api.governance import (
    AcceptanceView,
    ActiveApprovalsView,
    ApprovalView,
    CommentView,
    DecisionView,
    NewComment,
    ProposalPage,
    ProposalSummary,
    ProposalView,
    StationStateView,
    VersionView,
)

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass
class FakeGovernance:
    """`GovernanceClient`'s methods. `answer` is called first: it raises if central is away."""

    station: str
    answer: Callable[[], None]
    versions: dict[str, list[Envelope]] = field(default_factory=dict)
    withdrawals: dict[str, Envelope] = field(default_factory=dict)
    talk: dict[str, list[CommentView]] = field(default_factory=dict)
    decisions: dict[str, list[Envelope]] = field(default_factory=dict)
    approved: dict[str, Envelope] = field(default_factory=dict)
    revoked: dict[str, Envelope] = field(default_factory=dict)
    standings: list[Envelope] = field(default_factory=list)
    accepted: list[Envelope] = field(default_factory=list)
    in_review: list[str] = field(default_factory=list)
    changed: int = 0
    asked: list[str] = field(default_factory=list)
    refuses: Exception | None = None

    def submit(self, version: Envelope) -> None:
        """As the researcher does."""
        proposal = Proposal.model_validate(peek(version).predicate)
        self.versions.setdefault(proposal.id, []).append(version)
        self.changed += 1

    def _called(self, what: str) -> None:
        self.answer()
        self.asked.append(what)
        if self.refuses is not None and what != "proposals":
            raise self.refuses

    def proposals(
        self, *, limit: int = 50, before: int | None = None, after: int = 0
    ) -> ProposalPage:
        self._called("proposals")
        if self.changed <= after:
            return ProposalPage()
        return ProposalPage(proposals=tuple(self._view(one).summary for one in self.versions))

    def proposal(self, proposal: str) -> ProposalView:
        self._called("proposal")
        return self._view(proposal)

    def _view(self, proposal: str) -> ProposalView:
        versions = self.versions[proposal]
        newest = Proposal.model_validate(peek(versions[-1]).predicate)
        stations = [
            StationStateView(
                station=name,
                state="in-review" if versions[-1].digest in self.in_review else "submitted",
                updated=NOW,
            )
            for name in newest.stations
        ]
        return ProposalView(
            summary=ProposalSummary(
                id=proposal,
                changed=self.changed,
                researcher=newest.researcher,
                title=newest.title,
                version=newest.version,
                digest=versions[-1].digest,
                state="submitted",
                submitted=NOW,
                updated=NOW,
                until=newest.until,
                stations=tuple(stations),
            ),
            versions=tuple(
                VersionView(digest=v.digest, version=n, submitted=NOW, envelope=v)
                for n, v in enumerate(versions, 1)
            ),
            decisions=tuple(self._decision(one) for one in self.decisions.get(proposal, ())),
            comments=tuple(self.talk.get(proposal, ())),
            withdrawal=self.withdrawals.get(proposal),
        )

    def _decision(self, envelope: Envelope) -> DecisionView:
        said = peek(envelope)
        return DecisionView(
            digest=envelope.digest,
            station=self.station,
            proposal=said.predicate["proposal"],
            kind="refused" if said.predicate_type == REFUSAL_TYPE else "approved",
            decided=NOW,
            envelope=envelope,
        )

    def comment(self, proposal: str, comment: NewComment) -> ProposalView:
        self._called("comment")
        talk = self.talk.setdefault(proposal, [])
        talk.append(
            CommentView(
                number=len(talk) + 1,
                author=self.station,
                by="key",
                at=NOW,
                text=comment.text,
                question=comment.question,
                proposal=self.versions[proposal][-1].digest,
            )
        )
        return self._view(proposal)

    def begin_review(self, proposal: str, station: str, version: str) -> ProposalView:
        self._called("review")
        self.in_review.append(version)
        return self._view(proposal)

    def decide(self, proposal: str, station: str, decision: Envelope) -> ProposalView:
        self._called("decide")
        self.decisions.setdefault(proposal, []).append(decision)
        if peek(decision).predicate_type != REFUSAL_TYPE:
            self.approved[decision.digest] = decision
        return self._view(proposal)

    def put_approval(self, approval: Envelope) -> ApprovalView:
        self._called("approval")
        self.approved[approval.digest] = approval
        return self._approval(approval)

    def put_revocation(self, revocation: Envelope) -> ApprovalView:
        self._called("revocation")
        named = Revocation.model_validate(peek(revocation).predicate).approval
        self.revoked[named] = revocation
        return self._approval(self.approved[named])

    def approvals(
        self, *, station: str | None = None, proposal: str | None = None
    ) -> tuple[ApprovalView, ...]:
        self._called("approvals")
        return tuple(map(self._approval, self.approved.values()))

    def _approval(self, envelope: Envelope) -> ApprovalView:
        approval = Approval.model_validate(peek(envelope).predicate)
        return ApprovalView(
            digest=envelope.digest,
            station=approval.station,
            researcher=approval.researcher,
            submitted=NOW,
            envelope=envelope,
            revocation=self.revoked.get(envelope.digest),
        )

    def acceptances(self) -> tuple[AcceptanceView, ...]:
        self._called("acceptances")
        return tuple(
            AcceptanceView(
                member=peek(one).predicate["member"],
                agreement=peek(one).predicate["agreement"],
                submitted=NOW,
                envelope=one,
            )
            for one in self.accepted
        )

    def put_active_approvals(self, station: str, standing: Envelope) -> ActiveApprovalsView:
        self._called("standing")
        if self.standings and _number(standing) <= _number(self.standings[-1]):
            raise ApprovalError("There is a newer one.", code="standing-rolled-back")
        self.standings.append(standing)
        return self.active_approvals(station)

    def active_approvals(self, station: str) -> ActiveApprovalsView:
        newest = self.standings[-1]
        return ActiveApprovalsView(
            station=station, number=_number(newest), received=NOW, envelope=newest
        )


def _number(standing: Envelope) -> int:
    return ActiveApprovals.model_validate(peek(standing).predicate).number
