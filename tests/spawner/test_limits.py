"""Sizes of workspaces: by group, within bounds, and refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.errors import SettingsError
from phtlab_spawner.limits import (
    DEFAULT,
    Workspace,
    size_in_bytes,
    workspace_for,
    workspaces_of,
)


def test_the_first_group_that_counts_is_the_first_in_the_configuration() -> None:
    workspaces = workspaces_of({"teacher": {"memory": "8G"}, "learner": {"memory": "1G"}})
    assert workspace_for({"learner", "teacher"}, workspaces).memory == "8G"
    assert workspace_for({"learner"}, workspaces).memory == "1G"
    assert workspace_for({"operator"}, workspaces) is DEFAULT
    assert workspace_for(set(), {}) is DEFAULT


def test_what_is_not_said_is_the_plain_size() -> None:
    (made,) = workspaces_of({"researcher": {"cpu": 0.5}}).values()
    assert made == Workspace(cpu=0.5)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"memory": "2g"}, "'memory': String should match"),
        ({"memory": 2048}, "'memory': Input should be a valid string"),
        ({"scratch": "0M"}, "'scratch': String should match"),
        ({"cpu": 0}, "'cpu': Input should be greater than 0"),
        ({"pids": 10}, "'pids': Input should be greater than or equal to 64"),
        ({"files": 100}, "'files': Input should be greater than or equal to 256"),
        ({"privileged": True}, "'privileged': Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_group(values: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        workspaces_of({"learner": values})
    assert str(wrong.value).startswith("The workspace of the group 'learner' cannot be used: ")
    assert told in str(wrong.value)
    assert wrong.value.code == "workspace-limits"


@given(st.integers(1, 10_000), st.sampled_from("KMGT"))
def test_a_size_is_what_the_hubs_own_words_mean(number: int, unit: str) -> None:
    from jupyterhub.traitlets import ByteSpecification

    size = f"{number}{unit}"
    assert size_in_bytes(size) == ByteSpecification().validate(None, size)
