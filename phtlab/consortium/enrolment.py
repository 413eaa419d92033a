"""Asking to become a member, or to be one no longer: signed requests that an officer acts on.

The request is signed with the keys that it names, which proves that whoever sent it
holds them. Whether that is the person or the station it claims to be is for people:
they compare the fingerprint by telephone before the roster is signed. Asking to be removed needs
no such comparison: whoever holds the keys may always give them up, a thief of them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import (
    Field,
    ValidationError,
    field_validator,
)

from phtlab.errors import RosterError, SignatureError
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import Identity, Member, MemberName, Role
from phtlab.train.documents.envelope import Envelope, open_statement, peek, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.validation_summary import validation_summaries

REQUEST_TYPE = "https://phtlab.org/membership-request/v1"
REMOVAL_TYPE = "https://phtlab.org/removal-request/v1"
MAX_REASON = 500  # characters


class Removal(StrictModel):
    """Who asks to be taken off the roster, and why. `keys` names the public keys given up."""

    name: MemberName
    keys: Digest
    reason: str = Field("", max_length=MAX_REASON)
    asked: Moment

    @field_validator("reason")
    @classmethod
    def _printable(cls, text: str) -> str:
        # Officers read it on a terminal.
        if not text.isprintable():
            raise ValueError("a reason is one line of printable characters")
        return text


def request_membership(
    identity: Identity, organisation: str = "", roles: Sequence[Role] = ("researcher",)
) -> Envelope:
    """Ask for `identity` to be put on the roster with `roles`.

    Raises RosterError if the name, the organisation or the roles are not of the accepted form.
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
            f"This request is not valid: {where} ({why}).",
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
    """Who asks, if the request is signed with the very keys that it names.

    Raises SignatureError otherwise. The answer is a claim until an officer has
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
    """Ask for `identity` to be taken off the roster: its keys may be in other hands, say.

    Raises RosterError (`request`) if the reason is longer than a line.
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
        raise RosterError(f"This request is not valid: {where} ({why}).", code="request") from None
    return sign_statement(
        identity, REMOVAL_TYPE, {removal.name: keys}, removal.model_dump(mode="json")
    )


def _keys_digest(member: Member) -> str:
    return digest(canonical(member.keys.model_dump()))
