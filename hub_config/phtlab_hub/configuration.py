"""All layers of the hub's configuration.

A `jupyterhub_config.py` calls `configure(c)` and then names its Spawner; later settings override
it. `local`, `docker` and `swarm` beside this package are such files.
"""

from __future__ import annotations

from typing import Any

from phtlab_hub import (
    accounts,
    idle,
    oidc,
    processes,
    roles,
    security,
    service,
    shutdown,
    workspaces,
)
from phtlab_hub.settings import HubSettings


def configure(c: Any, settings: HubSettings | None = None) -> HubSettings:
    """Configure everything but the Spawner; return the settings.

    `c` is JupyterHub's configuration (`get_config()`). Without `settings` they are read from
    the folder that PHTLAB_HUB_DIRECTORY names. Raises SettingsError.
    """
    settings = settings or HubSettings.load()
    processes.apply(c, settings)
    security.apply(c, settings)
    roles.apply(c)
    service.apply(c, settings)
    idle.apply(c, settings)
    shutdown.apply(c, settings)
    workspaces.apply(c, settings)
    if settings.oidc is None:
        accounts.apply(c, settings)
    else:
        oidc.apply(c, settings, settings.oidc)
    return settings
