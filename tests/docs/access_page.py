"""docs/reference/access.md: who gets how far at which route, from the tests' own expectations."""

from __future__ import annotations

from phtlab.station.settings.people import MEANING
from tests.central.api.matrix import ALLOWED, KEYS, ROLES, SENDERS
from tests.console.matrix import ALLOWED as CONSOLE_ALLOWED
from tests.console.matrix import VISITORS as CONSOLE_VISITORS
from tests.docs.markdown import code, heading, table
from tests.hub.server_matrix import ALLOWED as SERVER_ALLOWED
from tests.hub.server_matrix import VISITORS

_INTRODUCTION = """\
The tests send every route of central's, and every route of the server extension in somebody's
Lab, a request of every kind of sender, and this page is what they expect. ✓ says that the sender
gets to the thing itself, which may ask for more: an order is its researcher's, who signed it; a
stop, a decision and an approval are their station's or aggregator's; a journey is there for its
parties only, a proposal for its researcher, the stations that it names and officers, and for
everyone else there is none. – says 401 without a token that holds, else 403.

A **key** is a member's own: a token that it has signed. A **hub** column is the token of a hub
user with the scopes of that role, who acts as the member of the same name. Three columns have every
scope and no such member: a user who is not on the roster, and users who are called as a station and
an aggregator are.
A token counts in the header `Authorization` only: one in the address is none."""

_PAGES = """\
A central that belongs to a hub also has pages at its prefix. They take neither of these tokens, but
a cookie of their own, which a login at the hub brings and which the API does not take; they show
what the user's scopes let the user read. All that can be done there is to comment on a proposal,
with the scope dispatch or govern, by a form that carries what only this session's page knows."""

_SERVER = """\
Lab reaches keys and central through the Jupyter server beside it only. Here that server is one
researcher's, in a container behind the hub, and everyone's token asks it. ✓ says that the sender
gets to the thing itself, which still asks for the unlocked key where something is signed or
opened. – says 403 without touching anything.

The server's own token lies in its environment: code in its user's notebooks can read it, and do
what its user can. A browser's cookie counts only together with the page's own token against
forgery, and a token in the address is none."""

_CONSOLE = """\
A [console](../console.md) belongs to one station, listens on that machine's loopback, and takes
neither keys nor tokens of a hub: a login of its own, by a one-time link or at an identity provider,
and for what changes something the form's token against forgery. ✓ says that whoever has the role
and no other gets to the thing itself. – says 401 to whoever is not logged in, else 403. A person
may have several roles; whoever has any may read."""


def page() -> str:
    lines = heading("Access", _INTRODUCTION)
    lines += ["## The hub's roles", ""]
    lines += table(
        ["role", "scopes"],
        ([role, ", ".join(map(code, scopes))] for role, scopes in ROLES.items()),
    )
    for title, senders in (
        ("Central, by members' keys", (SENDERS[0], *KEYS)),
        ("Central, by tokens of a hub", tuple(s for s in SENDERS if s.user)),
    ):
        lines += [f"## {title}", ""]
        rows = [
            [method, code(path), *("✓" if sender in allowed else "–" for sender in senders)]
            for (method, path), allowed in ALLOWED.items()
        ]
        named = [sender.title.split(": ")[-1] for sender in senders]
        lines += table(["", "path", *named], rows)
    lines += [_PAGES, "", "## Somebody's Lab, by tokens of a hub", "", _SERVER, ""]
    rows = [
        [verb, code(path), *("✓" if visitor in allowed else "–" for visitor in VISITORS)]
        for (verb, path), allowed in SERVER_ALLOWED.items()
    ]
    lines += table(["", "path", *(visitor.title for visitor in VISITORS)], rows)
    lines += ["## A station's console, by roles of people.toml", "", _CONSOLE, ""]
    lines += table(["role", "who has it"], ([code(r), words] for r, words in MEANING.items()))
    rows = [
        [verb, code(path), *("✓" if who in allowed else "–" for who in CONSOLE_VISITORS)]
        for (verb, path), allowed in CONSOLE_ALLOWED.items()
    ]
    lines += table(["", "path", *CONSOLE_VISITORS], rows)
    return "\n".join(lines).rstrip() + "\n"
