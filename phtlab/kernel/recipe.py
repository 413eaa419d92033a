"""A kernel recipe: the folder that says what is in a kernel image."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from phtlab.errors import KernelError
from phtlab.train.fault import faults_of

_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
_Package = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$")]
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!]+$")


class Recipe(BaseModel):
    """`kernel.toml`, and the folder that it lies in.

    `requirements`, `prepare` and `files` are paths in that folder; `drop` are globs of what is
    left out of the wheels (relative to the folder that they are installed in).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    name: _Word
    language: _Word
    kernelspec: str
    suite: _Word
    packages: tuple[_Package, ...]
    requirements: str
    drop: tuple[str, ...] = ()
    prepare: str | None = None
    files: str | None = None
    environment: dict[_Variable, str] = {}

    @property
    def lock(self) -> Path:
        return self.folder / self.requirements

    @property
    def preparation(self) -> str:
        """The script that the image's own Python runs when the wheels are in place."""
        if self.prepare is None:
            return ""
        return (self.folder / self.prepare).read_text(encoding="utf-8")

    @property
    def overlay(self) -> Path | None:
        return None if self.files is None else self.folder / self.files


def read_recipe(path: Path) -> Recipe:
    """The recipe of the folder (or `kernel.toml`) `path`.

    Raises KernelError with the key that is wrong, or the line of a lock file that names no hash.
    """
    file = path / "kernel.toml" if path.is_dir() else path
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KernelError(
            f"There is no kernel recipe at {file}. Give the folder that holds a kernel.toml, "
            "such as kernels/python.",
            code="kernel-recipe",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise KernelError(f"{file} is not TOML: {wrong}.", code="kernel-recipe") from None
    try:
        recipe = Recipe.model_validate({**content, "folder": file.parent})
    except ValidationError as wrong:
        where, why = faults_of(wrong)[0]
        raise KernelError(f"{file}: '{where}': {why}.", code="kernel-recipe") from None
    check_lock(recipe.lock)
    return recipe


def check_lock(lock: Path) -> None:
    """Every requirement is one exact version without a marker, and has a hash.

    Markers are refused because pip evaluates them for the Python that runs pip, not for the
    image's; so the lock is made for one Python and one platform family.
    """
    try:
        lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    except FileNotFoundError:
        raise KernelError(
            f"The lock file {lock} is missing. docs/kernels.md tells how to make it.",
            code="kernel-recipe",
        ) from None
    for line in lines:
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        hashes = [word for word in words[1:] if word.startswith("--hash=sha256:")]
        if not _REQUIREMENT.match(words[0]) or not hashes or len(hashes) != len(words) - 1:
            raise KernelError(
                f"{lock}: '{words[0]}' must be one exact version with its sha256 hashes and "
                "nothing else. Make the lock file as docs/kernels.md tells.",
                code="kernel-recipe",
            )
