"""A workspace recipe: the folder that says what a workspace adds to a kernel image."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from phtlab.errors import KernelError
from phtlab.kernel.recipe import check_lock
from phtlab.train.fault import faults_of

_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
_Script = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
_EntryPoint = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
]
_Path = Annotated[str, StringConstraints(pattern=r"^/[a-z0-9/_-]+$")]


class WorkspaceRecipe(BaseModel):
    """`workspace.toml`, and the folder that it lies in.

    `kernel`, `requirements` and `files` are paths in that folder. `scripts` are commands of the
    image and the function that each calls; `drop` are globs of what is left out of the wheels;
    `without` are variables of the kernel image that a workspace does not have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    name: _Word
    kernel: str
    requirements: str
    home: _Path
    command: tuple[str, ...]
    drop: tuple[str, ...] = ()
    files: str | None = None
    scripts: dict[_Script, _EntryPoint] = {}
    environment: dict[_Variable, str] = {}
    without: tuple[_Variable, ...] = ()

    @property
    def lock(self) -> Path:
        return self.folder / self.requirements

    @property
    def kernel_folder(self) -> Path:
        """The recipe of the kernel image that the workspace is built on."""
        return self.folder / self.kernel

    @property
    def overlay(self) -> Path | None:
        return None if self.files is None else self.folder / self.files


def read_workspace_recipe(path: Path) -> WorkspaceRecipe:
    """The recipe of the folder (or `workspace.toml`) `path`.

    Raises KernelError with the key that is wrong, or the line of a lock file that names no hash.
    """
    file = path / "workspace.toml" if path.is_dir() else path
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise KernelError(
            f"There is no workspace recipe at {file}. Give the folder that holds a "
            "workspace.toml, such as spawner/workspace.",
            code="workspace-recipe",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise KernelError(f"{file} is not TOML: {wrong}.", code="workspace-recipe") from None
    try:
        recipe = WorkspaceRecipe.model_validate({**content, "folder": file.parent})
    except ValidationError as wrong:
        where, why = faults_of(wrong)[0]
        raise KernelError(f"{file}: '{where}': {why}.", code="workspace-recipe") from None
    check_lock(recipe.lock)
    return recipe
