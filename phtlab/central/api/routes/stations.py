"""HTTP routes: stations, their profiles and synthetic twins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from phtlab.central.api.access import Onlooker, Reader, StationMember
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.journeys.stations import put_profile, put_twin, stations_of, twin_of
from phtlab.central.problems import RESPONSES
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.manifest import Name
from phtlab.wire.api.journeys import PREFIX, StationProfile, StationView

router = APIRouter(
    prefix=f"{PREFIX}/stations",
    tags=["stations"],
    responses=RESPONSES,
    route_class=KnownSenderRoute,
)
_OCTETS = "application/octet-stream"


@router.get("", summary="The consortium's stations")
def stations(_: Onlooker, published: PublishedNow, services: ServicesOf) -> tuple[StationView, ...]:
    """Each station and aggregator: online or when last seen, and the data sets that it declares."""
    with services.database.read() as session:
        return stations_of(session, published.roster, services.clock(), services.online)


@router.put("/self", status_code=204, summary="Publish this station's profile")
def profile(profile: StationProfile, member: StationMember, services: ServicesOf) -> None:
    """Replaces the station's profile."""
    put_profile(services.database, member, profile)


@router.put("/self/twins/{name}", status_code=204, summary="Publish a synthetic twin")
def twin(
    name: Name,
    content: Annotated[bytes, Body(media_type=_OCTETS)],
    member: StationMember,
    services: ServicesOf,
) -> None:
    """At most 20 MiB. The station's profile names its SHA-256."""
    put_twin(services.database, member, name, content)


@router.get(
    "/{station}/twins/{name}",
    summary="A synthetic twin",
    response_class=Response,
    responses={200: {"content": {_OCTETS: {}}, "description": "The twin's bytes"}},
)
def read_twin(station: MemberName, name: Name, _: Reader, services: ServicesOf) -> Response:
    """For every member. Compare the bytes with the data set's `twin_digest`."""
    with services.database.read() as session:
        return Response(twin_of(session, station, name), media_type=_OCTETS)
