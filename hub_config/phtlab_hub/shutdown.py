"""Shutdown of the hub together with everyone's servers, from a shell.

A restart keeps the servers running; this is for when the machine shuts down. The token is in the
hub's folder and permits nothing else.
"""

from __future__ import annotations

from typing import Any, Final

import httpx

from phtlab_hub.settings import HubSettings, secret

NAME: Final = "shutdown"
SCOPES: Final = ("shutdown",)


def apply(c: Any, settings: HubSettings) -> None:
    """Let the bearer of the folder's `shutdown-token` shut the hub down."""
    c.JupyterHub.services = [
        *c.JupyterHub.get("services", []),
        {"name": NAME, "api_token": _token(settings), "display": False},
    ]
    role = {"name": NAME, "scopes": list(SCOPES), "services": [NAME]}
    c.JupyterHub.load_roles = [*c.JupyterHub.get("load_roles", []), role]


def shut_down(settings: HubSettings) -> bool:
    """Ask the hub to stop itself, every server, and its proxy if the hub started it.

    Returns whether the hub accepted.
    """
    try:
        answer = httpx.post(
            f"http://{settings.hub_listen}/hub/api/shutdown",
            json={"servers": True, "proxy": settings.own_proxy},
            headers={"Authorization": f"token {_token(settings)}"},
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return answer.is_success


def _token(settings: HubSettings) -> str:
    return secret(settings.directory / "shutdown-token")
