"""The stream of events."""

from __future__ import annotations

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from phtlab.lab.server.api.consortium import Station
from phtlab.lab.server.api.journeys import Journey
from phtlab.lab.server.api.model import ApiModel
from phtlab.lab.server.api.proposals import Proposal
from phtlab.lab.server.api.status import Status


class Event(ApiModel):
    """One event of the stream: the name of the field that is set is its kind."""

    status: Status | SkipJsonSchema[None] = None
    stations: list[Station] | SkipJsonSchema[None] = None
    journeys: list[Journey] | SkipJsonSchema[None] = Field(None, description="The newest first.")
    journey: Journey | SkipJsonSchema[None] = None
    proposals: list[Proposal] | SkipJsonSchema[None] = Field(
        None, description="The last changed first."
    )
