"""docs/workspace.md has every setting of ours, every reason, and the sizes as they are."""

from __future__ import annotations

import inspect
import re

import pytest

from phtlab_spawner import (
    KubeWorkspaceSpawner,
    SwarmWorkspaceSpawner,
    WorkspaceSpawner,
    spawn_failure,
)
from phtlab_spawner.limits import Workspace
from phtlab_spawner.workspace_mixin import WorkspaceMixin
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "workspace.md").read_text("utf-8")
SPAWNERS = (WorkspaceMixin, WorkspaceSpawner, SwarmWorkspaceSpawner, KubeWorkspaceSpawner)


def rows(section: str) -> dict[str, list[str]]:
    """The names in the first cell of each row of the tables in `section`, and its other cells."""
    (text,) = re.findall(rf"^## {section}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\| (`[^|]*) \|(.*)\|$", text, re.MULTILINE)
    return {
        name: [cell.strip() for cell in rest.split("|")]
        for names, rest in found
        for name in re.findall(r"`([^`]+)`", names)
    }


@pytest.mark.parametrize("spawner", SPAWNERS, ids=lambda spawner: spawner.__name__)
def test_every_setting_of_ours_is_there(spawner: type[WorkspaceMixin]) -> None:
    ours = {name for name in vars(spawner) if name in spawner.class_traits(config=True)}
    told = rows("The Spawners")
    assert ours <= told.keys()
    if spawner is not WorkspaceMixin:
        for name in ours:
            assert told[name][0] == "all" or spawner.__name__ in told[name][0], name


@pytest.mark.parametrize("name", Workspace.model_fields)
def test_each_size_is_there_as_it_is(name: str) -> None:
    default = Workspace.model_fields[name].default
    if name != "image":
        size = default if isinstance(default, str) else f"{default:g}"
        assert rows("Size")[name][0].strip("`") == size


def test_every_reason_is_there() -> None:
    reasons = set(re.findall(r'reason="([a-z]+)"', inspect.getsource(spawn_failure)))
    assert len(reasons) > 6
    assert reasons <= rows("Start, and why it may fail").keys()
