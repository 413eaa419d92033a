"""The station's signed list of active approvals, renewed on every change and before it expires.

The list number always increases: it is at least the number of seconds since 1970. So a station
whose folder was restored from an old backup continues above the numbers that it published before,
without relying on what central reports.
"""

from __future__ import annotations

from typing import Final

from phtlab.errors import ApprovalError, NotOnRosterError, SignatureError
from phtlab.files.durable_file import write_durably
from phtlab.governance.approval import FRESHNESS, ActiveApprovals, open_active_approvals
from phtlab.station.approvals.store import Approvals
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.train.documents.envelope import Envelope, peek

RENEWED: Final = FRESHNESS / 4
"""Age after which a list is signed again, even if nothing changed."""


class ActiveList:
    """The station's list of active approvals, in `standing.json` and at central."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._approvals = Approvals(station.folder)
        self._sent: str | None = None

    def send(self) -> None:
        """Renew the list if it is due, and upload it unless central already has it."""
        envelope = self.renewed()
        if envelope is None or envelope.digest == self._sent:
            return
        governance = self._station.central.governance
        try:
            governance.put_active_approvals(self._station.name, envelope)
        except ApprovalError as error:
            if error.code != "standing-rolled-back":
                raise
            # This station published a higher number before a restore: continue above it.
            envelope = self._signed(self._number_at_central())
            governance.put_active_approvals(self._station.name, envelope)
        self._sent = envelope.digest

    def renewed(self) -> Envelope | None:
        """Return the newest list, signed again if due; None if there never was an approval."""
        kept = self._kept()
        if kept is None and not any(self._approvals):
            return None
        if kept is None or self._due(kept):
            return self._signed()
        return kept

    def _due(self, kept: Envelope) -> bool:
        station = self._station
        now = station.now()
        try:
            roster = station.roster_cache.now().roster
            last = open_active_approvals(kept, roster, station=station.name, now=now)
        except (ApprovalError, NotOnRosterError, SignatureError):
            return True  # expired, or signed with keys that are no longer this station's
        active = self._approvals.active(station.name, roster, now)
        return last.approvals != active or now >= last.issued + RENEWED

    def _signed(self, above: int = 0) -> Envelope:
        station = self._station
        now = station.now().replace(microsecond=0)
        roster = station.roster_cache.now().roster
        kept = self._kept()
        last = ActiveApprovals.model_validate(peek(kept).predicate).number if kept else 0
        active = ActiveApprovals(
            station=station.name,
            number=max(last, above, int(now.timestamp())) + 1,
            approvals=self._approvals.active(station.name, roster, now),
            roster_version=roster.version,
            issued=now,
            expires=now + FRESHNESS,
        )
        envelope = active.sign(station.identity)
        write_durably(station.folder.active_approvals, envelope.to_bytes())
        return envelope

    def _number_at_central(self) -> int:
        station = self._station
        envelope = station.central.governance.active_approvals(station.name).envelope
        # Accepted only if this station signed it; its age does not matter.
        long_ago = ActiveApprovals.model_validate(peek(envelope).predicate).issued
        roster = station.roster_cache.now().roster
        return open_active_approvals(envelope, roster, station=station.name, now=long_ago).number

    def _kept(self) -> Envelope | None:
        try:
            return Envelope.from_bytes(self._station.folder.active_approvals.read_bytes())
        except FileNotFoundError:
            return None
