"""Opened results of a journey, and where they are written."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from phtlab.lab.display.rounds_map import ReportedLine
from phtlab.lab.server.api.journeys import CellError, Journey
from phtlab.lab.server.api.model import ApiModel
from phtlab.train.documents import record
from phtlab.train.documents.manifest import OutputKind


class Table(ApiModel):
    columns: list[str]
    rows: list[list[Any]]
    total: int = Field(description="How many rows there are; `rows` holds the first of them.")


_FIELDS: Final = {
    "table": {"table"},
    "scalar": {"scalar"},
    "figure": {"png", "table"},
    "model": {"shapes"},
    "file": {"bytes"},
}


class Output(ApiModel):
    """An output that left its station, with the fields of its kind.

    A figure has its data as a `table`.
    """

    name: str
    kind: OutputKind
    table: Table | SkipJsonSchema[None] = None
    png: str | SkipJsonSchema[None] = Field(None, description="A figure, as base64.")
    scalar: Any = None
    shapes: dict[str, list[int]] | SkipJsonSchema[None] = Field(
        None, description="The shape of each of a model's arrays."
    )
    bytes: int | SkipJsonSchema[None] = Field(None, description="The size of a file.")

    @model_validator(mode="after")
    def _has_the_fields_of_its_kind(self) -> Self:
        if self.model_fields_set - {"name", "kind"} != _FIELDS[self.kind]:
            raise ValueError(f"an output of kind {self.kind} has {sorted(_FIELDS[self.kind])}")
        return self


class Verdict(ApiModel):
    """What the airlock decided; "unreadable" is what was released and cannot be shown."""

    name: str
    kind: OutputKind
    verdict: record.Verdict | Literal["unreadable"]
    rule: str
    sentence: str
    suppressed_rows: int


class Forecast(ApiModel):
    """What the airlocks of `stations` would decide on a dry run's outputs.

    They decide by the rules that they publish.
    """

    stations: list[str]
    verdicts: list[Verdict]


class HandedOn(ApiModel):
    """An output that a station handed on to the next one of a sequential route."""

    output: str
    station: str | None = Field(description="Null on a dry run, where it would be handed on.")


class StationResults(ApiModel):
    station: str
    outputs: list[Output]
    verdicts: list[Verdict]
    handed_on: list[HandedOn]
    forecasts: list[Forecast] = Field(description="Of a dry run only.")
    rounds: int | None = Field(
        description="How many rounds it computed; null on a route without rounds."
    )


class FailedStop(ApiModel):
    station: str
    outcome: record.Outcome
    code: str
    sentence: str
    error: CellError | None
    forecasts: list[Forecast]


class StopNote(ApiModel):
    station: str
    words: str


class MissingOutput(ApiModel):
    """What a station lacks of an output; `words` follow the station's name."""

    output: str
    station: str
    words: str


class CombinedValue(ApiModel):
    """An array that the rounds ended with. `name` is `beta`, or `model.weights` of several."""

    name: str
    shape: list[int]
    values: list[Any] = Field(description="In the order of rows; empty for a large array.")


class RoundResults(ApiModel):
    count: int = Field(description="The number of the last round that any station computed.")
    lines: list[ReportedLine]
    combined: list[CombinedValue]


class Results(ApiModel):
    journey: Journey
    stations: list[StationResults]
    failures: list[FailedStop]
    unsigned: list[StopNote] = Field(description="Stops that ended without a signed record.")
    waiting: list[StopNote] = Field(
        description="Stops that have not ended: these are the results so far."
    )
    missing: list[MissingOutput]
    rounds: RoundResults | None = Field(description="Null of a journey without rounds.")


class AggregateTarget(ApiModel):
    """The notebook whose aggregate cells are filled; without one, a new one is written."""

    path: Annotated[str, StringConstraints(max_length=1000)] | None = None


class ExportTarget(ApiModel):
    """A folder below the root, which is made."""

    directory: str = Field(min_length=1, max_length=1000)
