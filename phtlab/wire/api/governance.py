"""The API schema of proposals, approvals and lists of active approvals, version 1.

Envelopes are what is acted upon, after their reader has opened them; all else is for display.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from phtlab.governance.proposal import ProposalId
from phtlab.governance.text import Lines
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment

ProposalState = Literal["submitted", "in-review", "decided", "expired", "withdrawn"]
StationState = Literal[
    "submitted", "in-review", "approved", "refused", "revoked", "expired", "void"
]
CommentText = Annotated[Lines, StringConstraints(min_length=1, max_length=4000)]


class VersionView(StrictModel):
    """One version of a proposal; `digest` is that of the signed statement, and names it."""

    digest: Digest
    version: int
    submitted: Moment
    envelope: Envelope


class DecisionView(StrictModel):
    """A station's signed word on the version `proposal`: an approval (`Approval`), or a refusal.

    `revocation` is the signed taking back of this approval, if there is one.
    """

    digest: Digest
    station: MemberName
    proposal: Digest
    kind: Literal["approved", "refused"]
    decided: Moment
    envelope: Envelope
    revocation: Envelope | None = None


class StationStateView(StrictModel):
    """How far a station is with the newest version. `question` is its last one, until it decides.

    Where it is ``approved``, `allows` is what may start under that in words, and `lacks` why the
    study's own trains may not, if so. ``void`` is an approval of keys that the station has no
    more, or in version 1 of the format.
    A decision on an older version counts for that version only: it is among the `decisions`.
    """

    station: MemberName
    state: StationState
    allows: str = ""
    lacks: str = ""
    question: str = ""
    updated: Moment


class CommentView(StrictModel):
    """What somebody said of a proposal. `by` is how: with the member's key, or through the hub."""

    number: int
    author: MemberName
    by: Literal["key", "hub"]
    at: Moment
    text: str
    question: bool = False
    proposal: Digest


class ProposalSummary(StrictModel):
    """`GET /proposals` has these: the newest version `digest`, in a few words.

    `changed` is the number of the last change that anyone made to it.
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


class ProposalPage(StrictModel):
    """`GET /proposals?limit=&before=&after=`: the last changed first; `next` is a `before`."""

    proposals: tuple[ProposalSummary, ...] = ()
    next: int | None = None


class ProposalView(StrictModel):
    """`GET /proposals/{id}`, and what is answered to whoever changes it. Versions: oldest first.

    `withdrawal` is the researcher's signed taking back of the whole proposal.
    """

    summary: ProposalSummary
    versions: tuple[VersionView, ...]
    decisions: tuple[DecisionView, ...] = ()
    comments: tuple[CommentView, ...] = ()
    withdrawal: Envelope | None = None


class NewComment(StrictModel):
    """`POST /proposals/{id}/comments`. A station's `question` waits for the researcher."""

    text: CommentText
    question: bool = False


class ReviewBegun(StrictModel):
    """`PUT /proposals/{id}/reviews/{station}`: somebody there reads this version now."""

    proposal: Digest


class ApprovalView(StrictModel):
    """`POST /approvals` answers one, `GET /approvals` pages of them."""

    digest: Digest
    station: MemberName
    researcher: MemberName
    submitted: Moment
    envelope: Envelope
    revocation: Envelope | None = None


class ApprovalPage(StrictModel):
    """`GET /approvals?station=&proposal=&limit=&before=`: newest first; `next` is a `before`."""

    approvals: tuple[ApprovalView, ...] = ()
    next: int | None = None


class ActiveApprovalsView(StrictModel):
    """`GET /standing/{station}`: the newest list of what stands there, as the station signed it."""

    station: MemberName
    number: int
    received: Moment
    envelope: Envelope


class AcceptanceView(StrictModel):
    """`POST /acceptances` answers one, `GET /acceptances` those of the agreement in force."""

    member: MemberName
    agreement: Digest
    submitted: Moment
    envelope: Envelope
