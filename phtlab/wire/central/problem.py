"""Errors as problems on the wire (RFC 9457), and back to the error class."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from phtlab.errors import CentralError, PhtlabError
from phtlab.wire.api.journeys import Problem

MEDIA_TYPE = "application/problem+json"


def problem_of(error: PhtlabError, status: int, title: str) -> Problem:
    """Return `error` as a problem: its code, its class's code, its message and its hint."""
    return Problem(
        title=title,
        status=status,
        code=error.code,
        family=type(error).code,
        detail=error.message,
        hint=error.hint,
    )


def error_of(status: int, body: bytes, url: str) -> PhtlabError:
    """Return the error of an answer with `status`; CentralError for anything unknown."""
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        return CentralError(
            f"{url} answered {status} without saying why.",
            "Check that this is the address of a central, and read its log.",
            code="central-no-reason",
        )
    kind = _CLASSES.get(problem.family) or _CLASSES.get(problem.code) or CentralError
    return kind(problem.detail, problem.hint, code=problem.code)


def _tree(root: type[PhtlabError]) -> Iterator[type[PhtlabError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


_CLASSES = {kind.code: kind for kind in reversed(list(_tree(PhtlabError)))}
