"""A station's yes, signed over exact digests; its taking back; and the list of what stands.

The station itself acts on its own files only, so nothing that central does makes it run what it
did not allow. The others learn of a revocation from the newest `ActiveApprovals`, which ends
soon: a central that holds a revocation back can do so until then, and no longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from phtlab.errors import ApprovalError
from phtlab.governance.bounds import Bounds
from phtlab.governance.proposal import ProposalId
from phtlab.governance.resources import resources_lines
from phtlab.governance.risk import Risk
from phtlab.governance.rounds import RoundTerms
from phtlab.governance.text import Line
from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, open_statement, peek, sign_statement
from phtlab.train.documents.manifest import MAX_OUTPUTS, Name, Resources
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import CLOCK_SKEW, read_predicate, require_role

APPROVAL_TYPE: Final = "https://phtlab.org/approval/v2"
REVOCATION_TYPE: Final = "https://phtlab.org/revocation/v1"
ACTIVE_APPROVALS_TYPE: Final = "https://phtlab.org/standing/v1"
FRESHNESS: Final = timedelta(hours=24)
"""How long a list of what stands is believed."""

Scope = Literal["train", "notebook", "low-risk"]
PersonName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]{0,62}$")]
Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Approval(SignedModel):
    """What a station allows, and who there said so.

    =============  ====================================================================
    scope          allows
    =============  ====================================================================
    ``train``      the image `train`, with parameters within `parameters`
    ``notebook``   any train of `researcher` with the notebook `notebook`, parameters as above
    ``low-risk``   any train of `researcher` whose risk is at most `risk`, within the proposal
    =============  ====================================================================

    Always: on `datasets` and no others, under exactly the version `proposal` (None: without a
    proposal, for scope ``train`` only), at most `risk`, until `expires`. The next station of a
    sequential route may get the outputs `handed_on` and no others. `rounds` are the terms for
    rounds (None: no rounds), `resources` the most that a run may need (None: the station's policy
    limits it).
    """

    station: MemberName
    scope: Scope
    proposal_id: ProposalId | None = None
    proposal: Digest | None = None
    researcher: MemberName
    train: Digest | None = None
    notebook: Digest | None = None
    datasets: tuple[Name, ...] = Field(max_length=64)
    parameters: Bounds
    risk: Risk
    handed_on: tuple[Name, ...] = Field((), max_length=MAX_OUTPUTS)
    rounds: RoundTerms | None = None
    resources: Resources | None = None
    approvers: tuple[PersonName, ...] = Field(min_length=1, max_length=8)
    note: Line = ""
    roster_version: int = Field(ge=1)
    nonce: Nonce
    issued: Moment
    expires: Moment

    @field_validator("approvers")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a person is named twice")
        return value

    @model_validator(mode="after")
    def _of_its_scope(self) -> Approval:
        named = (self.train is not None, self.notebook is not None)
        expected = {"train": (True, False), "notebook": (False, True), "low-risk": (False, False)}
        if named != expected[self.scope]:
            raise ValueError("it names another digest than its scope is about")
        if (self.proposal is None) != (self.proposal_id is None):
            raise ValueError("a proposal is named by its name and its version's digest")
        if self.proposal is None and self.scope != "train":
            raise ValueError("a rule is within a proposal")
        if self.expires <= self.issued:
            raise ValueError("it ends before it begins")
        return self

    def sign(self, identity: Identity) -> Envelope:
        """The signed approval; its digest names it."""
        return sign_statement(identity, APPROVAL_TYPE, _subject(self), self.model_dump(mode="json"))

    def allows(self) -> str:
        """What may start under it, in a few words for a list: by digests, without who or when."""
        if self.train is not None:
            return f"the train {self.train[7:19]}"
        of = f" with the notebook {self.notebook[7:19]}" if self.notebook is not None else ""
        return f"trains{of} of at most {self.risk} risk"

    def sentence(self) -> str:
        """What is signed, in words: shown before it is."""
        what = {
            "train": f"the train {self.train}",
            "notebook": f"trains of {self.researcher} with the notebook {self.notebook}",
            "low-risk": f"trains of {self.researcher} of at most {self.risk} risk",
        }[self.scope]
        under = (
            f" under proposal {self.proposal_id}, version {self.proposal}" if self.proposal else ""
        )
        data = ", ".join(self.datasets) or "no data set"
        parts = [f"{self.station} allows {what}{under}", f"on {data}"]
        if self.handed_on:
            parts.append(f"handing {' and '.join(self.handed_on)} on to the next station")
        if self.rounds is not None:
            parts.append(self.rounds.sentence())
        if limits := resources_lines(self.resources):
            parts.append(f"with {' and '.join(limits)}")
        parts.append(f"until {self.expires:%Y-%m-%d}")
        return f"{', '.join(parts)}; approved by {' and '.join(self.approvers)}."


class Revocation(SignedModel):
    """A station takes an approval back, from now on."""

    station: MemberName
    approval: Digest
    by: PersonName
    reason: Line = ""
    roster_version: int = Field(ge=1)
    issued: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity,
            REVOCATION_TYPE,
            {"approval": self.approval},
            self.model_dump(mode="json"),
        )


class ActiveApprovals(SignedModel):
    """All approvals of a station that stand, as of `issued`; believed until `expires`.

    `number` grows with every list, so that an older one is never taken for a newer.
    """

    station: MemberName
    number: int = Field(ge=1)
    approvals: tuple[Digest, ...] = Field(max_length=10_000)
    roster_version: int = Field(ge=1)
    issued: Moment
    expires: Moment

    def sign(self, identity: Identity) -> Envelope:
        predicate = self.model_dump(mode="json")
        return sign_statement(identity, ACTIVE_APPROVALS_TYPE, _of_itself(predicate), predicate)


def open_approval(envelope: Envelope, roster: Roster) -> Approval:
    """The approval that the station named in it signed, whether or not it still stands.

    Keys that left the roster, or were stolen, are believed for nothing: an approval is for what
    comes, not for what was. Raises NotOnRosterError, SignatureError, or ApprovalError with one of
    the codes ``approval-role``, ``approval-form``, ``approval-signer``.
    """
    approval = _open(envelope, APPROVAL_TYPE, Approval, roster)
    _require_subject(envelope, _subject(approval))
    return approval


def open_revocation(envelope: Envelope, roster: Roster) -> Revocation:
    """Raises as `open_approval`."""
    revocation = _open(envelope, REVOCATION_TYPE, Revocation, roster)
    _require_subject(envelope, {"approval": revocation.approval})
    return revocation


def open_active_approvals(
    envelope: Envelope, roster: Roster, *, station: str, now: datetime, at_least: int = 1
) -> ActiveApprovals:
    """The list of `station`, if it is not older than number `at_least` and its time is not over.

    Raises as `open_approval`, and ApprovalError ``standing-station``, ``standing-rolled-back``,
    ``standing-stale``, ``standing-future``.
    """
    active = _open(envelope, ACTIVE_APPROVALS_TYPE, ActiveApprovals, roster)
    _require_subject(envelope, _of_itself(peek(envelope).predicate))
    if active.station != station:
        raise ApprovalError(
            f"This is the list of {active.station}, not of {station}: do not rely on it.",
            code="standing-station",
        )
    if active.number < at_least:
        raise ApprovalError(
            f"This list of {station}'s approvals has the number {active.number}; number "
            f"{at_least} was seen before.",
            "Central shows an old one: tell its operator.",
            code="standing-rolled-back",
        )
    if active.issued > now + CLOCK_SKEW:
        raise ApprovalError(
            f"This list of {station}'s approvals comes from the future.",
            "Check the clocks of the station and of this machine.",
            code="standing-future",
        )
    if now >= min(active.expires, active.issued + FRESHNESS):
        raise ApprovalError(
            f"The newest list of {station}'s approvals that is known here ended at "
            f"{active.expires:%Y-%m-%d %H:%M} UTC.",
            "The station is off, or central withholds newer ones: ask the station whether its "
            "approval is active.",
            code="standing-stale",
        )
    return active


_V = TypeVar("_V", Approval, Revocation, ActiveApprovals)


def _open(envelope: Envelope, kind: str, value: type[_V], roster: Roster) -> _V:
    statement, signer = open_statement(envelope, kind, roster.members)
    if not signer.has_stops:
        require_role(signer, "station", ApprovalError, "approval-role", "approve what runs there")
    read = read_predicate(
        value, statement, ApprovalError("", code="approval-form"), f"What {signer.name} signed"
    )
    if read.station != signer.name:
        raise ApprovalError(
            f"This is signed by {signer.name} in the name of {read.station}.",
            f"Only {read.station} may say what runs there: do not rely on it, and tell an officer.",
            code="approval-signer",
        )
    return read


def _subject(approval: Approval) -> Mapping[str, str]:
    named = {
        "train": approval.train,
        "notebook": approval.notebook,
        "proposal": approval.proposal,
    }
    return {name: value for name, value in named.items() if value is not None}


def _of_itself(predicate: Mapping[str, Any]) -> Mapping[str, str]:
    """A list is about no other document, so it names itself."""
    return {"standing": digest(canonical(predicate))}


def _require_subject(envelope: Envelope, expected: Mapping[str, str]) -> None:
    if {s.name: s.sha256 for s in peek(envelope).subject} != dict(expected):
        raise ApprovalError(
            "This is signed about something else than it says: do not rely on it.",
            code="approval-form",
        )
