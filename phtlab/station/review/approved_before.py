"""The newest version of a train that people of this station approved before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from phtlab.station.approvals.store import Approvals
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop


@dataclass(frozen=True)
class ApprovedBefore:
    """A stop with an approved train, the time of the approval, and the approvers."""

    stop: Stop
    offer: VerifiedOffer
    at: datetime
    by: tuple[str, ...]

    @property
    def content(self) -> bytes | None:
        """The notebook, or None if the stop's files were removed."""
        path = self.stop.train / "notebook.ipynb"
        return path.read_bytes() if path.exists() else None


def approved_before(station: StationContext, stop: Stop) -> ApprovedBefore | None:
    """Return the newest approved stop of the researcher's train of this name, other than `stop`.

    Only approvals by people count: of that train, or of its notebook. Trains that a rule or the
    policy admitted were read by nobody; revoked approvals are left out.
    """
    offer, approvals = stop.verified_offer(), Approvals(station.folder)
    kept = {
        approval.digest: approval.claimed
        for approval in approvals
        if not approvals.revoked(approval.digest)
    }
    found: list[ApprovedBefore] = []
    for other in station.stops:
        if other.hex == stop.hex or not other.has(Marker.VERIFIED):
            continue
        theirs, approval = other.verified_offer(), kept.get(_approval_of(other))
        if approval is None or approval.scope == "low-risk":
            continue
        if theirs.researcher != offer.researcher:
            continue
        if theirs.train.manifest.name == offer.train.manifest.name:
            found.append(ApprovedBefore(other, theirs, approval.issued, approval.approvers))
    return max(found, key=lambda approved: approved.at, default=None)


def _approval_of(stop: Stop) -> str:
    """Return the digest of the approval that let `stop` start, or go on; "" if none did."""
    if stop.has(Marker.ADMITTED) and (approval := stop.read(stop_files.ADMITTED).approval):
        return approval
    if stop.has(Marker.DECISION):
        return stop.read(stop_files.DECISION).approval or ""
    return ""
