"""Authentication and authorization of API requests: one FastAPI dependency per kind of access.

=================  =====================  =====================================================
dependency         with a member's key    with a hub user's token
=================  =====================  =====================================================
`Onlooker`         any member             scope read; not necessarily a member
`Reader`           any member             scope read, and the member of that name
`Dispatcher`       any member             scope dispatch, and the member of that name
`Commenter`        any member             scope dispatch or govern, and the member of that name
`RegistryUser`     any member             scope read or dispatch, and the member of that name
`StationMember`    a station, aggregator  never
=================  =====================  =====================================================

Routes check finer permissions themselves: an order belongs to its researcher, a stop to its
station. Only `sender_of` runs in a thread, since it queries the database.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from phtlab.central.context import CentralContext, ServicesOf, published_for
from phtlab.central.hub.users import DISPATCH, GOVERN, READ, HubUser
from phtlab.central.problems import Refusal, forbidden, unauthenticated
from phtlab.errors import CentralError, NotOnRosterError
from phtlab.train.crypto.identity import Member, Role
from phtlab.train.documents.roster import Roster
from phtlab.wire.central.token import verify

STOP_ROLES: Final[frozenset[Role]] = frozenset({"station", "aggregator"})
"""Roles of members that have stops: a hub token never acts under them."""

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
    "to. Its scopes `custom:phtlab:…` determine what it allows.",
    auto_error=False,
)


@dataclass(frozen=True)
class Requester:
    """The authenticated sender of a request: a member by its own key, or a hub user by a token.

    `user` is None for a member's own key, `member` is None for a hub user who is not on the roster.
    `again` repeats the authentication, for long streams; it raises PhtlabError if that fails.
    """

    name: str
    member: Member | None
    user: HubUser | None = None
    again: Callable[[], Requester] = field(repr=False, kw_only=True)

    def may(self, scope: str) -> bool:
        """Return whether the sender may act under `scope`; a member's own key needs no scope."""
        return self.user is None or self.user.may(scope)

    def require(self, *scopes: str) -> None:
        """Raise CentralError (``hub-scope``) unless the sender may act under one of `scopes`."""
        if not any(map(self.may, scopes)):
            raise CentralError(
                f"{self.name[:64]}'s token of the hub has not the scope {' or '.join(scopes)}, "
                "which this needs.",
                "Ask whoever runs the hub for the role; a new token, or a restart of the server, "
                "brings what was granted since.",
                code="hub-scope",
            )

    def as_member(self) -> Member:
        """Return the member. Raises NotOnRosterError for a hub user who is not a member."""
        if self.member is None:
            raise NotOnRosterError(
                f"The hub user '{self.name[:64]}' is not a member of this consortium, so only its "
                "stations can be seen.",
                "Make a key of that name and ask an officer to admit it.",
            )
        return self.member


def sender_of(request: Request, services: ServicesOf) -> Requester:
    """Authenticate the sender of `request`, by the header `Authorization` and nothing else.

    Runs once per request, before central reads a body (`KnownSenderRoute`).
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
            roster = published_for(request, services).roster
            sender = _key_sender(services, roster, _jwt(scheme.lower(), value.strip()))
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
    """Require a sender who may see the stations."""
    sender.require(READ)
    return sender


async def reader(sender: SenderOf, _key: _ByKey, _hub: _ByRead) -> Member:
    """Require a member who may read what concerns them."""
    return _member(sender, READ)


async def dispatcher(sender: SenderOf, _key: _ByKey, _hub: _ByDispatch) -> Member:
    """Require a member who may submit, and cancel, what they signed."""
    return _member(sender, DISPATCH)


async def registry_user(
    sender: SenderOf, _key: _ByKey, _read: _ByRead, _send: _ByDispatch
) -> Requester:
    """Require a member who may pull, or push to their own repositories."""
    _member(sender, READ, DISPATCH)
    return sender


async def commenter(
    sender: SenderOf, _key: _ByKey, _send: _ByDispatch, _govern: _ByGovern
) -> Requester:
    """Require a member who may comment on a proposal that they see."""
    _member(sender, DISPATCH, GOVERN)
    return sender


async def station_member(sender: SenderOf, _key: _ByKey) -> Member:
    """Require a member that has stops, a station or an aggregator, with its own key.

    A hub token never acts as one.
    """
    if sender.user is not None:
        raise forbidden(
            "This is for a station and its own key. A token of the hub never acts as a station."
        )
    member = sender.as_member()
    if not member.has_stops:
        raise forbidden(
            f"This is for a station or an aggregator; {member.name} is on the roster as "
            f"{', '.join(member.roles)}."
        )
    return member


Onlooker = Annotated[Requester, Depends(hub_reader)]
Reader = Annotated[Member, Depends(reader)]
Dispatcher = Annotated[Member, Depends(dispatcher)]
Commenter = Annotated[Requester, Depends(commenter)]
RegistryUser = Annotated[Requester, Depends(registry_user)]
StationMember = Annotated[Member, Depends(station_member)]


def hub_sender(services: CentralContext, token: str) -> Requester:
    """Return the sender that a hub user's `token` identifies.

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
    """Return the member with the name of a hub user, without roles that have stops, or None."""
    member = next((member for member in roster.members if member.name == name), None)
    roles = tuple(role for role in member.roles if role not in STOP_ROLES) if member else ()
    return member.model_copy(update={"roles": roles}) if member and roles else None


def _key_sender(services: CentralContext, roster: Roster, token: str) -> Requester:
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
        # 403: not 401, since the sender is known; nor the status of an order with a wrong name.
        raise Refusal(error, 403) from None


def _jwt(scheme: str, value: str) -> str:
    """Return a member's token: the bearer, or the password of basic authentication.

    Container engines send the token as that password to a registry's token service.
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
