"""Who sends a request, and what each route takes: one dependency a route says it.

=================  =====================  =====================================================
dependency         of a member's own key  of a hub user's token
=================  =====================  =====================================================
`Onlooker`         any member             scope read; not necessarily a member
`Reader`           any member             scope read, and the member of that name
`Dispatcher`       any member             scope dispatch, and the member of that name
`Commenter`        any member             scope dispatch or govern, and the member of that name
`RegistryUser`     any member             scope read or dispatch, and the member of that name
`StationMember`    a station              never
=================  =====================  =====================================================

What a member may do beyond that (an order is its researcher's, a stop its station's) is asked
where it is done. Only who it is is found out in a thread, since the database is asked for that.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from phtlab.central.context import CentralContext, ServicesOf
from phtlab.central.hub.users import DISPATCH, GOVERN, READ, HubUser
from phtlab.central.problems import Refusal, forbidden, unauthenticated
from phtlab.errors import CentralError, NotOnRosterError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.central.token import verify

member_key = HTTPBearer(
    scheme_name="memberKey",
    bearerFormat="JWT",
    description="`Authorization: Bearer JWT`, signed by a member's own Ed25519 key. Container "
    "engines may send it as the password of basic authentication.",
    auto_error=False,
)
hub_token = APIKeyHeader(
    scheme_name="hubToken",
    name="Authorization",
    description="`Authorization: token TOKEN` of a user of the JupyterHub that central belongs "
    "to. What it allows are its scopes `custom:phtlab:…`.",
    auto_error=False,
)


@dataclass(frozen=True)
class Requester:
    """Who sends a request. `user` is None where the member's own key signed for it.

    `member` is None for a hub user without a line on the roster. `again` finds out anew who it
    is, for what lasts; it raises PhtlabError if that no longer holds.
    """

    name: str
    member: Member | None
    user: HubUser | None = None
    again: Callable[[], Requester] = field(repr=False, kw_only=True)

    def may(self, scope: str) -> bool:
        """Whether the sender's token has `scope`; a member's own key has no need of it."""
        return self.user is None or self.user.may(scope)

    def require(self, *scopes: str) -> None:
        """Raises CentralError (``hub-scope``) unless the token has one of `scopes`."""
        if not any(map(self.may, scopes)):
            raise CentralError(
                f"{self.name[:64]}'s token of the hub has not the scope {' or '.join(scopes)}, "
                "which this needs.",
                "Ask whoever runs the hub for the role; a new token, or a restart of the server, "
                "brings what was granted since.",
                code="hub-scope",
            )

    def as_member(self) -> Member:
        """The member. Raises NotOnRosterError for a hub user who is none."""
        if self.member is None:
            raise NotOnRosterError(
                f"The hub user '{self.name[:64]}' is not a member of this consortium, so only its "
                "stations can be seen.",
                "Make a key of that name and ask an officer to admit it.",
            )
        return self.member


def sender_of(request: Request, services: ServicesOf) -> Requester:
    """Who sends this request, by the header `Authorization` and nothing else.

    Found out once for a request: before its body is read, where it has one.
    """
    found = getattr(request.state, "sender", None)
    if isinstance(found, Requester):
        return found
    header = request.headers.get("authorization", "")
    scheme, _, value = header.partition(" ")
    try:
        if scheme.lower() == "token" and value.strip():
            sender = hub_sender(services, value.strip())
        else:
            sender = _key_sender(services, _jwt(scheme.lower(), value.strip()))
    except (CentralError, NotOnRosterError) as error:
        raise unauthenticated(error) from None
    services.concurrency.enter_member(request, sender.name)
    request.state.sender = sender
    request.state.member = sender.name
    request.state.by = "key" if sender.user is None else "hub"
    return sender


SenderOf = Annotated[Requester, Depends(sender_of)]
_ByKey = Annotated[object, Security(member_key)]
_ByRead = Annotated[object, Security(hub_token, scopes=[READ])]
_ByDispatch = Annotated[object, Security(hub_token, scopes=[DISPATCH])]
_ByGovern = Annotated[object, Security(hub_token, scopes=[GOVERN])]


async def hub_reader(sender: SenderOf, _key: _ByKey, _hub: _ByRead) -> Requester:
    """Whoever may see the stations."""
    sender.require(READ)
    return sender


async def reader(sender: SenderOf, _key: _ByKey, _hub: _ByRead) -> Member:
    """A member who may see what is theirs."""
    return _member(sender, READ)


async def dispatcher(sender: SenderOf, _key: _ByKey, _hub: _ByDispatch) -> Member:
    """A member who may send what they signed, and cancel it."""
    return _member(sender, DISPATCH)


async def registry_user(
    sender: SenderOf, _key: _ByKey, _read: _ByRead, _send: _ByDispatch
) -> Requester:
    """A member who may pull, or push to their own repositories."""
    _member(sender, READ, DISPATCH)
    return sender


async def commenter(
    sender: SenderOf, _key: _ByKey, _send: _ByDispatch, _govern: _ByGovern
) -> Requester:
    """A member who may say something of a proposal that they see."""
    _member(sender, DISPATCH, GOVERN)
    return sender


async def station_member(sender: SenderOf, _key: _ByKey) -> Member:
    """A station, by its own key: no hub speaks for one."""
    if sender.user is not None:
        raise forbidden(
            "This is for a station and its own key. A token of the hub never acts as a station."
        )
    member = sender.as_member()
    if not member.is_station:
        raise forbidden(
            f"This is for a station; {member.name} is on the roster as {', '.join(member.roles)}."
        )
    return member


Onlooker = Annotated[Requester, Depends(hub_reader)]
Reader = Annotated[Member, Depends(reader)]
Dispatcher = Annotated[Member, Depends(dispatcher)]
Commenter = Annotated[Requester, Depends(commenter)]
RegistryUser = Annotated[Requester, Depends(registry_user)]
StationMember = Annotated[Member, Depends(station_member)]


def hub_sender(services: CentralContext, token: str) -> Requester:
    """The sender with a hub user's `token`.

    Raises CentralError (``token-invalid``), HubUnreachableError.
    """
    if services.hub is None:
        raise CentralError(
            "This central takes no tokens of a hub: it belongs to none.",
            "Use a member's key.",
            code="token-invalid",
        )
    user = services.hub.user_of(token)
    member = member_called(services.publication.current().roster, user.name)
    return Requester(user.name, member, user, again=lambda: hub_sender(services, token))


def member_called(roster: Roster, name: str) -> Member | None:
    """The member that a hub user called `name` is. A station is nobody's user."""
    member = next((member for member in roster.members if member.name == name), None)
    roles = tuple(role for role in member.roles if role != "station") if member else ()
    return member.model_copy(update={"roles": roles}) if member and roles else None


def _key_sender(services: CentralContext, token: str) -> Requester:
    roster = services.publication.current().roster
    member = verify(token, roster, services.settings.audience, services.clock())
    return _known(services, member)


def _known(services: CentralContext, member: Member) -> Requester:
    def again() -> Requester:
        return _known(services, services.publication.current().roster.member(member.name))

    return Requester(member.name, member, again=again)


def _member(sender: Requester, *scopes: str) -> Member:
    sender.require(*scopes)
    try:
        return sender.as_member()
    except NotOnRosterError as error:
        # Who it is is known, so this is no 401; and it is no order with a wrong name in it.
        raise Refusal(error, 403) from None


def _jwt(scheme: str, value: str) -> str:
    """A member's token: a bearer, or the password of basic authentication.

    The latter is how container engines speak to a registry's token service.
    """
    if scheme == "bearer" and value:
        return value
    if scheme == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        token = decoded.partition(":")[2]
        if token:
            return token
    raise CentralError(
        "This needs a member's token: 'Authorization: Bearer …', signed by the member's own key.",
        "The phtlab client and command do that.",
        code="unauthenticated",
    )
