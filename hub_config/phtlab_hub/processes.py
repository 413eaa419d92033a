"""Hub and proxy as processes: their addresses, and what keeps running when the hub restarts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from phtlab.errors import SettingsError
from phtlab_hub.settings import HubSettings

FOLDER = Path(__file__).parent
INSTALLED = FOLDER.parent / "node_modules" / ".bin" / "configurable-http-proxy"


def apply(c: Any, settings: HubSettings) -> None:
    """Set addresses, database and proxy. Raises SettingsError if the proxy is not installed."""
    c.JupyterHub.bind_url = f"http://{settings.listen}"
    c.JupyterHub.hub_bind_url = f"http://{settings.hub_listen}"
    if settings.hub_connect:
        c.JupyterHub.hub_connect_url = settings.hub_connect
    c.JupyterHub.db_url = f"sqlite:///{settings.directory / 'hub.sqlite'}"
    # Everyone's Lab goes on while the hub restarts; the database has the address of each.
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.template_paths = [str(FOLDER / "templates")]
    c.ConfigurableHTTPProxy.auth_token = settings.proxy_token
    c.ConfigurableHTTPProxy.api_url = f"http://{settings.proxy_api}"
    c.ConfigurableHTTPProxy.should_start = settings.own_proxy
    if settings.own_proxy:
        c.ConfigurableHTTPProxy.command = [str(proxy_program())]
        c.ConfigurableHTTPProxy.pid_file = str(settings.directory / "proxy.pid")


def proxy_program() -> Path:
    """Find the configurable-http-proxy beside this package or on the PATH. Raises SettingsError."""
    found = shutil.which("configurable-http-proxy")
    if INSTALLED.exists():
        return INSTALLED
    if found is not None:
        return Path(found)
    raise SettingsError(
        "JupyterHub's proxy is not installed.",
        "Run 'npm ci' in hub_config, or 'npm install -g configurable-http-proxy'.",
    )


def proxy_command(settings: HubSettings) -> list[str]:
    """Return the command of a proxy that the hub does not start.

    It needs CONFIGPROXY_AUTH_TOKEN.
    """
    host, _, port = settings.listen.rpartition(":")
    api_host, _, api_port = settings.proxy_api.rpartition(":")
    hub = settings.hub_connect or f"http://{settings.hub_listen}"
    return [
        str(proxy_program()),
        f"--ip={host}",
        f"--port={port}",
        f"--api-ip={api_host}",
        f"--api-port={api_port}",
        f"--default-target={hub}",
        f"--error-target={hub}/hub/error",
        "--log-level=warn",
    ]
