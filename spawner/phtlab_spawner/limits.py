"""Size of a workspace, by group of users."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from phtlab.errors import SettingsError
from phtlab.strict_model import StrictModel
from phtlab.validation_summary import validation_summaries

Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[KMGT]$")]


class Workspace(StrictModel):
    """One kind of workspace. Sizes are written as `512M` or `4G`.

    `image` is by default the Spawner's own; `cpu` is in cores, `pids` counts processes and threads
    together, `scratch` is the size of /tmp (it counts as memory).
    """

    image: str | None = None
    memory: Size = "2G"
    cpu: float = Field(2.0, gt=0)
    pids: int = Field(512, ge=64)
    files: int = Field(4096, ge=256)
    scratch: Size = "512M"


DEFAULT = Workspace()


def workspaces_of(content: Mapping[str, Any]) -> dict[str, Workspace]:
    """Validate a hub's configuration of workspaces, a map from group to workspace.

    Raises SettingsError with what is invalid.
    """
    made: dict[str, Workspace] = {}
    for group, values in content.items():
        try:
            made[group] = Workspace.model_validate(values)
        except ValidationError as wrong:
            where, why = validation_summaries(wrong)[0]
            raise SettingsError(
                f"The workspace of the group '{group}' cannot be used: '{where}': {why}.",
                code="workspace-limits",
            ) from None
    return made


def workspace_for(groups: Collection[str], workspaces: Mapping[str, Workspace]) -> Workspace:
    """Return the first of `workspaces` whose group is among `groups`; else the default."""
    for group, workspace in workspaces.items():
        if group in groups:
            return workspace
    return DEFAULT


def size_in_bytes(size: Size) -> int:
    """Return `512M` as a number of bytes."""
    return int(size[:-1]) << {"K": 10, "M": 20, "G": 30, "T": 40}[size[-1]]
