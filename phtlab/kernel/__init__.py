"""Kernel images and workspace images, built from recipes without a container engine.

Names are imported on first use: the lowest layer is built before anything is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phtlab.kernel.adopt import adopt_kernel
    from phtlab.kernel.build import BuildEvent, BuiltKernel, Progress, build_kernel
    from phtlab.kernel.push import push_kernel
    from phtlab.kernel.recipe import Recipe, read_recipe
    from phtlab.kernel.workspace import TITLES as WORKSPACE_TITLES
    from phtlab.kernel.workspace import BuiltWorkspace, build_workspace
    from phtlab.kernel.workspace_load import container_engine, load_workspace, push_workspace
    from phtlab.kernel.workspace_recipe import WorkspaceRecipe, read_workspace_recipe

_HOME = {
    "BuildEvent": ("phtlab.kernel.build", "BuildEvent"),
    "BuiltKernel": ("phtlab.kernel.build", "BuiltKernel"),
    "BuiltWorkspace": ("phtlab.kernel.workspace", "BuiltWorkspace"),
    "Progress": ("phtlab.kernel.build", "Progress"),
    "Recipe": ("phtlab.kernel.recipe", "Recipe"),
    "WORKSPACE_TITLES": ("phtlab.kernel.workspace", "TITLES"),
    "WorkspaceRecipe": ("phtlab.kernel.workspace_recipe", "WorkspaceRecipe"),
    "adopt_kernel": ("phtlab.kernel.adopt", "adopt_kernel"),
    "build_kernel": ("phtlab.kernel.build", "build_kernel"),
    "build_workspace": ("phtlab.kernel.workspace", "build_workspace"),
    "container_engine": ("phtlab.kernel.workspace_load", "container_engine"),
    "load_workspace": ("phtlab.kernel.workspace_load", "load_workspace"),
    "push_kernel": ("phtlab.kernel.push", "push_kernel"),
    "push_workspace": ("phtlab.kernel.workspace_load", "push_workspace"),
    "read_recipe": ("phtlab.kernel.recipe", "read_recipe"),
    "read_workspace_recipe": ("phtlab.kernel.workspace_recipe", "read_workspace_recipe"),
}

__all__ = [
    "WORKSPACE_TITLES",
    "BuildEvent",
    "BuiltKernel",
    "BuiltWorkspace",
    "Progress",
    "Recipe",
    "WorkspaceRecipe",
    "adopt_kernel",
    "build_kernel",
    "build_workspace",
    "container_engine",
    "load_workspace",
    "push_kernel",
    "push_workspace",
    "read_recipe",
    "read_workspace_recipe",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phtlab.kernel' has no attribute {name!r}")
    module, original = _HOME[name]
    return getattr(import_module(module), original)
