"""Summary of why a document fails validation, without its values."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import ValidationError


class ValidationSummary(NamedTuple):
    """A validation error: `where` is the field's path, such as ``limits.memory``.

    `str()` has path and reason.
    """

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def validation_summaries(error: ValidationError) -> list[ValidationSummary]:
    """List every validation error that pydantic found, at least one, in the order of the fields."""
    return [
        ValidationSummary(
            ".".join(map(str, item["loc"])) or "the whole",
            item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
