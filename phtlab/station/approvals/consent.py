"""Choice of the terms that a person approves: an existing draft, or the requested terms."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.errors import ApprovalError, ProposalError, StationError
from phtlab.governance.coverage import CoverageRequest, require_covered
from phtlab.station.approvals.drafts import ApprovalDraft, DraftFolder, DraftStore
from phtlab.station.approvals.journey_counts import journeys_under
from phtlab.station.approvals.proposals import StationProposals, Version
from phtlab.station.approvals.terms import ApprovalRequest, of_journey, of_proposal, terms_sentence
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files
from phtlab.station.stops.stop import Stop

# Minimum hex characters of a digest: with fewer, somebody could create versions until one matches.
SHORTEST = 12


@dataclass(frozen=True)
class Consent:
    """Terms, their draft folder if one exists, and everyone who approves, this person included."""

    draft: ApprovalDraft
    drafted: DraftFolder | None
    approvers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return terms_sentence(self.draft, self.approvers)


def agree_to_terms(
    station: StationContext,
    source: Version | Stop,
    request: ApprovalRequest,
    *,
    by: str,
    seen: str | None,
    dry: bool = False,
) -> Consent:
    """Return the terms that `by` approves.

    An existing draft is used if no other terms are requested, if its sentence is `seen`, or, in a
    preview (`dry`), if the request only names the draft's own rule and sets no bounds.

    Raises StationError if the journey waits for no decision, ProposalError (``proposal-refused``),
    ApprovalError ``approval-terms`` if a draft with other terms exists, ``approval-shown`` if the
    sentence to be signed differs from `seen`, and what `of_journey`, `of_proposal` and
    `require_covered` raise.
    """
    if isinstance(source, Stop):
        require_undecided(source)
        draft = of_journey(source, station, request)
        drafts_found = DraftStore(station.folder.drafts).of_journey(source.journey)
        _require_lets_start(drafts_found[0].draft if drafts_found else draft, source, station)
    else:
        drafts_found = [
            drafted
            for drafted in DraftStore(station.folder.drafts)
            if drafted.draft.journey is None and drafted.draft.proposal == source.digest
        ]
        if request.chosen or not drafts_found:
            draft = of_proposal(source, station, request)
            drafts_found = [drafted for drafted in drafts_found if _same_rule(drafted.draft, draft)]
        else:
            draft = drafts_found[0].draft
    if draft.proposal is not None:
        require_not_refused(station, draft.proposal)
    agreed = (
        _agreed(drafts_found[0].draft, drafts_found[0], by)
        if drafts_found
        else _agreed(draft, None, by)
    )
    if drafts_found and request.chosen and agreed.draft.terms != draft.terms:
        means_it = agreed.sentence == seen or (
            dry and not request.narrows and _same_rule(agreed.draft, draft)
        )
        if not means_it:
            voters = drafts_found[0].approvers
            raise ApprovalError(
                f"{' and '.join(voters) or 'Someone'} approved other terms: "
                f"{terms_sentence(agreed.draft, voters or ('-',))}",
                "Approve those, without options; or refuse.",
                code="approval-terms",
            )
    if seen is not None and agreed.sentence != seen:
        raise ApprovalError(
            "What would be signed is not what you were shown any more.",
            "Look again, and read the sentence anew.",
            code="approval-shown",
        )
    return agreed


def persons(station: StationContext, draft: ApprovalDraft) -> int:
    """Number of persons who must approve: the greater of the draft's number and the policy's.

    A policy that is relaxed later does not complete a draft begun under the stricter one.
    """
    return max(draft.persons, station.policy().approval.persons(draft.risk))


def require_version(version: Version, read: str) -> None:
    """Raise ApprovalError (``approval-shown``) unless `read` begins this version's digest."""
    beginning = read.removeprefix("sha256:").lower()
    if len(beginning) < SHORTEST:
        raise ApprovalError(
            f"Give at least {SHORTEST} characters of the version's digest.", code="approval-form"
        )
    if not version.digest.removeprefix("sha256:").startswith(beginning):
        proposal = version.proposal
        raise ApprovalError(
            f"The version {beginning[:SHORTEST]} is not the newest of {proposal.id} that is here; "
            f"that is version {proposal.version}.",
            f"Read it before you decide: 'phtlab station proposals show {proposal.id}'.",
            code="approval-shown",
        )


def require_undecided(stop: Stop) -> None:
    """Raise StationError (``nothing-to-decide``) if the stop waits for no decision."""
    if not stop.undecided:
        raise StationError(
            f"The stop {stop.hex[:12]} waits for no decision; it is {stop.state}.",
            "'phtlab station status' shows which wait.",
            code="nothing-to-decide",
        )


def require_not_refused(station: StationContext, version: str) -> None:
    """Raise ProposalError (``proposal-refused``) if this version was refused, which is final."""
    found = StationProposals(station.folder.proposals).of_version(version)
    if found is not None and found[0].refused(version):
        raise ProposalError(
            f"{station.name} refused this version of {found[0].id} before, and that stands.",
            "Its researcher can send a new version.",
            code="proposal-refused",
        )


def _agreed(draft: ApprovalDraft, drafted: DraftFolder | None, by: str) -> Consent:
    return Consent(draft, drafted, tuple(sorted({*(drafted.approvers if drafted else ()), by})))


def _same_rule(drafted: ApprovalDraft, other: ApprovalDraft) -> bool:
    def rule(draft: ApprovalDraft) -> tuple[object, ...]:
        return draft.journey, draft.proposal, draft.scope, draft.notebook

    return rule(drafted) == rule(other)


def _require_lets_start(draft: ApprovalDraft, stop: Stop, station: StationContext) -> None:
    """Raise what `require_covered` raises if the terms would not let the journey start."""
    offer = stop.verified_offer()
    under = None
    if draft.proposal is not None:
        under = StationProposals(station.folder.proposals).of_version(draft.proposal)
    question = CoverageRequest(
        train=offer.train,
        order=offer.order,
        notebook=offer.notebook,
        researcher=offer.researcher,
        parameters=offer.parameters,
        risk=stop.read(stop_files.HELD).risk,
        proposal=under[1].proposal if under else None,
        journeys=journeys_under(under[0], station.stops.path, but=stop.hex) if under else 0,
    )
    require_covered(question, draft.approval(("nobody",), 1, draft.drafted), station.now())
