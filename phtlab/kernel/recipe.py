"""A kernel recipe: the folder that defines a kernel image."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from phtlab.errors import KernelError
from phtlab.strict_model import StrictModel
from phtlab.validation_summary import validation_summaries

RecipeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Package = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$")


class RecipeFile(StrictModel):
    """Common part of image recipes: a folder, a lock file, files laid over the image."""

    folder: Path
    name: RecipeName
    requirements: str
    drop: tuple[str, ...] = ()
    files: str | None = None
    environment: dict[Variable, str] = Field(default_factory=dict)

    @property
    def lock(self) -> Path:
        return self.folder / self.requirements

    @property
    def overlay(self) -> Path | None:
        return None if self.files is None else self.folder / self.files


AnyRecipe = TypeVar("AnyRecipe", bound=RecipeFile)


class Recipe(RecipeFile):
    """`kernel.toml` and its folder.

    `requirements`, `prepare` and `files` are paths in that folder; `drop` are globs of files left
    out of the wheels (relative to the folder that they are installed in).
    """

    language: RecipeName
    kernelspec: str
    suite: RecipeName
    packages: tuple[_Package, ...]
    prepare: str | None = None

    @property
    def preparation(self) -> str:
        """The script that the image's own Python runs after the wheels are unpacked."""
        if self.prepare is None:
            return ""
        return (self.folder / self.prepare).read_text(encoding="utf-8")


def read_recipe(path: Path) -> Recipe:
    """Read the recipe of the folder (or `kernel.toml`) `path`.

    Raises KernelError with the key that is wrong, or the line of a lock file without a hash.
    """
    return read_recipe_file(
        Recipe, path, "kernel.toml", code="kernel-recipe", example="kernels/python"
    )


def read_recipe_file(
    model: type[AnyRecipe], path: Path, name: str, *, code: str, example: str
) -> AnyRecipe:
    """Read `model` from the file `name` in the folder `path`, or from the file `path`.

    Raises KernelError (`code`) as `read_recipe`; `example` is a folder with such a file.
    """
    file = path / name if path.is_dir() else path
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise KernelError(
            f"There is no {Path(name).stem} recipe at {file}.",
            f"Give the folder that holds a {name}, such as {example}.",
            code=code,
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise KernelError(f"{file} is not TOML: {wrong}.", code=code) from None
    try:
        recipe = model.model_validate({**content, "folder": file.parent})
    except ValidationError as wrong:
        where, why = validation_summaries(wrong)[0]
        raise KernelError(f"{file}: '{where}': {why}.", code=code) from None
    check_lock(recipe.lock)
    return recipe


def locked_packages(lock: Path) -> dict[str, str]:
    """Return the packages of a checked lock file, and their versions."""
    words = (line.split("#", 1)[0].split() for line in _lines(lock))
    return dict(line[0].split("==") for line in words if line)


def check_lock(lock: Path) -> None:
    """Check that every requirement is one exact version without a marker, and has a hash.

    Markers are refused because pip evaluates them for the Python that runs pip, not for the
    image's; so the lock is made for one Python and one platform family. Raises KernelError.
    """
    try:
        lines = _lines(lock)
    except FileNotFoundError:
        raise KernelError(
            f"The lock file {lock} is missing.",
            "docs/kernels.md explains how to make it.",
            code="kernel-lock-absent",
        ) from None
    for line in lines:
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        hashes = [argument for argument in words[1:] if argument.startswith("--hash=sha256:")]
        if not _REQUIREMENT.match(words[0]) or not hashes or len(hashes) != len(words) - 1:
            raise KernelError(
                f"{lock}: '{words[0]}' must be one exact version with its sha256 hashes and "
                "nothing else.",
                "Make the lock file as docs/kernels.md explains.",
                code="kernel-lock",
            )


def _lines(lock: Path) -> list[str]:
    return lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
