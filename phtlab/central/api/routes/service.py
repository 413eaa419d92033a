"""HTTP routes open to all: central's identity, health, readiness and metrics."""

from __future__ import annotations

import httpx
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from phtlab.central.context import CentralContext, ServicesOf
from phtlab.central.problems import not_found
from phtlab.errors import RosterError
from phtlab.wire.api.journeys import PREFIX, Info
from phtlab.wire.authorities import authorities

router = APIRouter(tags=["service"])


class Readiness(BaseModel):
    """Readiness of central and of each service that it needs."""

    ready: bool
    database: bool
    registry: bool
    roster: bool


@router.get(PREFIX, summary="Identity of this central")
def info(services: ServicesOf) -> Info:
    """What a client needs to sign a token; `time` shows whether a clock is wrong."""
    settings = services.settings
    return Info(
        consortium=settings.name,
        audience=settings.audience,
        registry_url=settings.registry_url,
        time=services.clock(),
        journey_days=settings.journey_days,
        train_days=settings.train_days,
    )


@router.get("/health", summary="Liveness of central")
def health() -> dict[str, str]:
    """Answers as long as the process runs."""
    return {"status": "ok"}


@router.get("/ready", summary="Readiness of central", responses={503: {}})
def ready(services: ServicesOf) -> Response:
    """503 and the cause, unless database and registry answer and a roster is published."""
    state = readiness(services)
    return JSONResponse(state.model_dump(), 200 if state.ready else 503)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(services: ServicesOf) -> Response:
    """Off if the setting `metrics` is off."""
    if not services.settings.metrics:
        raise not_found("Metrics are off at this central (setting 'metrics').")
    return Response(services.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def readiness(services: CentralContext) -> Readiness:
    database = services.database.answers()
    registry = registry_answers(services.settings.registry_url)
    roster = database and _has_roster(services)
    return Readiness(
        ready=database and registry and roster, database=database, registry=registry, roster=roster
    )


def registry_answers(url: str) -> bool:
    """Return whether a registry answers at `url`: with 200, or with 401 for lack of a token."""
    try:
        answer = httpx.get(f"{url}/v2/", timeout=2.0, trust_env=False, verify=authorities())
    except httpx.HTTPError:
        return False
    return answer.status_code in (200, 401)


def _has_roster(services: CentralContext) -> bool:
    try:
        services.publication.current()
    except RosterError:
        return False
    return True
