"""Who gets how far at which of the server extension's routes: what test_server_access.py holds to.

docs/reference/access.md is written from it. The server in question is `OWNER`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phtlab.lab.server.routes import PREFIX, routes

OWNER: Final = "dr-lovelace"


@dataclass(frozen=True)
class Visitor:
    """One column: a token of the account `name`, or none. `kind` says which."""

    title: str
    name: str | None = None
    kind: str = "their own"


ITS_USER: Final = Visitor("its user", OWNER)
ITSELF: Final = Visitor("the server's own token", OWNER, "of the server")
VISITORS: Final = (
    ITS_USER,
    ITSELF,
    Visitor("its user, without the scope", OWNER, "without the scope"),
    Visitor("its user, expired", OWNER, "expired"),
    Visitor("another researcher", "dr-curie"),
    Visitor("operator", "op-hopper"),
    Visitor("officer", "officer-ada"),
    Visitor("teacher", "prof-noether"),
    Visitor("learner", "newcomer"),
    Visitor("admin", "hub-admin"),
    Visitor("no token"),
)

# Somebody's Lab is theirs alone, and so is all of it: no role, and no path, is an exception.
LET_IN: Final = frozenset({ITS_USER, ITSELF})
ALLOWED: Final[dict[tuple[str, str], frozenset[Visitor]]] = {
    (verb, f"/{PREFIX}/{route.path}"): LET_IN for route in routes() for verb in route.verbs
}
