"""The base of every model of the API, and types that several of them share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from typing_extensions import TypeAliasType


class ApiModel(BaseModel):
    """What a browser sends or gets, field by field: anything else is refused, on both ways.

    A field with a default may be left out, and is not sent unless it was set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> Any:
        """The model as `json.dumps` takes it."""
        return self.model_dump(mode="json", exclude_unset=True)


def _browser_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# As browsers sort and read it: `2026-03-02T09:35:20.123Z`.
Timestamp = Annotated[datetime, PlainSerializer(_browser_time)]

# The values of parameters, by name.
ParameterValues = TypeAliasType("ParameterValues", dict[str, Any])

# Of a file or a folder, as Jupyter's contents API has it.
ContentsPath = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Problem(ApiModel):
    """Why a request was refused, or what keeps the server extension from working."""

    code: str
    message: str
    hint: str = Field("", description="What to do next; empty if nothing can be said.")
    field: str | None = Field(None, description="The field of a form that is refused.")


class WrittenFile(ApiModel):
    """Where a notebook or a folder was written."""

    path: str
