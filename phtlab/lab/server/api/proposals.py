"""Proposals: what a study asks of stations, how far each is, and the draft beside a notebook."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phtlab.governance.refusal import WithdrawalReason
from phtlab.lab.server.api.model import ApiModel, ContentsPath, Timestamp
from phtlab.train.canonical import Digest
from phtlab.wire.api.governance import CommentText, ProposalState, StationState


class ProposalStation(ApiModel):
    """How far a station is with the newest version of a proposal."""

    station: str
    state: StationState
    allows: str = Field(
        description="What may start under its approval, in words; empty if there is none."
    )
    lacks: str = Field(
        description="Why the study's own trains may not start under it; empty if they may."
    )
    question: str = Field(description="Its last question, until it decides.")


class Proposal(ApiModel):
    """What a study asks of stations: the newest version, in a few words."""

    id: str
    title: str
    researcher: str
    version: int
    digest: str
    state: ProposalState
    until: Timestamp
    updated: Timestamp
    comments: int
    stations: list[ProposalStation]


class ProposalDecision(ApiModel):
    station: str
    kind: Literal["approved", "refused", "revoked"]
    at: Timestamp
    sentence: str = Field(description="What the station signed, in words.")


class ProposalComment(ApiModel):
    author: str
    at: Timestamp
    text: str
    question: bool


class ProposalDetail(Proposal):
    """A proposal with the decisions on its newest version and all comments."""

    decisions: list[ProposalDecision]
    discussion: list[ProposalComment]


class ProposalLine(ApiModel):
    mark: Literal["-", "+", " "]
    text: str


class ProposalPart(ApiModel):
    heading: str
    lines: list[ProposalLine]


class ProposalCheck(ApiModel):
    """What the draft of a notebook's proposal would ask for as its next version."""

    id: str
    title: str
    version: int
    stations: list[str]
    checked: str = Field(description="Its digest: what is submitted is this, or nothing.")
    parts: list[ProposalPart] = Field(
        description="A first version whole; of a later one what differs from the one before."
    )


class ProposalDraft(ApiModel):
    """Where the draft of a notebook's proposal is."""

    path: str
    made: bool = Field(description="Whether it was written now.")


class NotebookPath(ApiModel):
    """The notebook's path as Lab has it; its proposal's draft lies beside it."""

    path: ContentsPath


class CheckedNotebook(NotebookPath):
    """The notebook whose proposal is submitted."""

    checked: Digest = Field(
        description="The digest of what the person was shown: nothing else is signed."
    )


class ProposalWithdrawal(ApiModel):
    reason: WithdrawalReason = ""


class NewComment(ApiModel):
    text: CommentText
