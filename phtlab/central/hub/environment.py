"""Central's settings from the environment that JupyterHub gives to a managed service."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def settings_of_service(environ: Mapping[str, str]) -> dict[str, str]:
    """Return central's settings from the environment of a hub's service; empty elsewhere.

    A user's server has most of these variables too, and a user may start central from a terminal
    in it. Only a service has a name.
    """
    if not environ.get("JUPYTERHUB_SERVICE_NAME"):
        return {}
    base = environ.get("JUPYTERHUB_BASE_URL", "/")
    found = {
        "hub_api_url": environ.get("JUPYTERHUB_API_URL", ""),
        "hub_token": environ.get("JUPYTERHUB_API_TOKEN", ""),
        "hub_client_id": environ.get("JUPYTERHUB_CLIENT_ID", ""),
        "hub_callback_url": environ.get("JUPYTERHUB_OAUTH_CALLBACK_URL", ""),
        "hub_url": f"{environ.get('JUPYTERHUB_HOST', '')}{base.rstrip('/')}/hub/",
        "prefix": environ.get("JUPYTERHUB_SERVICE_PREFIX", ""),
        "listen": _listen(environ.get("JUPYTERHUB_SERVICE_URL", "")),
    }
    return {name: value for name, value in found.items() if value}


def _listen(url: str) -> str:
    """Return the address and port of `url`, where the hub's proxy expects the service."""
    parts = urlsplit(url)
    if not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
