"""Bounds of parameters in a signed document: a JSON Schema in phtlab's subset."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from phtlab.errors import ParameterError
from phtlab.notebook.parameters import ParameterSchema


def _sound(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        ParameterSchema.from_schema(schema)
    except ParameterError as error:
        raise ValueError(str(error)) from None
    return schema


Bounds = Annotated[dict[str, Any], AfterValidator(_sound)]
"""A schema as in `ParameterSchema.schema`, kept as written."""
