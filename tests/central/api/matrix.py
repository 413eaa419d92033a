"""Who gets how far at each of central's routes: what test_matrix.py holds central to.

docs/reference/access.md is written from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phtlab.central.hub.users import DISPATCH, GOVERN, OPERATE, READ, TEACH

# The hub's roles, as hub_config gives them to groups of the same names.
ROLES: Final[dict[str, tuple[str, ...]]] = {
    "researcher": (READ, DISPATCH),
    "operator": (READ, OPERATE),
    "officer": (READ, GOVERN),
    "teacher": (READ, DISPATCH, TEACH),
    "admin": (READ, DISPATCH, OPERATE, GOVERN, TEACH),
}


@dataclass(frozen=True)
class Sender:
    """One column: a member's `key`, or the token of the hub user `user` with `scopes`."""

    title: str
    key: str | None = None
    user: str | None = None
    scopes: tuple[str, ...] = ()


NOBODY: Final = Sender("no token")
ROLE_TOKENS: Final = tuple(
    Sender(f"hub: {role}", user="ada", scopes=scopes) for role, scopes in ROLES.items()
)
# Named as nobody on the roster, as a station and an aggregator on it; with every scope there is.
STRANGER: Final = Sender("hub: no member", user="eve", scopes=ROLES["admin"])
NAMESAKE: Final = Sender("hub: named as a station", user="ulm", scopes=ROLES["admin"])
COMBINING_NAMESAKE: Final = Sender(
    "hub: named as an aggregator", user="adder", scopes=ROLES["admin"]
)
NO_SCOPE: Final = Sender("hub: no scope", user="ada")
KEYS: Final = tuple(
    Sender(f"key: {role}", key=name)
    for role, name in (
        ("researcher", "ada"),
        ("station", "ulm"),
        ("aggregator", "adder"),
        ("officer", "vera"),
    )
)
SENDERS: Final = (
    NOBODY,
    NO_SCOPE,
    STRANGER,
    NAMESAKE,
    COMBINING_NAMESAKE,
    *ROLE_TOKENS,
    *KEYS,
)


def _roles(*scopes: str) -> frozenset[Sender]:
    """The tokens of roles that have one of `scopes`."""
    return frozenset(s for s in ROLE_TOKENS if not set(scopes).isdisjoint(s.scopes))


EVERYONE: Final = frozenset(SENDERS)
MEMBERS: Final = frozenset(KEYS)
ONLOOKERS: Final = MEMBERS | _roles(READ) | {STRANGER, NAMESAKE, COMBINING_NAMESAKE}
READERS: Final = MEMBERS | _roles(READ)
DISPATCHERS: Final = MEMBERS | _roles(DISPATCH)
COMMENTERS: Final = MEMBERS | _roles(DISPATCH, GOVERN)
STATIONS: Final = frozenset(s for s in KEYS if s.key in ("ulm", "adder"))

ALLOWED: Final[dict[tuple[str, str], frozenset[Sender]]] = {
    ("GET", "/health"): EVERYONE,
    ("GET", "/ready"): EVERYONE,
    ("GET", "/metrics"): EVERYONE,
    ("GET", "/api/v1"): EVERYONE,
    ("GET", "/api/v1/tuf/metadata/{name}"): EVERYONE,
    ("GET", "/api/v1/tuf/targets/{name}"): EVERYONE,
    # The officers' signatures in the bundle are the permission.
    ("POST", "/api/v1/roster"): EVERYONE,
    ("GET", "/api/v1/stations"): ONLOOKERS,
    ("GET", "/api/v1/stations/{station}/twins/{name}"): READERS,
    ("GET", "/api/v1/trains"): READERS,
    ("GET", "/api/v1/trains/{digest}"): READERS,
    ("GET", "/api/v1/journeys"): READERS,
    ("GET", "/api/v1/journeys/{journey}"): READERS,
    ("GET", "/api/v1/journeys/{journey}/events"): READERS,
    ("GET", "/api/v1/journeys/{journey}/instructions"): READERS,
    ("GET", "/api/v1/journeys/{journey}/rounds"): READERS,
    ("GET", "/api/v1/events"): READERS,
    ("GET", "/api/v1/registry/token"): READERS | DISPATCHERS,
    ("GET", "/api/v1/notifications"): READERS,
    # One's own, and nothing of a study is in them: an officer chooses by the hub's token too.
    ("PUT", "/api/v1/notifications"): READERS,
    ("PUT", "/api/v1/notifications/read"): READERS,
    ("GET", "/api/v1/audit"): READERS,
    ("GET", "/api/v1/audit/head"): READERS,
    ("GET", "/api/v1/audit/checkpoints"): READERS,
    # The member's own signature is in it; a hub's token carries it for whoever may dispatch.
    ("POST", "/api/v1/audit/checkpoints"): DISPATCHERS,
    ("POST", "/api/v1/trains"): DISPATCHERS,
    ("POST", "/api/v1/journeys"): DISPATCHERS,
    ("POST", "/api/v1/journeys/{journey}/cancel"): DISPATCHERS,
    ("POST", "/api/v1/journeys/{journey}/finish"): DISPATCHERS,
    # The journey's own key signed it; a hub's token carries it for whoever may dispatch.
    ("POST", "/api/v1/journeys/{journey}/instructions"): DISPATCHERS,
    ("GET", "/api/v1/proposals"): READERS,
    ("GET", "/api/v1/proposals/{proposal}"): READERS,
    ("GET", "/api/v1/approvals"): READERS,
    ("GET", "/api/v1/standing/{station}"): READERS,
    ("GET", "/api/v1/acceptances"): READERS,
    ("POST", "/api/v1/proposals"): DISPATCHERS,
    ("POST", "/api/v1/acceptances"): DISPATCHERS,
    ("POST", "/api/v1/proposals/{proposal}/comments"): COMMENTERS,
    ("POST", "/api/v1/proposals/{proposal}/withdrawal"): DISPATCHERS,
    ("PUT", "/api/v1/proposals/{proposal}/reviews/{station}"): STATIONS,
    ("PUT", "/api/v1/proposals/{proposal}/decisions/{station}"): STATIONS,
    ("POST", "/api/v1/approvals"): STATIONS,
    ("POST", "/api/v1/revocations"): STATIONS,
    ("PUT", "/api/v1/standing/{station}"): STATIONS,
    ("GET", "/api/v1/inbox"): STATIONS,
    ("PUT", "/api/v1/stations/self"): STATIONS,
    ("PUT", "/api/v1/stations/self/twins/{name}"): STATIONS,
    ("PATCH", "/api/v1/journeys/{journey}/stops/{station}"): STATIONS,
    ("PUT", "/api/v1/journeys/{journey}/stops/{station}/record"): STATIONS,
    ("PUT", "/api/v1/journeys/{journey}/rounds/{station}/{number}"): STATIONS,
}
