"""What the people of a station decide: plain functions, for the commands and the console alike.

Each takes the station's `Desk` (or the `Station` itself) and `by`, the person who acts. What is
said is written into the station's folder; the daemon, which holds the key, signs it and sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from phtlab.errors import ApprovalError, ProposalError, StationError
from phtlab.governance.approval import Approval
from phtlab.governance.coverage import Asked, require_covered
from phtlab.governance.risk import Risk
from phtlab.station.approvals_count import journeys_under
from phtlab.station.approvals_draft import Draft, Drafted, Drafts, require_person
from phtlab.station.approvals_kept import Approvals, Kept, State
from phtlab.station.approvals_terms import AS_ASKED, Wanted, in_words, of_journey, of_proposal
from phtlab.station.arrived import Arrived
from phtlab.station.console.people import load_people
from phtlab.station.desk import Place
from phtlab.station.proposals_here import ProposalHere, ProposalsHere
from phtlab.station.station import Station
from phtlab.station.stop import Stop
from phtlab.train.printable import escaped

_MAX_REASON = 500
_MAX_QUESTION = 4000


@dataclass(frozen=True)
class Pending:
    """Something that waits for a person: a journey that is held, or a proposal.

    `risk` is the station's own of a journey; of a proposal, what its researcher says. `said` have
    said yes to what lies as the draft `draft`; it takes `persons` different ones. `why_not` is
    why an approval that is here already does not allow it.
    """

    kind: Literal["journey", "proposal"]
    id: str
    title: str
    researcher: str
    risk: Risk
    reasons: tuple[str, ...]
    since: datetime
    persons: int
    said: tuple[str, ...] = ()
    draft: str | None = None
    why_not: str = ""
    proposal: str | None = None


@dataclass(frozen=True)
class Word:
    """What one person's yes came to. `sentence` is what is signed once nobody is `missing`."""

    draft: str
    sentence: str
    said: tuple[str, ...]
    persons: int

    @property
    def missing(self) -> int:
        """How many more, different persons must say yes."""
        return max(0, self.persons - len(self.said))


@dataclass(frozen=True)
class Shown:
    """An approval of this station, and whether it stands. `why` is the reason if it does not."""

    digest: str
    approval: Approval
    state: State
    why: str = ""


def pending(place: Place) -> tuple[Pending, ...]:
    """What waits for a person here, oldest first."""
    waiting = [pending_journey(place, stop) for stop in place.stops.unfinished() if stop.undecided]
    waiting += [
        _pending_proposal(here, place)
        for here in ProposalsHere(place.folder.proposals)
        if proposal_state(here, place) == "waits"
    ]
    return tuple(sorted(waiting, key=lambda one: one.since))


def preview(place: Place, target: str, *, by: str, wanted: Wanted = AS_ASKED) -> Word:
    """What `approve` would come to, without saying it: its sentence is shown before."""
    require_person(by)
    draft, there = _terms(place, target, wanted)
    said = tuple(sorted({*(there.said if there else ()), by}))
    return Word(draft.name, in_words(draft, said), said, _persons(place, draft))


def approve(place: Place, target: str, *, by: str, wanted: Wanted = AS_ASKED) -> Word:
    """`by` says yes to `target`: a held journey, or a proposal (its name, or how that begins).

    Of a journey its train is approved, until the order expires; of a proposal, by a rule until it
    ends, its low-risk trains or a notebook. `wanted` says otherwise. Once enough different persons
    have said so the daemon signs it, and what it allows starts. A second person says yes to the
    terms that lie there.

    Where two persons are needed and `people.toml` names some, each must be a reviewer of it.

    Raises StationError if a journey waits for nobody, ProposalError (``proposal-unknown``,
    ``proposal-withdrawn``, ``proposal-ended``), and ApprovalError: ``approval-twice`` for the same
    person again, ``approval-terms``, ``approval-days``, ``approval-bounds``, ``approval-form``,
    ``approval-risk``, ``approval-no-proposal``, ``person-name``, ``person-role``, and what
    `require_covered` raises if the terms would not let the journey start.
    """
    require_person(by)
    draft, there = _terms(place, target, wanted)
    if _persons(place, draft) > 1:
        _require_reviewer(place, by)
    drafted = there or Drafts(place.folder.drafts).open(draft)
    if not drafted.say_yes(by, place.now()):
        raise ApprovalError(
            f"{by} said yes to this before. Another person must say so too.",
            code="approval-twice",
        )
    place.audit.append(
        actor=by,
        action="approval-said",
        subject=draft.journey or draft.proposal or "",
        digest=draft.name,
        details={"scope": draft.scope, "risk": draft.risk},
    )
    said = drafted.said
    return Word(draft.name, in_words(draft, said), said, _persons(place, draft))


def refuse(place: Place, target: str, *, by: str, reason: str = "") -> None:
    """`by` refuses `target`, a held journey or a proposal. The researcher reads `reason`.

    Raises StationError, ProposalError and ApprovalError as `approve`, ApprovalError
    ``approval-reason``.
    """
    require_person(by)
    _require_line(reason)
    if _is_proposal(target):
        here = _open_proposal(place, target)
        version = here.newest.digest
        word = {"by": by, "reason": reason, "at": place.now().isoformat()}
        if not here.refuse(version, word):
            raise ProposalError(
                f"{place.name} refused this version of {here.id} before.", code="proposal-refused"
            )
        _log(place, by, "proposal-refused", here.id, version, reason)
        return
    stop = place.stops.find(target)
    stop.decide("refuse", by=[by], reason=reason)
    for drafted in Drafts(place.folder.drafts).of_journey(stop.journey):
        drafted.remove()
    _log(place, by, "journey-refused", stop.journey, None, reason)


def ask(place: Place, target: str, text: str, *, by: str) -> None:
    """`by` asks the researcher something about a proposal. Raises ProposalError, ApprovalError."""
    require_person(by)
    if not 1 <= len(text) <= _MAX_QUESTION:
        raise ApprovalError(
            f"Give the question in at most {_MAX_QUESTION} characters.", code="approval-reason"
        )
    here = ProposalsHere(place.folder.proposals).find(target)
    here.say({"by": by, "text": text, "at": place.now().isoformat()})
    _log(place, by, "proposal-asked", here.id, here.newest.digest, "")


def begin_review(place: Place, target: str, *, by: str) -> None:
    """`by` reads a proposal: its researcher sees that it is in review here. Once a version."""
    require_person(by)
    here = ProposalsHere(place.folder.proposals).find(target)
    if proposal_state(here, place) == "waits":
        here.begin_review(here.newest.digest, {"by": by, "at": place.now().isoformat()})


def revoke(
    place: Place, approval: str, *, by: str, reason: str = "", stop_runs: bool = False
) -> Kept:
    """`by` takes `approval` back (its digest, or how that begins): at once for what has not
    started; with `stop_runs`, what runs under it is stopped too.

    Raises ApprovalError ``approval-unknown``, ``approval-revoked``, ``approval-reason``.
    """
    require_person(by)
    _require_line(reason)
    approvals = Approvals(place.folder)
    kept = approvals.get(approval)
    at = place.now().isoformat()
    word = {"by": by, "reason": reason, "stop_runs": stop_runs, "at": at}
    if not approvals.take_back(kept.digest, word):
        raise ApprovalError(
            f"{place.name} took the approval {kept.digest[7:19]} back before.",
            code="approval-revoked",
        )
    _log(place, by, "approval-revoked", kept.claimed.proposal_id or "", kept.digest, reason)
    return kept


def standing(place: Place) -> tuple[Shown, ...]:
    """All approvals that this station gave, newest first, and which of them stand."""
    approvals = Approvals(place.folder)
    roster = place.believed.now().roster if isinstance(place, Station) else None
    shown = []
    for kept in {kept.digest: kept for kept in approvals}.values():
        state = approvals.state(kept, place.name, place.now(), roster)
        why = approvals.word(kept.digest).get("reason", "") if state == "revoked" else ""
        shown.append(Shown(kept.digest, kept.claimed, state, why))
    return tuple(sorted(shown, key=lambda one: one.approval.issued, reverse=True))


def proposal_state(
    here: ProposalHere, place: Place
) -> Literal["waits", "approved", "refused", "withdrawn", "expired", "elsewhere"]:
    """How far this station is with the newest version of a proposal."""
    version = here.newest
    if here.withdrawal is not None:
        return "withdrawn"
    if place.now() >= version.proposal.until:
        return "expired"
    if place.name not in version.proposal.stations:
        return "elsewhere"
    approvals = Approvals(place.folder)
    for kept in approvals:
        of_it = kept.claimed.proposal == version.digest and kept.claimed.station == place.name
        if of_it and approvals.state(kept, place.name, place.now()) == "stands":
            return "approved"
    return "refused" if here.refused(version.digest) else "waits"


def _terms(place: Place, target: str, wanted: Wanted) -> tuple[Draft, Drafted | None]:
    """What is approved: the terms that people said yes to already, else those that are wanted."""
    if _is_proposal(target):
        draft = of_proposal(_open_proposal(place, target).newest, place, wanted)
        there = [one for one in Drafts(place.folder.drafts) if _same_rule(one.draft, draft)]
    else:
        stop = place.stops.find(target)
        if not stop.undecided:
            raise StationError(
                f"The stop {stop.hex[:12]} waits for no decision; it is {stop.state}. "
                "'phtlab station status' shows which wait."
            )
        draft = of_journey(stop, place, wanted)
        there = Drafts(place.folder.drafts).of_journey(stop.journey)
        _require_lets_start(there[0].draft if there else draft, stop, place)
    if not there:
        return draft, None
    if wanted.chosen and there[0].draft.terms != draft.terms:
        said = " and ".join(there[0].said) or "Someone"
        raise ApprovalError(
            f"{said} said yes to other terms: {in_words(there[0].draft, there[0].said or ('-',))} "
            "Say yes to those, without options; or refuse.",
            code="approval-terms",
        )
    return there[0].draft, there[0]


def _same_rule(one: Draft, other: Draft) -> bool:
    def rule(draft: Draft) -> tuple[object, ...]:
        return draft.journey, draft.proposal, draft.scope, draft.notebook

    return rule(one) == rule(other)


def _require_lets_start(draft: Draft, stop: Stop, place: Place) -> None:
    """Nobody says yes in vain: the terms must allow the journey that they are said for."""
    arrived = Arrived.of(stop)
    under = None
    if draft.proposal is not None:
        under = ProposalsHere(place.folder.proposals).of_version(draft.proposal)
    question = Asked(
        train=arrived.train,
        order=arrived.order,
        notebook=arrived.notebook,
        researcher=arrived.researcher,
        parameters=arrived.parameters,
        risk=stop.read("held")["risk"],
        proposal=under[1].proposal if under else None,
        journeys=journeys_under(under[0], place.stops.path, but=stop.hex) if under else 0,
    )
    require_covered(question, draft.approval(("nobody",), 1, draft.drafted), place.now())


def _open_proposal(place: Place, target: str) -> ProposalHere:
    """The proposal, if there is anything to decide about it."""
    here = ProposalsHere(place.folder.proposals).find(target)
    state = proposal_state(here, place)
    if state in ("withdrawn", "expired"):
        told = "withdrew it" if state == "withdrawn" else "asked for a time that is over"
        raise ProposalError(
            f"{here.newest.proposal.researcher} {told}: there is nothing to decide.",
            code="proposal-withdrawn" if state == "withdrawn" else "proposal-ended",
        )
    return here


def _is_proposal(target: str) -> bool:
    return target.startswith("p-")


def _persons(place: Place, draft: Draft) -> int:
    return place.policy().approval.persons(draft.risk)


def _require_reviewer(place: Place, by: str) -> None:
    """Two names are two persons only if somebody said who is who: `people.toml`, where it is."""
    people = load_people(place.folder)
    if people.people and not people.person(by).may("reviewer"):
        raise ApprovalError(
            f"{by} works at this station, but not as a reviewer, and two reviewers must say yes "
            f"to this. 'phtlab station people' says who may.",
            code="person-role",
        )


def _require_line(reason: str) -> None:
    if len(reason) > _MAX_REASON or escaped(reason) != reason:
        raise ApprovalError(
            f"Give the reason in one line of at most {_MAX_REASON} characters.",
            code="approval-reason",
        )


def _log(place: Place, by: str, action: str, subject: str, digest: str | None, reason: str) -> None:
    details = {"reason": reason[:200]} if reason else {}
    place.audit.append(actor=by, action=action, subject=subject, digest=digest, details=details)


def pending_journey(place: Place, stop: Stop) -> Pending:
    """What waits for a person because of a held journey."""
    arrived, held = Arrived.of(stop), stop.read("held")
    drafts = Drafts(place.folder.drafts).of_journey(stop.journey)
    return Pending(
        kind="journey",
        id=stop.journey,
        title=arrived.train.manifest.name,
        researcher=arrived.researcher,
        risk=held["risk"],
        reasons=tuple(reason["sentence"] for reason in held["reasons"]),
        since=datetime.fromisoformat(held["at"]),
        persons=place.policy().approval.persons(held["risk"]),
        said=drafts[0].said if drafts else (),
        draft=drafts[0].draft.name if drafts else None,
        why_not=held["why_not"],
        proposal=arrived.order.proposal,
    )


def _pending_proposal(here: ProposalHere, place: Place) -> Pending:
    version = here.newest
    drafts = [
        one
        for one in Drafts(place.folder.drafts)
        if one.draft.journey is None and one.draft.proposal == version.digest
    ]
    return Pending(
        kind="proposal",
        id=here.id,
        title=version.proposal.title,
        researcher=version.proposal.researcher,
        risk=version.proposal.risk,
        reasons=version.proposal.reasons,
        since=version.proposal.issued,
        persons=place.policy().approval.persons(drafts[0].draft.risk if drafts else "low"),
        said=drafts[0].said if drafts else (),
        draft=drafts[0].draft.name if drafts else None,
        proposal=version.digest,
    )
