"""Parsing of central's answers as models of the API; anything else is a CentralError."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from phtlab.errors import CentralError

Model = TypeVar("Model", bound=BaseModel)
Anything = TypeVar("Anything")


def parsed(model: type[Model], content: bytes | str) -> Model:
    """Parse `content` as a `model`. Raises CentralError (``central-answer``)."""
    try:
        return model.model_validate_json(content)
    except ValidationError:
        raise foreign() from None


def validated(adapter: TypeAdapter[Anything], content: bytes) -> Anything:
    """Parse `content` with `adapter`. Raises CentralError (``central-answer``)."""
    try:
        return adapter.validate_json(content)
    except ValidationError:
        raise foreign() from None


def foreign() -> CentralError:
    """Return the error for an answer that is not of this API."""
    return CentralError(
        "Central's answer is not of this API's version 1.",
        "Check the address, and that both sides run the same release of phtlab.",
        code="central-answer",
    )
