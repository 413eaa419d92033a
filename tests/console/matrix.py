"""Who gets how far at each of the console's routes: what test_matrix.py holds the console to.

docs/reference/access.md is written from it.
"""

from __future__ import annotations

from typing import Final

from phtlab.station.settings.people import ROLES

NOBODY: Final = "nobody"
VISITORS: Final = (NOBODY, *ROLES)
OPEN: Final = frozenset(VISITORS)
READERS: Final = frozenset(ROLES)
REVIEWERS: Final = frozenset({"reviewer"})
RELEASERS: Final = frozenset({"releaser"})
ADMINS: Final = frozenset({"admin"})

ALLOWED: Final[dict[tuple[str, str], frozenset[str]]] = {
    ("GET", "/login"): OPEN,
    # The link in the form is the permission.
    ("POST", "/login"): OPEN,
    ("GET", "/login/oidc"): OPEN,
    ("GET", "/login/oidc/callback"): OPEN,
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/review/style.css"): OPEN,
    ("POST", "/logout"): READERS,
    ("GET", "/"): READERS,
    ("GET", "/live/inbox"): READERS,
    ("GET", "/journeys"): READERS,
    ("GET", "/live/journeys"): READERS,
    ("GET", "/journeys/{journey}"): READERS,
    ("GET", "/live/journeys/{journey}"): READERS,
    ("GET", "/journeys/{journey}/log"): RELEASERS,
    ("POST", "/journeys/{journey}/log"): RELEASERS,
    ("GET", "/review/{journey}"): READERS,
    ("GET", "/review/{journey}/notebook"): READERS,
    ("GET", "/review/{journey}/changes"): READERS,
    ("GET", "/decisions/{target}"): REVIEWERS,
    ("POST", "/decisions/{target}/words"): REVIEWERS,
    ("POST", "/decisions/{target}/approval"): REVIEWERS,
    ("POST", "/decisions/{target}/refusal"): REVIEWERS,
    ("POST", "/decisions/{target}/question"): REVIEWERS,
    ("GET", "/proposals/{proposal}"): READERS,
    ("GET", "/approvals"): READERS,
    ("POST", "/approvals/{approval}/revocation"): REVIEWERS,
    ("GET", "/outputs/{journey}/{output}"): RELEASERS,
    ("POST", "/outputs/{journey}/{output}"): RELEASERS,
    ("GET", "/amounts"): READERS,
    ("GET", "/datasets"): READERS,
    ("GET", "/datasets/{name}"): READERS,
    ("GET", "/policy"): READERS,
    ("POST", "/policy/trial"): ADMINS,
    ("POST", "/policy"): ADMINS,
    ("GET", "/keys"): READERS,
    ("GET", "/health"): READERS,
    ("GET", "/live/health"): READERS,
    ("POST", "/health/self-test"): ADMINS,
    ("POST", "/health/pause"): ADMINS,
    ("POST", "/health/resume"): ADMINS,
    ("GET", "/audit"): READERS,
}
PLACES: Final = {
    "{journey}": "0" * 64,
    "{target}": "p-" + "0" * 16,
    "{proposal}": "p-" + "0" * 16,
    "{approval}": "0" * 64,
    "{output}": "counts",
    "{name}": "nothing",
}
