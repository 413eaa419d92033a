"""Kernel images, built from a recipe without a container engine."""

from phtlab.kernel.adopt import adopt_kernel
from phtlab.kernel.build import BuildEvent, BuiltKernel, Progress, build_kernel
from phtlab.kernel.push import push_kernel
from phtlab.kernel.recipe import Recipe, read_recipe

__all__ = [
    "BuildEvent",
    "BuiltKernel",
    "Progress",
    "Recipe",
    "adopt_kernel",
    "build_kernel",
    "push_kernel",
    "read_recipe",
]
