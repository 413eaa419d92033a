"""Asking to become a member: a signed request that an officer turns into a line of the roster.

The request is signed with the keys that it names, which proves that whoever sent it
holds them. Whether that is the person or the station it claims to be is for people:
they compare the fingerprint by telephone before the roster is signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from phtlab.errors import RosterError, SignatureError
from phtlab.train.canonical import canonical, digest
from phtlab.train.envelope import Envelope, open_statement, peek, sign_statement
from phtlab.train.fault import faults_of
from phtlab.train.identity import Identity, Member, Role

REQUEST_TYPE = "https://phtlab.org/membership-request/v1"


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
        where, why = faults_of(error)[0]
        raise RosterError(
            f"This cannot be asked for: {where} ({why}). A name is 2 to 63 characters of a-z, 0-9 "
            "and '-'.",
            code="request",
        ) from None
    keys = digest(canonical(member.keys.model_dump()))
    return sign_statement(
        identity, REQUEST_TYPE, {member.name: keys}, member.model_dump(mode="json")
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
            "This is not a request for membership. Ask its sender for the file that "
            "'phtlab key request' or 'phtlab station request' wrote.",
            code="request",
        ) from None
    statement, member = open_statement(envelope, REQUEST_TYPE, (claimed,))
    keys = digest(canonical(member.keys.model_dump()))
    if [(s.name, s.sha256) for s in statement.subject] != [(member.name, keys)]:
        raise SignatureError("This request names other keys than it is about.", code="request")
    return member
