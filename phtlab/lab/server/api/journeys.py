"""Journeys and their stops, and the dispatch of a notebook."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from phtlab.governance.proposal import ProposalId
from phtlab.lab.display.rounds_map import RoundsMap
from phtlab.lab.server.api.model import ApiModel, ContentsPath, ParameterValues, Timestamp
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.record import StopState


class CellError(ApiModel):
    type: str
    cell: int | None = Field(
        description="Number of the cell from 1, in the notebook as its author has it."
    )
    line: int | None
    message: str | None


class Stop(ApiModel):
    station: str
    number: int
    state: StopState
    words: str
    final: bool
    contradicted: bool = Field(description="Its station signed another record of it as well.")
    code: str
    sentence: str
    error: CellError | None
    cell: int | None
    cells: int | None
    updated: Timestamp
    seconds: float | None = Field(description="How long it took; null until it has ended.")
    combines: bool = Field(description="Whether it is that of an aggregator, which has no data.")


class Journey(ApiModel):
    id: str
    short: str
    train: str
    train_name: str
    researcher: str
    mine: bool
    twin: bool
    submitted: Timestamp
    expires: Timestamp
    removed: Timestamp | None
    done: bool
    cancelled: bool
    route: str = Field(description='"parallel", "sequential" or "rounds".')
    continues: str | None = Field(description="The journey that it continues.")
    continued_by: str | None = Field(description="The journey that continues it.")
    resumable: bool = Field(description="Whether its researcher can continue it now.")
    parameters: ParameterValues | None
    recipients: list[str]
    notebook: str | None
    rounds: RoundsMap | None = Field(description="Null on a route without rounds.")
    stops: list[Stop]


class ProposalVersion(ApiModel):
    """A proposal, in the version that the person saw: no other is signed for."""

    id: ProposalId
    digest: Digest


class Dispatch(ApiModel):
    """The journey that is to be signed; "twin" is a dry run."""

    path: ContentsPath
    checked: Digest = Field(
        description="The digest of the check that the person saw: nothing else is signed."
    )
    stations: (
        Literal["all", "twin"] | Annotated[list[MemberName], Field(min_length=1, max_length=256)]
    )
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=1000)
    recipients: list[MemberName] = Field(default_factory=list, max_length=63)
    proposal: ProposalVersion | None = Field(
        None, description="The proposal that it is made under; null: under none."
    )
    aggregator: MemberName | None = Field(
        None, description="Who combines the rounds; null: the kernel of whoever waits for them."
    )
