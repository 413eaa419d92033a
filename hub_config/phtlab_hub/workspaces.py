"""Scopes, start and environment of everyone's server, whichever Spawner starts it."""

from __future__ import annotations

from typing import Any, Final

from phtlab.errors import SettingsError
from phtlab_hub.roles import DISPATCH, READ
from phtlab_hub.settings import HubSettings

# JUPYTERHUB_API_TOKEN gets those of these that its user has: enough to call central, and to report
# activity to the hub. Not `inherit`, and no scopes of pages: code in a notebook can read this
# token.
SERVER_SCOPES: Final = ("users:activity!user", "access:servers!server", READ, DISPATCH)


def apply(c: Any, settings: HubSettings) -> None:
    """Set the server's token scopes, its first page, and its start timeout."""
    c.Spawner.server_token_scopes = list(SERVER_SCOPES)
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = 120
    c.Spawner.http_timeout = 60


def in_containers(workspace: Any, settings: HubSettings, root: str) -> None:
    """Configure a Spawner of workspaces, for an engine as for a swarm.

    `workspace` is the Spawner's part of JupyterHub's configuration, and `root` the setting that
    names the consortium's root. Raises SettingsError if a required setting is missing.
    """
    if not (settings.image and settings.reverse_proxy and getattr(settings, root)):
        raise SettingsError(
            f"This configuration needs 'image', 'reverse_proxy' and '{root}' in hub.toml: "
            "see docs/hub.md."
        )
    workspace.image = settings.image
    workspace.network_name = settings.network
    # The proxy reaches workspaces at their own addresses: no port of a machine is opened.
    workspace.use_internal_ip = True
    workspace.prefix = settings.prefix
    workspace.reverse_proxy = settings.reverse_proxy
    workspace.workspaces = settings.workspaces


def environment(settings: HubSettings) -> dict[str, str]:
    """Return a server's variables: addresses of central and the registry, and the trusted root."""
    central = (
        f"{settings.reverse_proxy}/services/central" if settings.reverse_proxy else settings.central
    )
    variables = {
        "PHTLAB_CENTRAL": central,
        "PHTLAB_REGISTRY": settings.reverse_proxy or settings.registry,
    }
    if settings.root is not None:
        variables["PHTLAB_ROOT"] = str(settings.root)
    return variables
