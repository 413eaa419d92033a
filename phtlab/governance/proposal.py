"""The proposal: what a study asks of stations, signed by its researcher, version by version.

A version is named by the digest of its signed statement, and names the version before it: so an
approval of one version says nothing of the next, and nobody can slip one in between.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
)

from phtlab.errors import ProposalError
from phtlab.governance.bounds import Bounds
from phtlab.governance.risk import Risk
from phtlab.governance.rounds import RoundTerms
from phtlab.governance.text import Line, Lines
from phtlab.notebook.parameters import ParameterSchema
from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import (
    Envelope,
    open_statement,
    peek,
    require_type,
    sign_statement,
)
from phtlab.train.documents.manifest import MAX_OUTPUTS, Name, Resources
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate, require_role

PROPOSAL_TYPE = "https://phtlab.org/proposal/v2"
ProposalId = Annotated[str, StringConstraints(pattern=r"^p-[0-9a-f]{16}$")]


class RequestedData(SignedModel):
    """A data set that the study needs, and its columns; none named is all."""

    name: Name
    columns: tuple[Annotated[str, StringConstraints(min_length=1, max_length=128)], ...] = Field(
        (), max_length=1000
    )


class Proposal(SignedModel):
    """One version. `parameters` is a JSON Schema: the bounds that its journeys keep to.

    `notebooks` are the SHA-256 of the notebooks that will travel, where they are known already.
    `handed_on` are the outputs that a station hands on to the next one of a sequential route,
    `rounds` the terms for rounds (None: no rounds), `resources` the most that a run may need (None:
    each station's policy limits it).
    `risk` and `reasons` are what the researcher's machine worked out; each station does so anew.
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
    handed_on: tuple[Name, ...] = Field((), max_length=MAX_OUTPUTS)
    rounds: RoundTerms | None = None
    resources: Resources | None = None
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

    @property
    def most_rounds(self) -> int:
        """How often one journey may ask the same data at most."""
        return self.rounds.most if self.rounds else 1

    def sign(self, identity: Identity) -> Envelope:
        """The signed version; its digest is the version's name."""
        predicate = self.model_dump(mode="json")
        return sign_statement(
            identity, PROPOSAL_TYPE, {_subject(self): digest(canonical(predicate))}, predicate
        )


def new_id() -> str:
    """The name of a new proposal, which all its versions keep."""
    return "p-" + secrets.token_hex(8)


def open_proposal(envelope: Envelope, roster: Roster) -> Proposal:
    """The version that a researcher of `roster` signed.

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


def unverified_proposal(envelope: Envelope) -> Proposal:
    """The version in `envelope` WITHOUT any check of who signed it: to list, never to act on.

    Raises SignatureError (``document-version`` if it is in another version of the format), or
    ProposalError (``proposal-form``).
    """
    statement = peek(envelope)
    require_type(statement.predicate_type, PROPOSAL_TYPE)
    return read_predicate(
        Proposal, statement, ProposalError("", code="proposal-form"), "This proposal"
    )


def require_successor(newer: Proposal, older: Proposal | None, older_digest: str | None) -> None:
    """Raises ProposalError (``proposal-version``) unless `newer` directly follows `older`.

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
