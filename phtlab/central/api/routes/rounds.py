"""HTTP routes: instructions and records of rounds, as long polls where something is waited for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from phtlab.central.api.access import Dispatcher, Reader, StationMember
from phtlab.central.api.known_sender import KnownSenderRoute
from phtlab.central.api.long_poll import long_poll
from phtlab.central.api.paging import LARGEST
from phtlab.central.changes import bus
from phtlab.central.context import PublishedNow, ServicesOf
from phtlab.central.journeys.aggregators import finish_rounds
from phtlab.central.journeys.instructions import instructions_json, put_instruction
from phtlab.central.journeys.journeys import PartyRights, party_rights
from phtlab.central.journeys.rounds import put_round, rounds_json
from phtlab.central.problems import RESPONSES
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.order import MAX_ROUNDS
from phtlab.wire.api.journeys import PREFIX, JourneyView
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction, SentRound

router = APIRouter(
    prefix=PREFIX, tags=["rounds"], responses=RESPONSES, route_class=KnownSenderRoute
)
Wait = Annotated[float, Query(ge=0, description="Seconds to wait for something new")]


@router.post(
    "/journeys/{journey}/instructions", status_code=204, summary="Send the next instruction"
)
def instruct(
    journey: Digest,
    sent: SentInstruction,
    member: Dispatcher,
    published: PublishedNow,
    services: ServicesOf,
) -> None:
    """Only whoever combines may: the journey's aggregator, or without one its researcher.

    The stations receive the instruction at once.
    """
    put_instruction(services.database, published.roster, member, journey, sent)


@router.get(
    "/journeys/{journey}/instructions",
    summary="Instructions of a journey's rounds",
    response_model=Instructions,
)
async def instructions(
    request: Request,
    journey: Digest,
    member: Reader,
    services: ServicesOf,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="The last round seen")] = 0,
    wait: Wait = 0.0,
) -> Response:
    """Those of rounds over `after`, in order, at most 50; only the newest values come with them.

    Reports, at most 4 MiB, are for the researcher and recipients only. If there are no
    instructions, answers after `wait` seconds, 50 at most, without any.
    """
    rights: PartyRights | None = None

    def read(over: bool) -> str | None:
        nonlocal rights
        with services.database.reading() as connection:
            rights = rights or party_rights(connection, member, journey)
            found = instructions_json(connection, journey, after, opens=rights.opens)
        return '{"instructions":[]}' if over and found is None else found

    return await long_poll(services, request, bus.of_instructions(journey), wait, read)


@router.post("/journeys/{journey}/finish", summary="End the rounds of a journey early")
def finish(journey: Digest, member: Dispatcher, services: ServicesOf) -> JourneyView:
    """Only its researcher may, and only if an aggregator combines the rounds.

    The aggregator ends the rounds with its next instruction.
    """
    return finish_rounds(services.database, member, journey)


@router.put(
    "/journeys/{journey}/rounds/{station}/{number}",
    status_code=204,
    summary="Deliver a record of a round",
)
def record(
    journey: Digest,
    station: MemberName,
    number: Annotated[int, Path(ge=1, le=MAX_ROUNDS)],
    sent: SentRound,
    member: StationMember,
    published: PublishedNow,
    services: ServicesOf,
) -> None:
    """Only the station may, once for each round, in the order of the rounds."""
    put_round(services.database, published.roster, member, journey, station, number, sent)


@router.get(
    "/journeys/{journey}/rounds", summary="Records of a journey's rounds", response_model=Rounds
)
async def records(
    request: Request,
    journey: Digest,
    member: Reader,
    services: ServicesOf,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="The last cursor seen")] = 0,
    wait: Wait = 0.0,
    finishing: Annotated[bool, Query(description="`finishing` of the last answer")] = False,
) -> Response:
    """In the order of arrival, at most 50, and 4 MiB of updates.

    Updates are for the researcher, recipients and the aggregator only. If there are no records,
    answers after `wait` seconds, 50 at most, without any; at once if the researcher has asked the
    aggregator to end the rounds, unless the client knows that (`finishing`).
    """
    rights: PartyRights | None = None

    def read(over: bool) -> str | None:
        nonlocal rights
        with services.database.reading() as connection:
            rights = rights or party_rights(connection, member, journey)
            return rounds_json(
                connection,
                journey,
                after,
                opens=rights.opens or rights.combines,
                over=over,
                finishing=finishing,
            )

    return await long_poll(services, request, bus.of_rounds(journey), wait, read)
