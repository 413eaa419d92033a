"""What a person decides on, read once: a held journey, or a version of a proposal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from phtlab.errors import ApprovalError, ProposalError, StationError
from phtlab.governance.coverage import CoverageRequest
from phtlab.governance.risk import Risk
from phtlab.station.approvals.journey_counts import journeys_under
from phtlab.station.approvals.proposals import StationProposal, StationProposals, Version
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.stop import Stop


@dataclass(frozen=True)
class Study:
    """A version of a proposal, and the folder that keeps it."""

    folder: StationProposal
    version: Version

    def require_not_refused(self, station: str) -> None:
        """Raise ProposalError (``proposal-refused``) if `station` signed a refusal of the version.

        Others may have seen the refusal, so it stays valid.
        """
        if self.folder.refused(self.version.digest):
            raise ProposalError(
                f"{station} refused this version of {self.folder.id} before; a refusal is final.",
                "Its researcher can send a new version.",
                code="proposal-refused",
            )


@dataclass(frozen=True)
class HeldJourney:
    """A journey that waits for a decision. Each file is read once, when it is first needed.

    A refusal needs none of them, so that one that is damaged keeps nobody from refusing.
    """

    stop: Stop
    station: StationContext

    @classmethod
    def of(cls, stop: Stop, station: StationContext) -> HeldJourney:
        """Raise StationError if the stop waits for no decision."""
        if not stop.undecided:
            raise StationError(
                f"The stop {stop.hex[:12]} waits for no decision; it is {stop.state}.",
                "'phtlab station status' shows which wait.",
                code="nothing-to-decide",
            )
        return cls(stop, station)

    @cached_property
    def offer(self) -> VerifiedOffer:
        return self.stop.verified_offer()

    @cached_property
    def risk(self) -> Risk:
        return self.stop.read(stop_files.HELD).risk

    @cached_property
    def study(self) -> Study | None:
        """The study that the order names, if the station has its version."""
        return study_of(self.offer.order.proposal, self.station)

    def required_study(self) -> Study | None:
        """The study that the order names. Raises ApprovalError if its version is not here."""
        named = self.offer.order.proposal
        if named is not None and self.study is None:
            raise ApprovalError(
                f"This journey is under the proposal's version {named}, which is not here.",
                "The daemon asks central for it; without it nothing under it can be approved.",
                code="proposal-missing",
            )
        return self.study


def study_of(version: str | None, station: StationContext) -> Study | None:
    """The study one of whose versions has the digest `version`, if the station has it."""
    if version is None:
        return None
    found = StationProposals(station.folder.proposals).of_version(version)
    return Study(*found) if found else None


def coverage_request(
    stop: Stop, offer: VerifiedOffer, station: StationContext, risk: Risk, study: Study | None
) -> CoverageRequest:
    """A verified journey of this `risk`, as approvals are compared with it."""
    return CoverageRequest(
        train=offer.train,
        order=offer.order,
        notebook=offer.notebook,
        researcher=offer.researcher,
        parameters=offer.parameters,
        risk=risk,
        proposal=study.version.proposal if study else None,
        journeys=journeys_under(study.folder, station.stops.path, but=stop.hex) if study else 0,
    )
