"""docs/reference/http.md: central's routes, from the application itself."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from phtlab.central.problems import BY_CODE
from phtlab.central.routes import inbox, journeys, registry, roster, service, stations, trains
from phtlab.central.services import member_of
from phtlab.wire.api import PREFIX
from tests.docs.markdown import code, heading, sentence, table

_INTRODUCTION = f"""\
Central speaks JSON under `{PREFIX}`; `/openapi.json` describes each form, unless the setting
`openapi` is off. A member sends `Authorization: Bearer …`, a JWT (RFC 7519) that the member's own
Ed25519 key signs: `iss` the member's name, `aud` as `GET {PREFIX}` says, `iat`, `exp` at most 60
seconds later, and `jti`; the header's `kid` is the key's id. A refusal is a problem (RFC 9457) with
a stable `code` and a sentence; [errors](errors.md) lists the codes
and each class's status."""

_MODULES = (service, trains, journeys, inbox, stations, roster, registry)


def routes() -> Iterator[tuple[str, str, Any]]:
    """Method, path and route of each."""
    for module in _MODULES:
        prefix = "" if module is service else PREFIX
        for route in module.router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                yield method, prefix + route.path, route


def page() -> str:
    lines = heading("Central's HTTP API", _INTRODUCTION)
    rows = [
        [method, code(path), _who(route), f"{route.summary}. {sentence(route.endpoint.__doc__)}"]
        for method, path, route in routes()
    ]
    lines += table(["", "path", "who", ""], rows)
    lines += ["## Statuses of codes", "", "Every other code has the status of its class."]
    lines += [""]
    by_status: dict[int, list[str]] = {}
    for name, status in BY_CODE.items():
        by_status.setdefault(status, []).append(code(name))
    lines += table(["status", "codes"], ([str(s), ", ".join(c)] for s, c in by_status.items()))
    return "\n".join(lines).rstrip() + "\n"


def _who(route: APIRoute) -> str:
    if not any(part.call is member_of for part in route.dependant.dependencies):
        return "anyone"
    source = ast.parse(textwrap.dedent(inspect.getsource(route.endpoint)))
    roles = [
        call.args[1].value
        for call in ast.walk(source)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "require"
        and isinstance(call.args[1], ast.Constant)
    ]
    return f"{roles[0]}s" if roles else "members"
