"""Central as the hub's service: pages at /services/central/, API for hub tokens by scope."""

from __future__ import annotations

import sys
from typing import Any, Final

from phtlab_hub.managed_service import managed_command
from phtlab_hub.roles import CENTRAL, DISPATCH, GOVERN, OPERATE, READ, TEACH
from phtlab_hub.settings import HubSettings

NAME: Final = "central"
PREFIX: Final = "/services/central/"


def apply(c: Any, settings: HubSettings) -> None:
    """Declare central. With `central_directory` the hub starts it, else it runs on its own."""
    service: dict[str, Any] = {
        "name": NAME,
        "url": settings.central,
        "api_token": settings.central_token,
        # Central is part of this hub: users need not confirm that it learns their names.
        "oauth_no_confirm": True,
        # All scopes that its pages use; a user's token gets those of them that the user has.
        "oauth_client_allowed_scopes": [CENTRAL, READ, DISPATCH, OPERATE, GOVERN, TEACH],
        "display": True,
        # A hub without central starts as well, and its pages report that central is away.
        "timeout": 5,
    }
    if settings.central_directory is not None:
        service["command"] = managed_command(
            *(sys.executable, "-m", "phtlab", "central", "run"),
            str(settings.central_directory),
        )
    services = c.JupyterHub.get("services", [])
    c.JupyterHub.services = [*services, service]


def environment(settings: HubSettings) -> dict[str, str]:
    """Return the hub's variables for a central that the hub did not start."""
    hub = settings.hub_connect or f"http://{settings.hub_listen}"
    return {
        "JUPYTERHUB_SERVICE_NAME": NAME,
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_URL": settings.central,
        "JUPYTERHUB_API_TOKEN": settings.central_token,
        "JUPYTERHUB_API_URL": f"{hub}/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"service-{NAME}",
        "JUPYTERHUB_HOST": settings.public_url if settings.subdomains else "",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}oauth_callback",
        "JUPYTERHUB_OAUTH_SCOPES": f'["{CENTRAL}"]',
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": f'["{CENTRAL}"]',
    }
