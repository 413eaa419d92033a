"""Signs the decisions of the station's people: approvals, revocations and refusals.

Every step may be interrupted anywhere and can then simply be repeated.
"""

from __future__ import annotations

from typing import Any

import structlog

from phtlab.errors import ApprovalError, PhtlabError, SignatureError, StationError
from phtlab.governance.approval import Revocation
from phtlab.governance.proposal import open_proposal
from phtlab.governance.refusal import Refusal
from phtlab.station.approvals.consent import persons
from phtlab.station.approvals.coverage import (
    assessed,
    find_coverage,
    proposal_end_code,
)
from phtlab.station.approvals.drafts import ApprovalDraft, DraftFolder, DraftStore
from phtlab.station.approvals.proposals import StationProposal, StationProposals
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.subject import coverage_request, study_of
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.retry_delays import Backoff
from phtlab.station.stops.file_contents import HoldDecision
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import Envelope

_log = structlog.get_logger("phtlab.station")


class ApprovalSigner:
    """Signs decisions for one station. All state that matters is in the station's folder."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._approvals = Approvals(station.folder)
        self._backoff = Backoff()
        self._checked = False

    def sign(self) -> bool:
        """Sign new decisions. Return whether anything was signed; a draft that fails stays."""
        # Revocations and refusals first: an error while signing an approval must not delay them.
        changed = self._revoke() | self._refuse()
        done = []
        for drafted in DraftStore(self._station.folder.drafts):
            try:
                if self._complete(drafted):
                    done.append(drafted)
            except PhtlabError as error:
                _log.warning("draft waits", draft=drafted.path.name[:12], why=str(error))
        if done or not self._checked:
            # Also once after a start: the previous process may have been killed before this step.
            self._checked = self.recheck()
        for drafted in done:
            drafted.remove()
        return changed or bool(done)

    def recheck(self) -> bool:
        """Decide held stops that an approval now allows, or whose proposal has ended.

        Returns whether all stops could be checked. A broken stop does not block the others; a stop
        whose check fails, for example because of an invalid policy, is retried with growing delays.
        """
        now, whole = self._station.now().timestamp(), True
        for stop in self._station.stops.unfinished():
            if not self._backoff.ready(stop.hex, now):
                whole = False
                continue
            try:
                if stop.undecided:
                    self._recheck(stop)
            except PhtlabError as error:
                whole = False
                self._backoff.failed(stop.hex, now)
                _log.warning("stop not examined", journey=stop.hex[:12], why=str(error))
            else:
                self._backoff.succeeded(stop.hex)
        return whole

    def _recheck(self, stop: Stop) -> None:
        offer = stop.verified_offer()
        risk = assessed(offer, self._station).risk
        study = study_of(offer.order.proposal, self._station)
        question = coverage_request(stop, offer, self._station, risk, study)
        covered = find_coverage(self._station, question)
        code = proposal_end_code(self._station, offer.order)
        try:
            if covered.approval is not None:
                by = covered.approval.approvers
                approved = HoldDecision(verdict="approve", by=by, approval=covered.digest)
                stop.decide(approved)
            elif code:
                stop.decide(HoldDecision(verdict="over", code=code))
        except StationError:
            # refused, cancelled or expired meanwhile
            _log.info("waits no more", journey=stop.hex[:12])

    def _complete(self, drafted: DraftFolder) -> bool:
        envelope = drafted.signed
        if envelope is None and self._over(drafted.draft):
            drafted.remove()
            return False
        envelope = envelope or self._signed(drafted)
        if envelope is None:
            return False
        self._approvals.keep(envelope)
        return True

    def _over(self, draft: ApprovalDraft) -> bool:
        """Whether the draft is obsolete.

        Its terms expired, its proposal's version was refused or is of another version of the
        format, or its journey was decided.
        """
        if self._station.now() >= draft.expires:
            return True
        try:
            study = study_of(draft.proposal, self._station)
        except SignatureError:
            return True  # its proposal is of another version of the format: nothing can start
        if study is not None and study.folder.refused(study.version.digest):
            return True
        return draft.journey is not None and not self._station.stops.stop(draft.journey).undecided

    def _signed(self, drafted: DraftFolder) -> Envelope | None:
        """Return the approval, signed exactly once, or None until enough persons approved."""
        station, draft, voters = self._station, drafted.draft, drafted.approvers
        if len(voters) < persons(station, draft):
            return None
        now = station.now().replace(microsecond=0)
        self._require_sound(draft)
        version = station.roster_cache.now().roster.version
        envelope = draft.approval(voters, version, now).sign(station.identity)
        # Log first: a kill in between leaves an extra log entry, never an approval without one.
        station.audit.append(
            actor=station.name,
            action="approval-signed",
            subject=draft.journey or draft.proposal_id or "",
            digest=envelope.digest,
            details={"by": ", ".join(voters)[:200], "scope": draft.scope, "risk": draft.risk},
        )
        drafted.sign_as(envelope)
        _log.info("approval signed", approval=envelope.digest[7:19], by=voters)
        return envelope

    def _require_sound(self, draft: ApprovalDraft) -> None:
        """Check the draft again before it is signed, since files in the folder may have changed.

        Raises ApprovalError if the draft is of another station, if its proposal is not stored, or
        if the proposal's signed identity or researcher differs.
        """
        station = self._station
        if draft.station != station.name:
            raise ApprovalError(f"It is a draft of {draft.station}.", code="approval-station")
        if draft.proposal is None:
            return
        study = study_of(draft.proposal, station)
        if study is None:
            raise ApprovalError(
                "This station does not have the approval's proposal.", code="proposal-missing"
            )
        proposal = open_proposal(study.version.envelope, station.roster_cache.now().roster)
        if (proposal.id, proposal.researcher) != (draft.proposal_id, draft.researcher):
            raise ApprovalError(
                "The approval and its proposal differ in name or researcher.",
                code="approval-proposal",
            )

    def _revoke(self) -> bool:
        signed = False
        for approval, entry in self._approvals.requested_revocations():
            station = self._station
            if self._approvals.revocation(approval, station.name) is None:
                revocation = Revocation(
                    station=station.name,
                    approval=approval,
                    # An unreadable request revokes too, although its author is unknown.
                    by=entry.get("by", "unknown"),
                    reason=entry.get("reason", "")[:200],
                    **self._dated(),
                )
                self._approvals.keep_revocation(approval, revocation.sign(station.identity))
                signed = True
        return signed

    def _refuse(self) -> bool:
        signed = False
        for proposal, version, refusal in StationProposals(
            self._station.folder.proposals
        ).refusals():
            if proposal.refusal(version) is None:
                self._sign_refusal(proposal, version, refusal)
                self._checked = False
                signed = True
        return signed

    def _sign_refusal(
        self, proposal: StationProposal, version: str, decision: dict[str, Any]
    ) -> None:
        refusal = Refusal(
            station=self._station.name,
            proposal_id=proposal.id,
            proposal=version,
            by=decision["by"],
            reason=decision["reason"],
            **self._dated(),
        )
        proposal.keep_refusal(version, refusal.sign(self._station.identity))

    def _dated(self) -> dict[str, Any]:
        station = self._station
        return {
            "roster_version": station.roster_cache.now().roster.version,
            "issued": station.now().replace(microsecond=0),
        }
