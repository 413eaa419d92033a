"""Choice of the terms that a person approves: an existing draft, or the requested terms."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.errors import ApprovalError
from phtlab.governance.coverage import require_covered
from phtlab.station.approvals.drafts import ApprovalDraft, DraftFolder, DraftStore
from phtlab.station.approvals.proposals import Version
from phtlab.station.approvals.subject import HeldJourney, Study, coverage_request
from phtlab.station.approvals.terms import ApprovalRequest, of_journey, of_proposal, terms_sentence
from phtlab.station.context.station_context import StationContext

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
    subject: HeldJourney | Study,
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
    draft, drafted = _terms(station, subject, request)
    study = subject if isinstance(subject, Study) else subject.study
    if study is not None:
        study.require_not_refused(station.name)
    agreed = _agreed(drafted.draft if drafted else draft, drafted, by)
    if drafted and request.chosen and agreed.draft.terms != draft.terms:
        means_it = agreed.sentence == seen or (
            dry and not request.narrows and _same_rule(agreed.draft, draft)
        )
        if not means_it:
            voters = drafted.approvers
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


def _terms(
    station: StationContext, subject: HeldJourney | Study, request: ApprovalRequest
) -> tuple[ApprovalDraft, DraftFolder | None]:
    """The terms that `request` asks for, and the draft of the same rule that people vote on."""
    drafts = DraftStore(station.folder.drafts)
    if isinstance(subject, HeldJourney):
        draft = of_journey(subject, station, request)
        drafted = next(iter(drafts.of_journey(subject.stop.journey)), None)
        _require_lets_start(drafted.draft if drafted else draft, subject, station)
        return draft, drafted
    found = drafts.of_proposal(subject.version.digest)
    if found and not request.chosen:
        return found[0].draft, found[0]
    draft = of_proposal(subject.version, station, request)
    return draft, next((drafted for drafted in found if _same_rule(drafted.draft, draft)), None)


def _agreed(draft: ApprovalDraft, drafted: DraftFolder | None, by: str) -> Consent:
    return Consent(draft, drafted, tuple(sorted({*(drafted.approvers if drafted else ()), by})))


def _same_rule(drafted: ApprovalDraft, other: ApprovalDraft) -> bool:
    def rule(draft: ApprovalDraft) -> tuple[object, ...]:
        return draft.journey, draft.proposal, draft.scope, draft.notebook

    return rule(drafted) == rule(other)


def _require_lets_start(
    draft: ApprovalDraft, journey: HeldJourney, station: StationContext
) -> None:
    """The terms must allow the journey for which they are approved, else nobody gains by them."""
    study = journey.study if draft.proposal is not None else None
    question = coverage_request(journey.stop, journey.offer, station, journey.risk, study)
    require_covered(question, draft.approval(("nobody",), 1, draft.drafted), station.now())
