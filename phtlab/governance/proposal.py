"""The proposal: what a study requests of stations, signed by its researcher, version by version.

The digest of its signed statement identifies a version, which names the version before it: so an
approval of one version does not cover the next, and nobody can insert one in between.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from phtlab.errors import ProposalError
from phtlab.governance.bounds import Bounds
from phtlab.governance.risk import Risk
from phtlab.governance.text import Line, Lines
from phtlab.notebook.parameters import ParameterSchema
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from phtlab.train.documents.manifest import Name
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate, require_role

PROPOSAL_TYPE = "https://phtlab.org/proposal/v1"
ProposalId = Annotated[str, StringConstraints(pattern=r"^p-[0-9a-f]{16}$")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class RequestedData(_Value):
    """A data set that the study needs, and its columns; empty for all."""

    name: Name
    columns: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        (), max_length=1000
    )


class Proposal(_Value):
    """One version. `parameters` is a JSON Schema: the bounds of its journeys' parameters.

    `notebooks` are the SHA-256 of the notebooks to be sent, where known. The researcher's machine
    computed `risk` and `reasons`; each station computes its own.
    """

    id: ProposalId
    version: int = Field(ge=1, le=10_000)
    previous: Digest | None = None
    researcher: MemberName
    title: Line = Field(min_length=3)
    question: Lines = Field(min_length=3)
    legal_ground: Lines = Field(min_length=3)
    datasets: tuple[RequestedData, ...] = Field(min_length=1, max_length=64)
    stations: tuple[MemberName, ...] = Field(min_length=1, max_length=256)
    images: tuple[Digest, ...] = Field(min_length=1, max_length=64)
    notebooks: tuple[Digest, ...] = Field((), max_length=64)
    parameters: Bounds = Field(default_factory=lambda: ParameterSchema({}).schema)
    journeys: int = Field(1, ge=1, le=100_000)
    rounds: int = Field(1, ge=1, le=100_000)
    risk: Risk
    reasons: tuple[Line, ...] = Field((), max_length=64)
    issued: Moment
    until: Moment

    @field_validator("stations")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a station is named twice")
        return value

    def sign(self, identity: Identity) -> Envelope:
        """Sign the version; its digest identifies it."""
        predicate = self.model_dump(mode="json")
        return sign_statement(
            identity, PROPOSAL_TYPE, {_subject(self): digest(canonical(predicate))}, predicate
        )


def new_id() -> str:
    """Return the id of a new proposal, which all its versions keep."""
    return "p-" + secrets.token_hex(8)


def open_proposal(envelope: Envelope, roster: Roster) -> Proposal:
    """Return the version, if a researcher of `roster` signed it.

    Raises NotOnRosterError, SignatureError, or ProposalError with one of the codes
    ``proposal-role``, ``proposal-form``, ``proposal-signer``, ``proposal-time``.
    """
    statement, signer = open_statement(envelope, PROPOSAL_TYPE, roster.members)
    require_role(signer, "researcher", ProposalError, "proposal-role", "propose a study")
    proposal = read_predicate(
        Proposal, statement, ProposalError("", code="proposal-form"), "This proposal"
    )
    about = [(_subject(proposal), digest(canonical(statement.predicate)))]
    if [(s.name, s.sha256) for s in statement.subject] != about:
        raise ProposalError(
            "This proposal is signed about something else than it says.",
            "Write it again.",
            code="proposal-form",
        )
    if signer.name != proposal.researcher:
        raise ProposalError(
            f"This proposal of {proposal.researcher} is signed by {signer.name}. Only its "
            "researcher may propose it.",
            code="proposal-signer",
        )
    if proposal.until <= proposal.issued:
        raise ProposalError(
            "This proposal ends before it was written.", "Give a later day.", code="proposal-time"
        )
    return proposal


def require_successor(newer: Proposal, older: Proposal | None, older_digest: str | None) -> None:
    """Raise ProposalError (``proposal-version``) unless `newer` directly follows `older`.

    `older_digest` is that of the signed version; both are None for a first version.
    """
    expected = (1, None) if older is None else (older.version + 1, older_digest)
    if (newer.version, newer.previous) != expected:
        raise ProposalError(
            f"Version {newer.version} of the proposal {newer.id} does not follow version "
            f"{older.version if older else 0}: a version is missing, or was put in between.",
            code="proposal-version",
        )
    if older is not None and (older.id, older.researcher) != (newer.id, newer.researcher):
        raise ProposalError(
            f"This is a version of the proposal {newer.id} of {newer.researcher}; the one before "
            f"is of {older.id} of {older.researcher}.",
            code="proposal-version",
        )


def _subject(proposal: Proposal) -> str:
    return f"{proposal.id}/{proposal.version}"
