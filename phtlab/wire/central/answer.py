"""An answer of central read as the API's values: anything else is CentralError."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from phtlab.errors import CentralError

Model = TypeVar("Model", bound=BaseModel)
Anything = TypeVar("Anything")


def parsed(model: type[Model], content: bytes | str) -> Model:
    """`content` as a `model`. Raises CentralError (``central-answer``)."""
    try:
        return model.model_validate_json(content)
    except ValidationError:
        raise foreign() from None


def validated(adapter: TypeAdapter[Anything], content: bytes) -> Anything:
    """`content` as `adapter` has it. Raises CentralError (``central-answer``)."""
    try:
        return adapter.validate_json(content)
    except ValidationError:
        raise foreign() from None


def foreign() -> CentralError:
    """What is not of this API."""
    return CentralError(
        "Central's answer is not of this API's version 1.",
        "Check the address, and that both sides run the same release of phtlab.",
        code="central-answer",
    )
