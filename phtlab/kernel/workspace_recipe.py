"""A workspace recipe: the folder that defines what a workspace adds to a kernel image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from phtlab.kernel.recipe import RecipeFile, Variable, read_recipe_file

_Script = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
_EntryPoint = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
]
_Path = Annotated[str, StringConstraints(pattern=r"^/[a-z0-9/_-]+$")]


class WorkspaceRecipe(RecipeFile):
    """`workspace.toml` and its folder.

    `kernel`, `requirements` and `files` are paths in that folder. `scripts` are commands of the
    image and the function that each calls; `drop` are globs of files left out of the wheels;
    `without` are variables of the kernel image that a workspace does not have.
    """

    kernel: str
    home: _Path
    command: tuple[str, ...]
    scripts: dict[_Script, _EntryPoint] = Field(default_factory=dict)
    without: tuple[Variable, ...] = ()

    @property
    def kernel_folder(self) -> Path:
        """The folder of the recipe of the kernel image that the workspace is built on."""
        return self.folder / self.kernel


def read_workspace_recipe(path: Path) -> WorkspaceRecipe:
    """Read the recipe of the folder (or `workspace.toml`) `path`.

    Raises KernelError with the key that is wrong, or the line of a lock file without a hash.
    """
    return read_recipe_file(
        WorkspaceRecipe,
        path,
        "workspace.toml",
        code="workspace-recipe",
        example="spawner/workspace",
    )
