"""Kernel images and workspace images, built from recipes without a container engine."""

from phtlab.kernel.adopt import adopt_kernel
from phtlab.kernel.build import BuildEvent, BuiltKernel, Progress, build_kernel
from phtlab.kernel.push import push_kernel
from phtlab.kernel.recipe import Recipe, read_recipe
from phtlab.kernel.workspace import TITLES as WORKSPACE_TITLES
from phtlab.kernel.workspace import BuiltWorkspace, build_workspace
from phtlab.kernel.workspace_load import container_engine, load_workspace, push_workspace
from phtlab.kernel.workspace_recipe import WorkspaceRecipe, read_workspace_recipe

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
