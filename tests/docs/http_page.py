"""docs/reference/http.md: central's routes, from the application itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fastapi.routing import APIRoute

from phtlab.central.api import access
from phtlab.central.app import API
from phtlab.central.problems import BY_CODE
from phtlab.wire.api.journeys import PREFIX
from tests.docs.markdown import code, heading, sentence, table

_INTRODUCTION = f"""\
Central speaks JSON under `{PREFIX}`; `/openapi.json` describes each form, unless the setting
`openapi` is off. A member sends `Authorization: Bearer …`, a JWT (RFC 7519) that the member's own
Ed25519 key signs: `iss` the member's name, `aud` as `GET {PREFIX}` says, `iat`, `exp` at most 60
seconds later, and `jti`; the header's `kid` is the key's id.

A central that belongs to a JupyterHub also takes `Authorization: token …` of the hub's users, for
what the token's scopes `custom:phtlab:…` name, and as the member who is called as the user is. A
token never stands in the address. [Access](access.md) has every route with every kind of sender.

A refusal is a problem (RFC 9457): `detail` says what happened, `hint` what to do next, and `code`
is stable; [errors](errors.md) lists the codes and each class's status."""

# What a route takes, by the dependency that says it: of a member's key, and of a hub's token.
TAKES: Final[Mapping[Callable[..., object], tuple[str, str]]] = {
    access.hub_reader: ("members", "read"),
    access.reader: ("members", "read"),
    access.dispatcher: ("members", "dispatch"),
    access.commenter: ("members", "dispatch, govern"),
    access.registry_user: ("members", "read, dispatch"),
    access.station_member: ("stations, aggregators", "never"),
}


def routes() -> Iterator[tuple[str, str, Any]]:
    """Method, path and route of each."""
    for part in API:
        for route in part.router.routes:
            assert isinstance(route, APIRoute)
            for method in sorted(route.methods):
                yield method, route.path, route


def page() -> str:
    lines = heading("Central's HTTP API", _INTRODUCTION)
    rows = [
        [method, code(path), *_who(route), f"{route.summary}. {sentence(route.endpoint.__doc__)}"]
        for method, path, route in routes()
    ]
    lines += table(["", "path", "who", "scope of a hub's token", ""], rows)
    lines += ["## Statuses of codes", "", "Every other code has the status of its class."]
    lines += [""]
    by_status: dict[int, list[str]] = {}
    for name, status in BY_CODE.items():
        by_status.setdefault(status, []).append(code(name))
    lines += table(["status", "codes"], ([str(s), ", ".join(c)] for s, c in by_status.items()))
    return "\n".join(lines).rstrip() + "\n"


def _who(route: APIRoute) -> tuple[str, str]:
    calls = [part.call for part in route.dependant.dependencies]
    taken = [words for dependency, words in TAKES.items() if dependency in calls]
    assert len(taken) == 1 or (not taken and access.sender_of not in calls)
    return taken[0] if taken else ("anyone", "none needed")
