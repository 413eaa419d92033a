"""A proposal as its researcher sees it: verified versions, what stations signed, what was said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from phtlab.errors import PhtlabError, ProposalError
from phtlab.governance import (
    Approval,
    Proposal,
    Refusal,
    Withdrawal,
    open_approval,
    open_proposal,
    open_refusal,
    require_successor,
)
from phtlab.governance.difference import Difference, differences, proposal_lines
from phtlab.lab.display.proposal_html import proposal_html
from phtlab.lab.session.session import Session
from phtlab.printable import escaped
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import (
    CommentView,
    DecisionView,
    NewComment,
    ProposalState,
    ProposalView,
    StationStateView,
    VersionView,
)
from phtlab.wire.proposal_words import count_of_approved, mark_of, state_text


class SubmittedProposal:
    """One proposal at central. What stations act upon are the signed versions: `versions()`."""

    def __init__(self, session: Session, view: ProposalView) -> None:
        self._session = session
        self._view = view

    @property
    def id(self) -> str:
        """Its name, `p-…`, the same for all versions."""
        return self._view.summary.id

    @property
    def state(self) -> ProposalState:
        """How far it is, as central says."""
        return self._view.summary.state

    @property
    def view(self) -> ProposalView:
        """What central last said, unverified: `versions()` and `decision()` check."""
        return self._view

    @property
    def stations(self) -> tuple[StationStateView, ...]:
        """The stations of the newest version, and how far each is, as central says."""
        return self._view.summary.stations

    @property
    def comments(self) -> tuple[CommentView, ...]:
        """What was said of it. Nobody has signed that."""
        return self._view.comments

    def versions(self) -> tuple[Proposal, ...]:
        """All versions, the first one first, each signed and following the one before.

        Raises ProposalError, SignatureError or NotOnRosterError if one does not hold.
        """
        return verified_versions(self._view.versions, self._session.trusted.roster, self.id)

    def newest(self) -> Proposal:
        """The newest version, verified with all before it."""
        return self.versions()[-1]

    @property
    def digest(self) -> str:
        """The digest of the newest version: its name in approvals and orders."""
        return self._view.versions[-1].envelope.digest

    def require_open(self) -> None:
        """Raises ProposalError (``proposal-withdrawn``) once it is withdrawn."""
        if self._view.withdrawal is not None:
            raise ProposalError(
                f"{self.id} is withdrawn: nothing can be sent under it.",
                "Write another proposal with 'phtlab proposal new'.",
                code="proposal-withdrawn",
            )

    def differences(self, older: int | None = None, newer: int | None = None) -> list[Difference]:
        """What changed from version `older` to version `newer`: by default, with the newest."""
        versions = self.versions()
        last = newer or len(versions)
        first = older or last - 1
        for number in (first, last):
            if not 1 <= number <= len(versions):
                raise ProposalError(
                    f"{self.id} has the versions 1 to {len(versions)}, no version {number} to "
                    "compare.",
                    code="proposal-version",
                )
        return list(differences(versions[first - 1], versions[last - 1]))

    def decision(self, decision: DecisionView) -> Approval | Refusal:
        """What a station signed. Raises ApprovalError, SignatureError or NotOnRosterError."""
        return opened_decision(decision, self._session.trusted.roster)

    def comment(self, text: str) -> SubmittedProposal:
        """Say something of it, to its stations and the officers."""
        self._view = self._session.central.governance.comment(self.id, NewComment(text=text))
        return self

    def withdraw(self, reason: str = "") -> SubmittedProposal:
        """Withdraw it, signed: its stations refuse what comes under it as soon as they hear."""
        withdrawal = Withdrawal(
            researcher=self._session.name,
            proposal_id=self.id,
            proposal=self.digest,
            reason=reason,
            issued=datetime.now(UTC).replace(microsecond=0),
        )
        signed = withdrawal.sign(self._session.identity)
        self._view = self._session.central.governance.withdraw(self.id, signed)
        return self

    def refresh(self) -> SubmittedProposal:
        """Ask central again."""
        self._view = self._session.central.governance.proposal(self.id)
        return self

    def __repr__(self) -> str:
        summary = self._view.summary
        lines = [
            f"Proposal {self.id}, version {summary.version}: {escaped(summary.title)}",
            f"  {summary.state.replace('-', ' ')}, {count_of_approved(self.stations)}, "
            f"until {summary.until:%Y-%m-%d}",
        ]
        for station in self.stations:
            words = escaped(state_text(station))
            lines.append(f"  {mark_of(station)} {station.station}  {words}")
            if station.question:
                lines.append(f"      asks: {escaped(station.question)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return proposal_html(self._view.summary)

    def text(self) -> str:
        """The newest version whole, what stations signed, and the comments: for a terminal."""
        lines = [repr(self), ""]
        for heading, printed_lines in proposal_lines(self.newest()).items():
            lines += [heading, *(f"  {escaped(line)}" for line in printed_lines)]
        for decision in self._view.decisions:
            lines += ["", *self._decision_lines(decision)]
        for comment in self.comments:
            how = "" if comment.by == "key" else ", through the hub"
            mark = " asks" if comment.question else ""
            lines += ["", f"{comment.at:%Y-%m-%d %H:%M} {comment.author}{how}{mark}:"]
            lines += [f"  {escaped(line)}" for line in comment.text.split("\n")]
        return "\n".join(lines)

    def _decision_lines(self, decision: DecisionView) -> Iterable[str]:
        number = next(
            (str(v.version) for v in self._view.versions if v.digest == decision.proposal), "?"
        )
        try:
            opened = self.decision(decision)
        except PhtlabError as error:
            yield f"! What central shows of {decision.station} does not hold: {error}"
            return
        if isinstance(opened, Refusal):
            yield f"{opened.station} refused version {number}: {escaped(opened.reason)}"
            return
        revoked_note = "  (revoked)" if decision.revocation else ""
        yield f"Version {number}: {opened.sentence()}{revoked_note}"


def verified_versions(
    views: Iterable[VersionView], roster: Roster, proposal: str
) -> tuple[Proposal, ...]:
    """The versions of `proposal` that central shows, if each follows the one before.

    Raises ProposalError, SignatureError or NotOnRosterError.
    """
    versions: list[Proposal] = []
    before: str | None = None
    for view in views:
        version = open_proposal(view.envelope, roster)
        if version.id != proposal:
            raise ProposalError(
                f"Central shows a version of {version.id} as one of {proposal}: do not rely on it, "
                "and tell an officer.",
                code="proposal-version",
            )
        require_successor(version, versions[-1] if versions else None, before)
        versions.append(version)
        before = view.envelope.digest
    if not versions:
        raise ProposalError(f"Central shows no version of {proposal}.", code="proposal-version")
    return tuple(versions)


def opened_decision(decision: DecisionView, roster: Roster) -> Approval | Refusal:
    """What a station signed. Raises ApprovalError, SignatureError or NotOnRosterError."""
    if decision.kind == "refused":
        return open_refusal(decision.envelope, roster)
    return open_approval(decision.envelope, roster)
