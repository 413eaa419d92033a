"""Permissions: the scopes that central knows, and the roles that a group gives.

Groups have the roles' names, whether an account file or an OpenID provider assigns people to them.
`learner` is a researcher whose server a teacher may see, start and stop.
"""

from __future__ import annotations

from typing import Any, Final

READ: Final = "custom:phtlab:read"
DISPATCH: Final = "custom:phtlab:dispatch"
OPERATE: Final = "custom:phtlab:operate"
GOVERN: Final = "custom:phtlab:govern"
TEACH: Final = "custom:phtlab:teach"

CUSTOM_SCOPES: Final[dict[str, dict[str, str]]] = {
    READ: {"description": "See stations, kernels, twins, and one's own trains and journeys."},
    DISPATCH: {"description": "Send one's own signed trains and orders, and cancel them."},
    OPERATE: {"description": "See what operators of stations see."},
    GOVERN: {"description": "See what officers of the consortium see."},
    TEACH: {"description": "See where learners are in the course."},
}

CENTRAL: Final = "access:services!service=central"
LEARNERS: Final = "learner"

# A teacher's rights on learners' servers, without the right to open one.
_WITH_LEARNERS: Final = (
    f"list:users!group={LEARNERS}",
    f"read:users:activity!group={LEARNERS}",
    f"servers!group={LEARNERS}",
)

# Not JupyterHub's own `admin`: whoever has that role may open everyone's server and act by tokens
# in everyone's name. An administrator of this hub needs neither.
_ADMINISTER: Final = (
    "admin-ui",
    "list:users",
    "read:users",
    "delete:users",
    "servers",
    "list:groups",
    "read:groups",
    "list:services",
    "read:services",
    "read:roles",
    "read:hub",
    "read:metrics",
)

ROLES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "researcher",
        "description": "Writes analyses, sends them, opens their results",
        "scopes": [READ, DISPATCH, CENTRAL],
        "groups": ["researcher", LEARNERS],
    },
    {
        "name": "operator",
        "description": "Looks after a station",
        "scopes": [READ, OPERATE, CENTRAL],
        "groups": ["operator"],
    },
    {
        "name": "officer",
        "description": "Signs for the consortium",
        "scopes": [READ, GOVERN, CENTRAL],
        "groups": ["officer"],
    },
    {
        "name": "teacher",
        "description": "A researcher who also looks after learners and their servers",
        "scopes": [READ, DISPATCH, TEACH, CENTRAL, "admin-ui", *_WITH_LEARNERS],
        "groups": ["teacher"],
    },
    {
        "name": "administrator",
        "description": "Runs the hub: sees and stops servers, removes users, opens nobody's server",
        "scopes": [READ, DISPATCH, OPERATE, GOVERN, TEACH, CENTRAL, *_ADMINISTER],
        "groups": ["admin"],
    },
)

GROUPS: Final = tuple(group for role in ROLES for group in role["groups"])


def apply(c: Any) -> None:
    """Declare scopes and roles; JupyterHub makes the groups."""
    c.JupyterHub.custom_scopes = CUSTOM_SCOPES
    # The idle culler adds its own role to the list.
    c.JupyterHub.load_roles = [dict(role) for role in ROLES]
