"""What is wrong with a document that does not fit its form, told without its values."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import ValidationError


class ValidationSummary(NamedTuple):
    """`where` is the path to it, such as ``limits.memory``; `str()` has both."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


def validation_summaries(error: ValidationError) -> list[ValidationSummary]:
    """Every fault that pydantic found, at least one, in the order of the form."""
    return [
        ValidationSummary(
            ".".join(map(str, item["loc"])) or "the whole",
            item["msg"].removeprefix("Value error, "),
        )
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
