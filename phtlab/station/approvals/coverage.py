"""Coverage: find an active approval that allows a journey, read from the files for each journey."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from phtlab.errors import ApprovalError, PhtlabError
from phtlab.governance.approval import Approval
from phtlab.governance.coverage import CoverageRequest, require_covered
from phtlab.governance.risk import Assessment, assess
from phtlab.station.approvals.journey_counts import known_images
from phtlab.station.approvals.store import Approvals, StoredApproval
from phtlab.station.approvals.subject import study_of
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.train.documents.order import Order

_log = structlog.get_logger("phtlab.station")


@dataclass(frozen=True)
class Coverage:
    """The approval that allows a journey, or the error of the approval most likely to apply."""

    approval: Approval | None = None
    digest: str | None = None
    why_not: ApprovalError | None = None


def assessed(
    offer: VerifiedOffer, station: StationContext, known: Collection[str] | None = None
) -> Assessment:
    """Assess a train's risk at this station, including how often its proposal allows journeys.

    `known` are the kernel images that this station has admitted, if the caller has read them.
    """
    study = study_of(offer.order.proposal, station)
    ordered = offer.order.rounds
    return assess(
        offer.train.manifest,
        known_images=known_images(station.stops.path) if known is None else known,
        rounds=max(
            study.version.proposal.most_rounds if study else 1, ordered.most if ordered else 1
        ),
        journeys=study.version.proposal.journeys if study else 1,
    )


def proposal_end_code(station: DaemonContext, order: Order) -> str:
    """Return the code for why the proposal of `order` no longer applies, or "" if it does."""
    study = study_of(order.proposal, station)
    if study is None:
        return ""
    if study.folder.withdrawal is not None:
        return "proposal-withdrawn"
    return "proposal-refused" if study.folder.refused(study.version.digest) else ""


def find_coverage(station: DaemonContext, question: CoverageRequest) -> Coverage:
    """Find an approval, signed with this station's current keys, that allows `question`."""
    approvals = Approvals(station.folder)
    roster = station.roster_cache.now().roster
    persons = station.policy().approval.persons(question.risk)
    now = station.now()
    refusals: list[ApprovalError] = []
    for kept in _likely(approvals, question):
        try:
            # The most expensive check last: verify the two signatures only of an approval that
            # fits.
            _require_allows(kept.claimed, question, persons, now)
            approval = approvals.verified(kept, station.name, roster)
        except ApprovalError as error:
            refusals.append(error)
        except PhtlabError as error:
            _log.warning("approval not believed", approval=kept.digest[7:19], code=error.code)
            refusals.append(ApprovalError(error.message, error.hint, code=error.code))
        else:
            return Coverage(approval, kept.digest)
    return Coverage(why_not=refusals[0] if refusals else None)


def _likely(approvals: Approvals, question: CoverageRequest) -> Iterator[StoredApproval]:
    """This researcher's approvals, best match first: by proposal, then by train or notebook."""
    about = [kept for kept in approvals if kept.claimed.researcher == question.researcher]
    named = (question.train.digest, question.notebook)

    def how_far(kept: StoredApproval) -> tuple[bool, bool, bool]:
        under, claimed = question.order.proposal, kept.claimed
        of_a_kind = (claimed.proposal is None) == (under is None)
        about = (claimed.train or claimed.notebook) in named
        return claimed.proposal != under, not of_a_kind, not about

    return iter(sorted(about, key=how_far))


def _require_allows(
    approval: Approval, question: CoverageRequest, persons: int, now: datetime
) -> None:
    require_covered(question, approval, now)
    if len(approval.approvers) < persons:
        raise ApprovalError(
            f"An approval of this station does not allow this: trains of {question.risk} risk "
            f"need the yes of {persons} persons; {' and '.join(approval.approvers)} gave it.",
            code="approval-persons",
        )
