"""Requests for membership and for removal: signed, for an officer to act on.

A request is signed with the keys that it names, which proves that its sender holds them. People
verify that the sender is the claimed person or station: they compare the fingerprint by telephone
before the roster is signed. A removal needs no such comparison: whoever holds the keys, even a
thief, may give them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from phtlab.errors import RosterError, SignatureError
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, Member, MemberName, Role
from phtlab.train.documents.envelope import Envelope, open_statement, peek, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.validation_summary import validation_summaries

REQUEST_TYPE = "https://phtlab.org/membership-request/v1"
REMOVAL_TYPE = "https://phtlab.org/removal-request/v1"
MAX_REASON = 500  # characters


class Removal(BaseModel):
    """A member's request to leave the roster. `keys` is the digest of the public keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: MemberName
    keys: Digest
    reason: str = Field("", max_length=MAX_REASON)
    asked: Moment

    @field_validator("reason")
    @classmethod
    def _printable(cls, text: str) -> str:
        # Officers read the reason on a terminal.
        if not text.isprintable():
            raise ValueError("a reason is one line of printable characters")
        return text


def request_membership(
    identity: Identity, organisation: str = "", roles: Sequence[Role] = ("researcher",)
) -> Envelope:
    """Request that officers add `identity` to the roster with `roles`.

    Raises RosterError if the name, the organisation or the roles are invalid.
    """
    try:
        member = Member(
            name=identity.name,
            organisation=organisation,
            roles=tuple(roles),
            keys=identity.public,
        )
    except ValidationError as error:
        where, why = validation_summaries(error)[0]
        raise RosterError(
            f"This cannot be asked for: {where} ({why}).",
            "A name is 2 to 63 characters of a-z, 0-9 and '-'.",
            code="request",
        ) from None
    return sign_statement(
        identity,
        REQUEST_TYPE,
        {member.name: _keys_digest(member)},
        member.model_dump(mode="json"),
    )


def open_request(envelope: Envelope) -> Member:
    """Return who requests membership, if the request is signed with the very keys that it names.

    Raises SignatureError otherwise. The member is unconfirmed until an officer has
    compared `Member.keys.fingerprint` with the sender by another channel.
    """
    try:
        claimed = Member.model_validate(peek(envelope).predicate)
    except ValidationError:
        raise SignatureError(
            "This is not a request for membership.",
            "Ask its sender for the file that 'phtlab key request' or 'phtlab station request' "
            "wrote.",
            code="request-form",
        ) from None
    statement, member = open_statement(envelope, REQUEST_TYPE, (claimed,))
    if [(s.name, s.sha256) for s in statement.subject] != [(member.name, _keys_digest(member))]:
        raise SignatureError("This request names other keys than it is about.", code="request-keys")
    return member


def request_removal(identity: Identity, reason: str = "", now: datetime | None = None) -> Envelope:
    """Request that officers remove `identity`, for example because its keys may be stolen.

    Raises RosterError (`request`) unless the reason is one line of at most MAX_REASON characters.
    """
    keys = digest(canonical(identity.public.model_dump()))
    try:
        removal = Removal(
            name=identity.name,
            keys=keys,
            reason=reason,
            asked=(now or datetime.now(UTC)).replace(microsecond=0),
        )
    except ValidationError as error:
        where, why = validation_summaries(error)[0]
        raise RosterError(f"This cannot be asked for: {where} ({why}).", code="request") from None
    return sign_statement(
        identity, REMOVAL_TYPE, {removal.name: keys}, removal.model_dump(mode="json")
    )


def open_removal(envelope: Envelope, roster: Roster) -> Removal:
    """Return the request for removal, if the member on `roster` with these very keys signed it.

    Raises SignatureError for anything else, NotOnRosterError if no member holds the keys: they
    were removed before, or never on the roster.
    """
    statement, member = open_statement(envelope, REMOVAL_TYPE, roster.members)
    try:
        removal = Removal.model_validate(statement.predicate)
    except ValidationError:
        raise SignatureError(
            "This is not a request to be removed from the roster.",
            "Ask its sender for the file that revoking the key wrote.",
            code="request-form",
        ) from None
    signed = (member.name, _keys_digest(member))
    named = [(s.name, s.sha256) for s in statement.subject]
    if named != [signed] or (removal.name, removal.keys) != signed:
        raise SignatureError("This request names other keys than it is about.", code="request-keys")
    return removal


def _keys_digest(member: Member) -> str:
    return digest(canonical(member.keys.model_dump()))
