"""HTTP route: the registry's token service."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phtlab.central.api.access import RegistryUser
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.problems import RESPONSES
from phtlab.central.registry.scopes import allowed, narrowed
from phtlab.central.registry.token import parse_scopes
from phtlab.wire.api.journeys import PREFIX, RegistryToken

router = APIRouter(
    prefix=f"{PREFIX}/registry",
    tags=["registry"],
    responses=RESPONSES,
    route_class=KnownSenderRoute,
)


@router.get("/token", summary="A token for the registry")
def token(
    sender: RegistryUser,
    published: PublishedNow,
    services: ServicesOf,
    scope: Annotated[list[str], Query(description="repository:NAME:pull or …:pull,push")] = [],  # noqa: B006
) -> RegistryToken:
    """Grants of each `scope` what the member may access, per Distribution's specification.

    Container engines may send the member's token as the password of basic
    authentication. A hub user pulls with the scope read, and pushes with the scope dispatch,
    only to repositories of their own trains.
    """
    member = sender.as_member()
    with services.database.read() as session:
        accesses = allowed(
            session,
            published.catalogue,
            member,
            parse_scopes(scope),
            services.settings.registry_prefix,
        )
    if sender.user is not None:
        accesses = narrowed(sender.user, accesses, services.settings.registry_prefix)
    services.metrics.registry_tokens.inc()
    return services.registry_tokens.sign(member.name, accesses, services.clock())
