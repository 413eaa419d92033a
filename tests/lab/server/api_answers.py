"""Whether what a page gets of the server extension is of the API's models: field by field."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from phtlab.lab.server.api import Event, Problem
from phtlab.lab.server.api_schema import answers
from phtlab.lab.server.routes import PREFIX, routes


def require_answer(verb: str, path: str, body: Any) -> None:
    """Fail unless `body` is what `verb` of `path`, below `/phtlab/`, answers."""
    _adapter(f"{verb} {_route(path)}").validate_python(body)


def require_event(kind: str, data: Any) -> None:
    """Fail unless the stream has events of `kind` with `data`."""
    Event.model_validate({kind: data})


def require_problem(body: Any) -> None:
    """Fail unless `body` is a problem, complete as the server extension sends it."""
    assert Problem.model_validate(body).model_fields_set == set(Problem.model_fields)


def _route(path: str) -> str:
    place = f"/{PREFIX}/{path.partition('?')[0]}"
    # What is in braces matches anything, so it comes last.
    known = sorted(routes(), key=lambda route: "{" in route.path)
    return next(route.path for route in known if re.fullmatch(route.pattern, place))


@cache
def _adapter(request: str) -> TypeAdapter[Any]:
    return TypeAdapter(answers()[request])
