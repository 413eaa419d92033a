"""The newest version of a train that people of this station said yes to before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from phtlab.station.approvals_kept import Approvals
from phtlab.station.arrived import Arrived
from phtlab.station.desk import Place
from phtlab.station.stop import Stop


@dataclass(frozen=True)
class ApprovedBefore:
    """A stop whose train people approved, when, and who they were."""

    stop: Stop
    arrived: Arrived
    at: datetime
    by: tuple[str, ...]

    @property
    def content(self) -> bytes | None:
        """Its notebook, unless the stop's files were cleared away."""
        path = self.stop.train / "notebook.ipynb"
        return path.read_bytes() if path.exists() else None


def approved_before(place: Place, stop: Stop) -> ApprovedBefore | None:
    """The newest approved stop of the same researcher's train of the same name, other than `stop`.

    Approved by people who read it, not by a rule; what was taken back since is left out.
    """
    arrived, approvals = Arrived.of(stop), Approvals(place.folder)
    found: list[ApprovedBefore] = []
    for other in place.stops:
        if other.hex == stop.hex or not other.has("decision") or not other.has("verified"):
            continue
        word, theirs = other.read("decision"), Arrived.of(other)
        if word["verdict"] != "approve" or theirs.researcher != arrived.researcher:
            continue
        if theirs.train.manifest.name != arrived.train.manifest.name:
            continue
        if word.get("approval") and approvals.revoked(word["approval"]):
            continue
        by = tuple(word.get("by", ()))
        found.append(ApprovedBefore(other, theirs, datetime.fromisoformat(word["at"]), by))
    return max(found, key=lambda one: one.at, default=None)
