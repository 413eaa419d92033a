"""What people decided here, signed by the daemon: drafts become approvals, words revocations.

Every step may be interrupted anywhere and is then simply done again.
"""

from __future__ import annotations

import structlog

from phtlab.errors import ApprovalError, PhtlabError, StationError
from phtlab.governance.approval import Revocation
from phtlab.station.approvals import decide
from phtlab.station.approvals_draft import Drafted, Drafts
from phtlab.station.approvals_kept import Approvals
from phtlab.station.station import Station
from phtlab.train.envelope import Envelope

_log = structlog.get_logger("phtlab.station")


class Office:
    """Signs for one station. Nothing that matters is remembered in it."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._approvals = Approvals(station.folder)

    def sign(self) -> bool:
        """Sign what enough people said. Returns whether anything was; never raises for one."""
        signed = False
        for drafted in Drafts(self._station.folder.drafts):
            try:
                signed |= self._complete(drafted)
            except PhtlabError as error:
                _log.warning("draft waits", draft=drafted.path.name[:12], why=error.message)
        for approval, word in self._approvals.words():
            if self._approvals.revocation(approval) is None:
                self._revoke(approval, word["by"], word["reason"])
                signed = True
        return signed

    def _complete(self, drafted: Drafted) -> bool:
        envelope = drafted.signed or self._signed(drafted)
        if envelope is None:
            return False
        self._approvals.keep(envelope)
        self._let_go(drafted, envelope)
        drafted.remove()
        return True

    def _signed(self, drafted: Drafted) -> Envelope | None:
        """The approval, signed once and for all, if enough different persons said yes."""
        station, draft, said = self._station, drafted.draft, drafted.said
        if len(said) < station.policy().approval.persons(draft.risk):
            return None
        if draft.station != station.name:
            raise ApprovalError(f"It is {draft.station}'s.", code="approval-station")
        now = station.now().replace(microsecond=0)
        if now >= draft.expires:
            drafted.remove()
            return None
        version = station.believed.now().roster.version
        approval = draft.approval(said, version, now)
        envelope = approval.sign(station.identity)
        drafted.sign_as(envelope)
        _log.info("approval signed", approval=envelope.digest[7:19], by=said)
        station.audit.append(
            actor=station.name,
            action="approval-signed",
            subject=draft.journey or draft.proposal or "",
            digest=envelope.digest,
            details={"by": ", ".join(said)[:200], "scope": draft.scope, "risk": draft.risk},
        )
        return envelope

    def _let_go(self, drafted: Drafted, envelope: Envelope) -> None:
        """The journey that the approval was asked for is looked at again."""
        if drafted.draft.journey is None:
            return
        stop = self._station.stops.stop(drafted.draft.journey)
        try:
            decide(
                stop,
                {
                    "verdict": "approve",
                    "by": list(drafted.said),
                    "approval": envelope.digest,
                },
            )
        except StationError:
            # Decided, cancelled or expired meanwhile: the approval stands for the next one.
            _log.info("nothing waits for the approval", journey=stop.hex[:12])

    def _revoke(self, approval: str, by: str, reason: str) -> None:
        station = self._station
        revocation = Revocation(
            station=station.name,
            approval=approval,
            by=by,
            reason=reason,
            roster_version=station.believed.now().roster.version,
            issued=station.now().replace(microsecond=0),
        )
        self._approvals.keep_revocation(approval, revocation.sign(station.identity))
