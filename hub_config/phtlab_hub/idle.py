"""Stop idle servers. Journeys belong to central and go on without a server."""

from __future__ import annotations

import sys
from typing import Any, Final

from phtlab_hub.managed_service import managed_command
from phtlab_hub.settings import HubSettings

NAME: Final = "idle-culler"
SCOPES: Final = ("list:users", "read:users:activity", "read:servers", "delete:servers")


def apply(c: Any, settings: HubSettings) -> None:
    """Add the idle culler, and a role with just the scopes that it needs."""
    if settings.idle_seconds == 0:
        return
    command = managed_command(
        *(sys.executable, "-m", "jupyterhub_idle_culler"),
        f"--timeout={settings.idle_seconds}",
        f"--cull-every={min(max(settings.idle_seconds // 4, 5), 300)}",
    )
    c.JupyterHub.services = [
        *c.JupyterHub.get("services", []),
        {"name": NAME, "command": command, "display": False},
    ]
    role = {"name": NAME, "scopes": list(SCOPES), "services": [NAME]}
    c.JupyterHub.load_roles = [*c.JupyterHub.get("load_roles", []), role]
