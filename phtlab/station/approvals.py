"""What the people of a station decide: plain functions, for the commands and the console alike.

Each takes the station's `Desk` (or the `Station` itself) and `by`, the person who acts. What is
said is written into the station's folder; the daemon, which holds the key, signs it and sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from phtlab.errors import ApprovalError, StationError
from phtlab.governance.risk import Risk
from phtlab.station.approvals_draft import Draft, Drafted, Drafts, require_person
from phtlab.station.approvals_kept import Approvals, Kept
from phtlab.station.arrived import Arrived
from phtlab.station.desk import Place
from phtlab.station.stop import Stop, now_text
from phtlab.train.canonical import canonical
from phtlab.train.durable_file import create_durably

_MAX_REASON = 500


@dataclass(frozen=True)
class Pending:
    """Something that waits for a person: a journey that is held, or a proposal.

    `said` have said yes to what lies as the draft `draft`; it takes `persons` different ones.
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


def pending(place: Place) -> tuple[Pending, ...]:
    """What waits for a person here, oldest first."""
    waiting = [_pending(stop, place) for stop in place.stops.unfinished() if _waits(stop)]
    return tuple(sorted(waiting, key=lambda one: one.since))


def approve(
    place: Place,
    target: str,
    *,
    by: str,
    days: int | None = None,
    note: str = "",
) -> Word:
    """`by` says yes to `target`, a held journey (its digest, or how that begins).

    Once enough persons have said so the daemon signs an approval of the journey's train, and the
    journey starts. Without `days` it lasts as long as the order. Raises StationError if `target`
    waits for nobody, ApprovalError (``approval-days``, ``approval-twice``, ``approval-terms``,
    ``person-name``).
    """
    require_person(by)
    stop = place.stops.find(target)
    _require_waits(stop)
    draft = _draft_of(stop, place, days=days, note=note)
    drafted = _opened(place, draft, chosen=days is not None)
    return _say_yes(place, drafted, by)


def refuse(place: Place, target: str, *, by: str, reason: str = "") -> None:
    """`by` refuses `target`, a held journey. The researcher reads `reason`."""
    require_person(by)
    if len(reason) > _MAX_REASON or not reason.isprintable():
        raise ApprovalError(
            f"Give the reason in one line of at most {_MAX_REASON} characters.",
            code="approval-reason",
        )
    stop = place.stops.find(target)
    decide(stop, {"verdict": "refuse", "by": [by], "reason": reason})
    place.audit.append(
        actor=by, action="journey-refused", subject=stop.journey, details={"reason": reason[:200]}
    )


def revoke(place: Place, approval: str, *, by: str, reason: str = "") -> Kept:
    """`by` takes `approval` back (its digest, or how that begins): at once for what has not
    started. Raises ApprovalError ``approval-unknown``, ``approval-revoked``.
    """
    require_person(by)
    approvals = Approvals(place.folder)
    kept = approvals.get(approval)
    word = {"by": by, "reason": reason, "at": place.now().isoformat()}
    if not approvals.take_back(kept.digest, word):
        raise ApprovalError(
            f"{place.name} took the approval {kept.digest[7:19]} back before.",
            code="approval-revoked",
        )
    place.audit.append(
        actor=by, action="approval-revoked", digest=kept.digest, details={"reason": reason[:200]}
    )
    return kept


def decide(stop: Stop, decision: dict[str, Any]) -> None:
    """Write the decision on a held stop. The first one stands. Raises StationError."""
    _require_waits(stop)
    try:
        create_durably(stop.path / "decision.json", canonical({**decision, "at": now_text()}))
    except FileExistsError:
        raise _waits_for_nobody(stop) from None


def _waits(stop: Stop) -> bool:
    return stop.has("held") and not any(map(stop.has, ("decision", "record", "ending")))


def _require_waits(stop: Stop) -> None:
    if not _waits(stop):
        raise _waits_for_nobody(stop)


def _waits_for_nobody(stop: Stop) -> StationError:
    return StationError(
        f"The stop {stop.hex[:12]} waits for no decision; it is {stop.state}. "
        "'phtlab station status' shows which wait."
    )


def _pending(stop: Stop, place: Place) -> Pending:
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
    )


def _draft_of(stop: Stop, place: Place, *, days: int | None, note: str) -> Draft:
    """The approval of a held journey's train, as this station would sign it."""
    arrived, held = Arrived.of(stop), stop.read("held")
    now = place.now().replace(microsecond=0)
    return Draft(
        journey=stop.journey,
        station=place.name,
        scope="train",
        researcher=arrived.researcher,
        train=arrived.train.digest,
        datasets=arrived.train.manifest.datasets,
        parameters=arrived.train.manifest.parameters,
        risk=held["risk"],
        note=note,
        drafted=now,
        expires=_until(place, days, arrived.order.expires),
    )


def _until(place: Place, days: int | None, otherwise: datetime) -> datetime:
    most = place.policy().approval.maximum_days
    if days is not None and not 1 <= days <= most:
        raise ApprovalError(
            f"An approval of {place.name} is for 1 to {most} days; its policy says so.",
            code="approval-days",
        )
    now = place.now().replace(microsecond=0)
    wanted = otherwise if days is None else now + timedelta(days=days)
    return min(wanted, now + timedelta(days=most))


def _opened(place: Place, draft: Draft, *, chosen: bool) -> Drafted:
    """The draft that people say yes to already, unless other terms were `chosen`."""
    drafts = Drafts(place.folder.drafts)
    there = drafts.of_journey(draft.journey) if draft.journey else []
    if not there:
        return drafts.open(draft)
    if chosen and there[0].draft.terms != draft.terms:
        raise ApprovalError(
            f"{' and '.join(there[0].said)} said yes to other terms, until "
            f"{there[0].draft.expires:%Y-%m-%d}. Say yes to those, without options; or refuse.",
            code="approval-terms",
        )
    return there[0]


def _say_yes(place: Place, drafted: Drafted, by: str) -> Word:
    at = place.now()
    if not drafted.say_yes(by, at):
        raise ApprovalError(
            f"{by} said yes to this before. Another person must say so too.",
            code="approval-twice",
        )
    said = drafted.said
    approval = drafted.draft.approval(said, 1, drafted.draft.drafted)
    place.audit.append(
        actor=by,
        action="approval-said",
        subject=drafted.draft.journey or drafted.draft.proposal or "",
        digest=drafted.draft.name,
    )
    persons = place.policy().approval.persons(drafted.draft.risk)
    return Word(drafted.draft.name, approval.sentence(), said, persons)
