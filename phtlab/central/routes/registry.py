"""The registry's token service over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from phtlab.central.problems import RESPONSES
from phtlab.central.registry_scopes import allowed
from phtlab.central.registry_token import parse_scopes
from phtlab.central.services import MemberOf, PublishedNow, ServicesOf
from phtlab.wire.api import RegistryToken

router = APIRouter(prefix="/registry", tags=["registry"], responses=RESPONSES)


@router.get("/token", summary="A token for the registry")
def token(
    member: MemberOf,
    published: PublishedNow,
    services: ServicesOf,
    scope: Annotated[list[str], Query(description="repository:NAME:pull or …:pull,push")] = [],  # noqa: B006
) -> RegistryToken:
    """As much of each `scope` as the member may have, as Distribution's specification says.

    Container engines may send the member's token as the password of basic
    authentication.
    """
    with services.database.read() as session:
        accesses = allowed(
            session,
            published.catalogue,
            member,
            parse_scopes(scope),
            services.settings.registry_prefix,
        )
    services.metrics.registry_tokens.inc()
    return services.registry_tokens.sign(member.name, accesses, services.clock())
