"""The API schema of proposals, approvals and lists of active approvals, version 1.

Readers act only on envelopes, after verifying them; all other fields are for display.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from phtlab.governance.proposal import ProposalId
from phtlab.governance.text import Lines
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment

ProposalState = Literal["submitted", "in-review", "decided", "expired", "withdrawn"]
StationState = Literal[
    "submitted", "in-review", "approved", "refused", "revoked", "expired", "void"
]
CommentText = Annotated[Lines, StringConstraints(min_length=1, max_length=4000)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VersionView(_Model):
    """One version of a proposal; `digest` is that of the signed statement, and identifies it."""

    digest: Digest
    version: int
    submitted: Moment
    envelope: Envelope


class DecisionView(_Model):
    """A station's signed decision on the version `proposal`: an `Approval`, or a `Refusal`.

    `revocation` is the signed revocation of this approval, if any.
    """

    digest: Digest
    station: MemberName
    proposal: Digest
    kind: Literal["approved", "refused"]
    decided: Moment
    envelope: Envelope
    revocation: Envelope | None = None


class StationStateView(_Model):
    """A station's state on the newest version. `question` is its last one, until it decides.

    If ``approved``, `allows` says what may start under the approval, and `lacks` why the study's
    own trains may not, if so. ``void`` is an approval by keys that the station no longer has. A
    decision on an older version is valid for that version only: it is among the `decisions`.
    """

    station: MemberName
    state: StationState
    allows: str = ""
    lacks: str = ""
    question: str = ""
    updated: Moment


class CommentView(_Model):
    """A comment on a proposal, sent `by` the member's key or through the hub."""

    number: int
    author: MemberName
    by: Literal["key", "hub"]
    at: Moment
    text: str
    question: bool = False
    proposal: Digest


class ProposalSummary(_Model):
    """A summary in `GET /proposals`; `digest` is that of the newest version.

    `changed` is the number of the proposal's last change.
    """

    id: ProposalId
    changed: int
    researcher: MemberName
    title: str
    version: int
    digest: Digest
    state: ProposalState
    submitted: Moment
    updated: Moment
    until: Moment
    comments: int = 0
    stations: tuple[StationStateView, ...]


class ProposalPage(_Model):
    """`GET /proposals?limit=&before=&after=`: last changed first; `next` is a `before`."""

    proposals: tuple[ProposalSummary, ...] = ()
    next: int | None = None


class ProposalView(_Model):
    """`GET /proposals/{id}`, and the answer to each change of it. Versions: oldest first.

    `withdrawal` is the researcher's signed withdrawal of the whole proposal.
    """

    summary: ProposalSummary
    versions: tuple[VersionView, ...]
    decisions: tuple[DecisionView, ...] = ()
    comments: tuple[CommentView, ...] = ()
    withdrawal: Envelope | None = None


class NewComment(_Model):
    """`POST /proposals/{id}/comments`. A station's `question` is open until the station decides."""

    text: CommentText
    question: bool = False


class ReviewBegun(_Model):
    """`PUT /proposals/{id}/reviews/{station}`: a person at the station reads this version now."""

    proposal: Digest


class ApprovalView(_Model):
    """The answer to `POST /approvals`, and an item of the pages of `GET /approvals`."""

    digest: Digest
    station: MemberName
    researcher: MemberName
    submitted: Moment
    envelope: Envelope
    revocation: Envelope | None = None


class ApprovalPage(_Model):
    """`GET /approvals?station=&proposal=&limit=&before=`: newest first; `next` is a `before`."""

    approvals: tuple[ApprovalView, ...] = ()
    next: int | None = None


class ActiveApprovalsView(_Model):
    """`GET /standing/{station}`: the station's newest signed list of active approvals."""

    station: MemberName
    number: int
    received: Moment
    envelope: Envelope


class AcceptanceView(_Model):
    """`POST /acceptances`; `GET /acceptances` lists those of the agreement in force."""

    member: MemberName
    agreement: Digest
    submitted: Moment
    envelope: Envelope
