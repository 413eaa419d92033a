"""Decisions by the station's people: plain functions, called by the commands and the console.

Each takes a `StationContext` (or a `DaemonContext`) and `by`, the person who acts. Each writes the
decision into the station's folder; the daemon, which holds the key, signs and sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from phtlab.errors import ApprovalError, ProposalError
from phtlab.governance.approval import Approval, Scope
from phtlab.governance.coverage import why_not_study
from phtlab.governance.risk import Risk
from phtlab.printable import escaped
from phtlab.station.approvals.consent import agree_to_terms, persons, require_version
from phtlab.station.approvals.drafts import DraftStore, require_person
from phtlab.station.approvals.proposals import StationProposal, StationProposals
from phtlab.station.approvals.store import Approvals, State, StoredApproval
from phtlab.station.approvals.subject import HeldJourney, Study, study_of
from phtlab.station.approvals.terms import (
    DEFAULT_REQUEST,
    ApprovalRequest,
    risk_of_study,
    terms_sentence,
)
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.people import load_people
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import HoldDecision
from phtlab.station.stops.route_view import route_view
from phtlab.station.stops.stop import Stop

_MAX_REASON = 500
_MAX_QUESTION = 4000


@dataclass(frozen=True)
class Pending:
    """A held journey or a proposal that waits for a decision.

    For a journey, `risk` is the station's assessment; for a proposal, the researcher's. `approvers`
    have approved the draft `draft`, which needs `persons` different approvers. `why_not` is why an
    existing approval does not allow the journey. `route` is its route in a few words, "" if it is
    parallel.
    """

    kind: Literal["journey", "proposal"]
    id: str
    title: str
    researcher: str
    risk: Risk
    reasons: tuple[str, ...]
    since: datetime
    persons: int
    approvers: tuple[str, ...] = ()
    draft: str | None = None
    why_not: str = ""
    proposal: str | None = None
    route: str = ""


@dataclass(frozen=True)
class VoteResult:
    """State of a draft after one person's approval.

    `sentence` is what the daemon signs once no approver is `missing`; `scope` is the kind of
    approval.
    """

    draft: str
    sentence: str
    approvers: tuple[str, ...]
    persons: int
    scope: Scope

    @property
    def missing(self) -> int:
        """Number of further, different persons who must approve."""
        return max(0, self.persons - len(self.approvers))


@dataclass(frozen=True)
class ApprovalWithState:
    """An approval of this station with its state. `why` is the reason if it is not active.

    `lacks` is why trains of the approval's own study may not start under it, or "" if they may.
    """

    digest: str
    approval: Approval
    state: State
    why: str = ""
    lacks: str = ""


def pending(station: StationContext) -> tuple[Pending, ...]:
    """List what waits for a decision at this station, oldest first."""
    waiting = [
        pending_journey(station, stop) for stop in station.stops.unfinished() if stop.undecided
    ]
    waiting += [
        _pending_proposal(proposal, station)
        for proposal in StationProposals(station.folder.proposals)
        if proposal_state(proposal, station) == "waits"
    ]
    return tuple(sorted(waiting, key=lambda decision: decision.since))


def preview(
    station: StationContext,
    target: str,
    *,
    by: str,
    request: ApprovalRequest = DEFAULT_REQUEST,
    version: str | None = None,
) -> VoteResult:
    """Return what `approve` would return, without recording an approval.

    It gives the sentence to show before approval. An existing draft of the same rule is shown if
    `request` sets no bounds.
    """
    require_person(by)
    agreed = agree_to_terms(
        station, _subject(station, target, version), request, by=by, seen=None, dry=True
    )
    draft = agreed.draft
    return VoteResult(
        draft.name, agreed.sentence, agreed.approvers, persons(station, draft), draft.scope
    )


def approve(
    station: StationContext,
    target: str,
    *,
    by: str,
    request: ApprovalRequest = DEFAULT_REQUEST,
    seen: str | None = None,
    version: str | None = None,
) -> VoteResult:
    """Record `by`'s approval of `target`: a held journey or a proposal (its name or a prefix).

    For a journey, this approves its train until the order expires; for a proposal, it approves a
    rule until the proposal expires, for its low-risk trains or for a notebook. `request` can choose
    other terms. Once enough different persons have approved, the daemon signs the approval and
    starts what it allows. A second person approves the terms of the existing draft.

    A proposal may get a new version at any moment. A caller who showed a sentence passes it as
    `seen`, and a caller who showed a version passes its digest, or a prefix of it, as `version`:
    the approval then applies to exactly that, or is refused.

    Where two persons are needed and `people.toml` names people, each approver must be a reviewer.

    Raises StationError if the journey waits for no decision, ProposalError (``proposal-unknown``,
    ``proposal-withdrawn``, ``proposal-ended``, ``proposal-refused``), and ApprovalError:
    ``approval-twice`` if the same person approves again, ``approval-shown`` if the sentence to be
    signed is not the one that was read, ``approval-gone`` if the draft was removed meanwhile,
    ``approval-terms``, ``approval-days``, ``approval-bounds``, ``approval-form``,
    ``approval-risk``, ``approval-no-proposal``, ``person-name``, ``person-role``, and what
    `require_covered` raises if the terms would not let the journey start.
    """
    require_person(by)
    agreed = agree_to_terms(station, _subject(station, target, version), request, by=by, seen=seen)
    if persons(station, agreed.draft) > 1:
        _require_reviewer(station, by)
    drafted = agreed.drafted or DraftStore(station.folder.drafts).open(agreed.draft)
    draft = drafted.draft
    twice = ApprovalError(
        f"{by} approved this before.", "Another person must approve too.", code="approval-twice"
    )
    if drafted.has_approved(by):
        raise twice
    # Log first: if the process is killed in between, an entry without an approval does less harm
    # than an approval by an unknown person.
    station.audit.append(
        actor=by,
        action="approval-said",
        subject=draft.journey or draft.proposal or "",
        digest=draft.name,
        details={"scope": draft.scope, "risk": draft.risk},
    )
    if not drafted.add_approval(by, station.now()):
        raise twice
    voters = drafted.approvers
    return VoteResult(
        draft.name, terms_sentence(draft, voters), voters, persons(station, draft), draft.scope
    )


def refuse(
    station: StationContext, target: str, *, by: str, reason: str = "", version: str | None = None
) -> None:
    """Record `by`'s refusal of `target`, a held journey or a proposal; researchers read `reason`.

    Refusing a proposal refuses its newest version for good, and discards votes for it that are not
    signed yet. `version` is as in `approve`.

    Raises StationError, ProposalError and ApprovalError as `approve` does, and ApprovalError
    ``approval-reason``.
    """
    require_person(by)
    _require_line(reason)
    subject, drafts = _subject(station, target, version), DraftStore(station.folder.drafts)
    if isinstance(subject, HeldJourney):
        _log(station, by, "journey-refused", subject.stop.journey, None, reason)
        subject.stop.decide(HoldDecision(verdict="refuse", by=(by,), reason=reason))
        void = drafts.of_journey(subject.stop.journey)
    else:
        subject.require_not_refused(station.name)
        digest = subject.version.digest
        _log(station, by, "proposal-refused", subject.folder.id, digest, reason)
        subject.folder.refuse(digest, {"by": by, "reason": reason, "at": station.now().isoformat()})
        void = [drafted for drafted in drafts if drafted.draft.proposal == digest]
    for drafted in void:
        drafted.remove()


def comment(station: StationContext, target: str, text: str, *, by: str) -> None:
    """Ask a proposal's researcher a question, as `by`. Raises ProposalError, ApprovalError."""
    require_person(by)
    if not 1 <= len(text) <= _MAX_QUESTION:
        raise ApprovalError(
            f"Give the question in at most {_MAX_QUESTION} characters.", code="approval-reason"
        )
    station_proposal = StationProposals(station.folder.proposals).find(target)
    _log(station, by, "proposal-asked", station_proposal.id, station_proposal.newest.digest, "")
    station_proposal.add_comment({"by": by, "text": text, "at": station.now().isoformat()})


def begin_review(station: StationContext, target: str, *, by: str) -> None:
    """Record that `by` reads a proposal, which its researcher sees; once per version."""
    require_person(by)
    station_proposal = StationProposals(station.folder.proposals).find(target)
    if proposal_state(station_proposal, station) == "waits":
        station_proposal.begin_review(
            station_proposal.newest.digest, {"by": by, "at": station.now().isoformat()}
        )


def revoke(
    station: StationContext, approval: str, *, by: str, reason: str = "", stop_runs: bool = False
) -> StoredApproval:
    """Revoke `approval` (its digest or a prefix), at once for journeys that have not started.

    With `stop_runs`, runs under it are stopped too.

    Raises ApprovalError ``approval-unknown``, ``approval-revoked``, ``approval-reason``.
    """
    require_person(by)
    _require_line(reason)
    approvals = Approvals(station.folder)
    kept = approvals.get(approval)
    before = ApprovalError(
        f"{station.name} took the approval {kept.digest[7:19]} back before.",
        code="approval-revoked",
    )
    if approvals.revoked(kept.digest):
        raise before
    _log(station, by, "approval-revoked", kept.claimed.proposal_id or "", kept.digest, reason)
    at = station.now().isoformat()
    revocation = {"by": by, "reason": reason, "stop_runs": stop_runs, "at": at}
    if not approvals.request_revocation(kept.digest, revocation):
        raise before
    return kept


def list_approvals(station: StationContext) -> tuple[ApprovalWithState, ...]:
    """List all approvals that this station gave, newest first, with their states."""
    approvals = Approvals(station.folder)
    roster = station.roster()
    listed = []
    for kept in {kept.digest: kept for kept in approvals}.values():
        state = approvals.state(kept, station.name, station.now(), roster)
        why = _why_void(kept) if state == "void" else ""
        if state == "revoked":
            why = approvals.requested_revocation(kept.digest).get("reason", "")
        listed.append(
            ApprovalWithState(
                kept.digest,
                kept.claimed,
                state,
                why,
                _not_for(kept.claimed, station) if state == "active" else "",
            )
        )
    return tuple(sorted(listed, key=lambda approval: approval.approval.issued, reverse=True))


def _why_void(kept: StoredApproval) -> str:
    if kept.format_error:
        renewal = (
            "approve again once its proposal is here in the new version"
            if kept.claimed.proposal
            else "approve again when its train comes"
        )
        return f"{kept.format_error.removesuffix('.')}: {renewal}"
    return "not signed with the keys that the station has now: approve again"


def _not_for(approval: Approval, station: StationContext) -> str:
    study = study_of(approval.proposal, station)
    return why_not_study(approval, study.version.proposal) if study else ""


def proposal_state(
    proposal: StationProposal, station: StationContext
) -> Literal["waits", "approved", "refused", "withdrawn", "expired", "elsewhere"]:
    """State of a proposal's newest version at this station."""
    version = proposal.newest
    if proposal.withdrawal is not None:
        return "withdrawn"
    if station.now() >= version.proposal.until:
        return "expired"
    if station.name not in version.proposal.stations:
        return "elsewhere"
    approvals = Approvals(station.folder)
    of_it = [
        kept
        for kept in approvals
        if (kept.claimed.proposal, kept.claimed.station) == (version.digest, station.name)
    ]
    roster = station.roster() if of_it else None
    for kept in of_it:
        if approvals.state(kept, station.name, station.now(), roster) == "active":
            return "approved"
    return "refused" if proposal.refused(version.digest) else "waits"


def _subject(station: StationContext, target: str, version: str | None) -> HeldJourney | Study:
    """Resolve `target` to a stop, or to the proposal's newest version if it matches `version`.

    It is read once: a version that comes after that changes nothing of what is decided.
    """
    if not target.startswith("p-"):
        if version is not None:
            raise ApprovalError(
                "Only a proposal has versions: give none with a journey.", code="approval-form"
            )
        return HeldJourney.of(station.stops.find(target), station)
    proposal = _open_proposal(station, target)
    newest = proposal.newest
    if version is not None:
        require_version(newest, version)
    return Study(proposal, newest)


def _open_proposal(station: StationContext, target: str) -> StationProposal:
    """Return the proposal if it can still be decided on, else raise ProposalError."""
    station_proposal = StationProposals(station.folder.proposals).find(target)
    state = proposal_state(station_proposal, station)
    if state in ("withdrawn", "expired"):
        ending = "withdrew it" if state == "withdrawn" else "asked for a time that is over"
        raise ProposalError(
            f"{station_proposal.newest.proposal.researcher} {ending}: there is nothing to decide.",
            code="proposal-withdrawn" if state == "withdrawn" else "proposal-ended",
        )
    return station_proposal


def _require_reviewer(station: StationContext, by: str) -> None:
    """Raise ApprovalError (``person-role``) if `people.toml` names people, `by` not as a reviewer.

    Without that file, two names need not be two persons.
    """
    people = load_people(station.folder)
    if people.people and not people.person(by).may("reviewer"):
        raise ApprovalError(
            f"{by} works at this station, but not as a reviewer, and two reviewers must approve "
            "to this.",
            "'phtlab station people' says who may.",
            code="person-role",
        )


def _require_line(reason: str) -> None:
    if len(reason) > _MAX_REASON or escaped(reason) != reason:
        raise ApprovalError(
            f"Give the reason in one line of at most {_MAX_REASON} characters.",
            code="approval-reason",
        )


def _log(
    station: StationContext, by: str, action: str, subject: str, digest: str | None, reason: str
) -> None:
    details = {"reason": reason[:200]} if reason else {}
    station.audit.append(actor=by, action=action, subject=subject, digest=digest, details=details)


def pending_journey(station: StationContext, stop: Stop) -> Pending:
    """Return the entry for a held journey that waits for a decision."""
    offer, held = stop.verified_offer(), stop.read(stop_files.HELD)
    drafts = DraftStore(station.folder.drafts).of_journey(stop.journey)
    return Pending(
        kind="journey",
        id=stop.journey,
        title=offer.train.manifest.name,
        researcher=offer.researcher,
        risk=held.risk,
        reasons=tuple(reason.sentence for reason in held.reasons),
        since=held.at,
        persons=(
            persons(station, drafts[0].draft)
            if drafts
            else station.policy().approval.persons(held.risk)
        ),
        approvers=drafts[0].approvers if drafts else (),
        draft=drafts[0].draft.name if drafts else None,
        why_not=held.why_not,
        proposal=offer.order.proposal,
        route=route_view(offer, station.name).short,
    )


def _pending_proposal(proposal: StationProposal, station: StationContext) -> Pending:
    version = proposal.newest
    drafts = DraftStore(station.folder.drafts).of_proposal(version.digest)
    return Pending(
        kind="proposal",
        id=proposal.id,
        title=version.proposal.title,
        researcher=version.proposal.researcher,
        risk=version.proposal.risk,
        reasons=version.proposal.reasons,
        since=version.proposal.issued,
        persons=(
            persons(station, drafts[0].draft)
            if drafts
            else station.policy().approval.persons(risk_of_study(version.proposal, station))
        ),
        approvers=drafts[0].approvers if drafts else (),
        draft=drafts[0].draft.name if drafts else None,
        proposal=version.digest,
    )
