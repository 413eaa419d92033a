"""Workspaces of a hub: who gets which size, the container of each, and its only way out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phtlab_spawner.docker_workspace import WorkspaceSpawner
    from phtlab_spawner.kube_workspace import KubeWorkspaceSpawner
    from phtlab_spawner.network import WorkspaceNetwork
    from phtlab_spawner.reverse_proxy import ReverseProxy
    from phtlab_spawner.swarm_workspace import SwarmWorkspaceSpawner

__all__ = [
    "KubeWorkspaceSpawner",
    "ReverseProxy",
    "SwarmWorkspaceSpawner",
    "WorkspaceNetwork",
    "WorkspaceSpawner",
]

# Each is imported on first use: a hub has one kind of Spawner, and need not have installed the
# others.
_PLACES = {
    "ReverseProxy": "reverse_proxy",
    "KubeWorkspaceSpawner": "kube_workspace",
    "SwarmWorkspaceSpawner": "swarm_workspace",
    "WorkspaceNetwork": "network",
    "WorkspaceSpawner": "docker_workspace",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
