"""The parts of one running central, made once from its settings, and how a request reaches them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, Request

from phtlab.central.database import Database
from phtlab.central.metrics import Metrics
from phtlab.central.news import News
from phtlab.central.problems import Unauthenticated, forbidden
from phtlab.central.publication import Publication, Published
from phtlab.central.registry_token import RegistryTokens, read_registry_key
from phtlab.central.settings import CentralSettings
from phtlab.errors import CentralError, NotOnRosterError, SettingsError
from phtlab.train.identity import Member, Role
from phtlab.wire.token import verify

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Services:
    """What the routes work with. `clock` is UTC's."""

    settings: CentralSettings
    database: Database
    news: News
    publication: Publication
    registry_tokens: RegistryTokens
    metrics: Metrics
    clock: Clock

    @classmethod
    def of(cls, settings: CentralSettings, clock: Clock = lambda: datetime.now(UTC)) -> Services:
        """The services of `settings`. Raises SettingsError if a key or the database is wrong."""
        news = News()
        database = Database(settings.database_url, tell=news.tell, clock=clock)
        return cls(
            settings=settings,
            database=database,
            news=news,
            publication=Publication(
                database,
                settings.name,
                settings.root_file,
                read_online_key(settings.online_key_file),
                timedelta(days=settings.timestamp_days),
            ),
            registry_tokens=RegistryTokens(
                read_registry_key(settings.registry_key_file),
                issuer=settings.registry_issuer,
                service=settings.registry_service,
                seconds=settings.registry_token_seconds,
            ),
            metrics=Metrics(news),
            clock=clock,
        )

    @property
    def online(self) -> timedelta:
        return timedelta(seconds=self.settings.online_seconds)


def read_online_key(path: Path) -> Ed25519PrivateKey:
    """Central's TUF key. Raises SettingsError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"{path} is not central's online key. Restore it, or make a new central folder and "
            "let the officers rotate to its key."
        )
    return key


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(services_of)]


def published(services: ServicesOf) -> Published:
    """The roster and catalogue in force."""
    return services.publication.current()


PublishedNow = Annotated[Published, Depends(published)]


def member_of(request: Request, services: ServicesOf) -> Member:
    """Who sends this request: the member whose key signed its token.

    The token comes as a bearer, or as the password of basic authentication,
    which is how container engines speak to a registry's token service.
    """
    token = _token(request.headers.get("authorization", ""))
    current = services.publication.current()
    try:
        member = verify(token, current.roster, services.settings.audience, services.clock())
    except (CentralError, NotOnRosterError) as error:
        raise Unauthenticated(error) from None
    request.state.member = member.name
    return member


MemberOf = Annotated[Member, Depends(member_of)]


def require(member: Member, role: Role) -> None:
    """Raises CentralError (``forbidden``) unless `member` has `role`."""
    if role not in member.roles:
        raise forbidden(
            f"This is for a {role}; {member.name} is on the roster as {', '.join(member.roles)}."
        )


def _token(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        token = decoded.partition(":")[2]
        if token:
            return token
    raise Unauthenticated(
        CentralError(
            "This needs a member's token: 'Authorization: Bearer …', signed by the member's own "
            "key. The phtlab client and command do that.",
            code="unauthenticated",
        )
    )
