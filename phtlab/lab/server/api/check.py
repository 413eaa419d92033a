"""The check of a notebook: its parameters and outputs, and the findings in its cells."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from phtlab.lab.server.api.model import ApiModel
from phtlab.notebook.finding import Severity
from phtlab.train.documents.manifest import OutputKind


class NotebookContent(ApiModel):
    """The notebook that is checked."""

    name: str = Field(max_length=255, description="Such as `heart.ipynb`.")
    content: dict[str, Any] = Field(description="In nbformat 4.")


class Fix(ApiModel):
    """An insertion into the text of a finding's cell."""

    title: str
    line: int = Field(description="From 1.")
    column: int = Field(description="From 0.")
    text: str
    select: tuple[int, int] | None = Field(
        description="The part of `text` that the author has to replace."
    )


class Finding(ApiModel):
    code: str
    severity: Severity
    cell: int | None = Field(description="Index of the cell from 0; null: the whole notebook.")
    line: int | None = Field(description="Line in the cell from 1.")
    message: str
    fix: Fix | None = Field(description="A correction of its cell, if one is known.")


class Parameter(ApiModel):
    """A parameter's JSON Schema: the small part that phtlab writes."""

    model_config = ConfigDict(extra="allow")

    type: Literal["integer", "number", "string", "boolean", "array"]
    title: str | SkipJsonSchema[None] = None
    description: str | SkipJsonSchema[None] = None
    default: Any = None
    enum: list[Any] | SkipJsonSchema[None] = None


class Parameters(ApiModel):
    """The JSON Schema of a notebook's parameters."""

    type: Literal["object"] = Field()
    properties: dict[str, Parameter]
    required: list[str]
    additionalProperties: Literal[False]  # noqa: N815 (JSON Schema's name)


class DeclaredOutput(ApiModel):
    name: str
    kind: OutputKind
    to: Literal["researcher", "next", "both"] = Field(description="Who gets it.")


class Check(ApiModel):
    name: str
    language: str
    kernel: str | None
    ok: bool
    digest: str | None = Field(
        description="Names what would be signed, so that nothing else is; null while there are "
        "errors."
    )
    parameters: Parameters
    outputs: list[DeclaredOutput]
    route: Literal["parallel", "sequential", "rounds"] = Field(
        description="How the train visits stations, which follows from the cells."
    )
    received: list[str] = Field(
        description="Values that a station receives from the one before it, or from combine cells."
    )
    datasets: list[str]
    findings: list[Finding]
