"""A proposal on the researcher's side: verified versions, stations' decisions, comments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from phtlab.errors import PhtlabError, ProposalError, SignatureError
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
from phtlab.train.documents.envelope import Envelope
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
    """A proposal at central. Stations act on its signed versions only: `versions()`."""

    def __init__(self, session: Session, view: ProposalView) -> None:
        self._session = session
        self._view = view

    @property
    def id(self) -> str:
        """The proposal's name, `p-…`, the same for all versions."""
        return self._view.summary.id

    @property
    def state(self) -> ProposalState:
        """The proposal's state, as reported by central."""
        return self._view.summary.state

    @property
    def view(self) -> ProposalView:
        """Central's last report, unverified: `versions()` and `decision()` verify."""
        return self._view

    @property
    def stations(self) -> tuple[StationStateView, ...]:
        """The stations of the newest version and the state of each, as reported by central."""
        return self._view.summary.stations

    @property
    def comments(self) -> tuple[CommentView, ...]:
        """The comments, which are not signed."""
        return self._view.comments

    def versions(self) -> tuple[Proposal, ...]:
        """Return all versions, oldest first, each signed and following the one before.

        Raises ProposalError, SignatureError or NotOnRosterError if a version fails verification.
        """
        return verified_versions(self._view.versions, self._session.trusted.roster, self.id)

    def newest(self) -> Proposal:
        """Return the newest version, verified with all versions before it."""
        return self.versions()[-1]

    @property
    def digest(self) -> str:
        """The digest of the newest version, which approvals and orders name."""
        return self._view.versions[-1].envelope.digest

    def require_open(self) -> None:
        """Raise ProposalError (``proposal-withdrawn``) if the proposal is withdrawn."""
        if self._view.withdrawal is not None:
            raise ProposalError(
                f"{self.id} is withdrawn: nothing can be sent under it.",
                "Write another proposal with 'phtlab proposal new'.",
                code="proposal-withdrawn",
            )

    def differences(self, older: int | None = None, newer: int | None = None) -> list[Difference]:
        """Return the changes from version `older` to `newer`; by default, of the newest version."""
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
        """Verify and open a station's decision.

        Raises ApprovalError, SignatureError or NotOnRosterError.
        """
        return opened_decision(decision, self._session.trusted.roster)

    def comment(self, text: str) -> SubmittedProposal:
        """Comment on the proposal, for its stations and the officers."""
        self._view = self._session.central.governance.comment(self.id, NewComment(text=text))
        return self

    def withdraw(self, reason: str = "") -> SubmittedProposal:
        """Withdraw the proposal, signed: stations that receive this refuse its journeys."""
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
        """Get the proposal from central again."""
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
        """Return the newest version, the stations' decisions and the comments, for a terminal."""
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
    """Verify central's versions of `proposal`: each must be signed and follow the one before.

    Raises ProposalError (``document-version`` if one is of another version of the format),
    SignatureError or NotOnRosterError.
    """
    versions: list[Proposal] = []
    before: str | None = None
    for view in views:
        version = _opened(view.envelope, roster, proposal)
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


def _opened(envelope: Envelope, roster: Roster, proposal: str) -> Proposal:
    try:
        return open_proposal(envelope, roster)
    except SignatureError as error:
        if error.code != "document-version":
            raise
        raise ProposalError(
            f"{proposal} cannot be used or continued. {error.message}",
            "Write it anew with 'phtlab proposal new', so that stations decide on it again; or "
            "update phtlab, if the proposal's version is the newer one.",
            code="document-version",
        ) from None


def opened_decision(decision: DecisionView, roster: Roster) -> Approval | Refusal:
    """Verify and open a station's decision.

    Raises ApprovalError, SignatureError or NotOnRosterError.
    """
    if decision.kind == "refused":
        return open_refusal(decision.envelope, roster)
    return open_approval(decision.envelope, roster)
