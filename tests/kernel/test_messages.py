"""What people read when a recipe is wrong, or a kernel image cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import KernelError
from phtlab.kernel import read_recipe, read_workspace_recipe, root
from phtlab.kernel.root import builder_version
from tests.kernel import test_recipe, test_workspace_recipe
from tests.raising import wrong_messages

KERNEL, WORKSPACE = test_recipe.GOOD, test_workspace_recipe.GOOD


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "is not TOML"),
        (KERNEL.replace('"small"', '"Small Kernel"'), "'name': String should match"),
        (KERNEL + 'colour = "red"\n', "'colour': Extra inputs are not permitted"),
        (KERNEL.replace('suite = "bookworm"\n', ""), "'suite': Field required"),
        (KERNEL.replace('["python3"]', '["--allow-all"]'), "'packages.0': String should match"),
    ],
)
def test_a_wrong_kernel_recipe_names_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(KernelError, match=told) as wrong:
        read_recipe(test_recipe.recipe(tmp_path, text))
    assert wrong.value.code == "kernel-recipe"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "is not TOML"),
        (WORKSPACE.replace('"small"', '"Small"'), "'name': String should match"),
        (WORKSPACE.replace('"/home/analyst"', '"../x"'), "'home': String should match"),
        (WORKSPACE.replace('home = "/home/analyst"\n', ""), "'home': Field required"),
        (WORKSPACE + "root = true\n", "'root': Extra inputs are not permitted"),
        (WORKSPACE + '[scripts]\n"../x" = "a:b"\n', "'scripts"),
        (WORKSPACE + '[scripts]\nx = "os.system(1)"\n', "'scripts"),
        (WORKSPACE + '[environment]\n"A B" = "x"\n', "'environment"),
    ],
)
def test_a_wrong_workspace_recipe_names_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(KernelError, match=told) as wrong:
        read_workspace_recipe(test_workspace_recipe.recipe(tmp_path, text))
    assert wrong.value.code == "workspace-recipe"


def test_what_is_absent(tmp_path: Path) -> None:
    (tmp_path / "kernel").mkdir()
    without_lock = test_recipe.recipe(tmp_path / "kernel", lock=None)
    (tmp_path / "loose").mkdir()
    loose = test_recipe.recipe(tmp_path / "loose", lock="numpy>=2\n")
    assert not wrong_messages(
        {
            f"There is no kernel recipe at {tmp_path}/kernel.toml": lambda: read_recipe(tmp_path),
            f"There is no workspace recipe at {tmp_path}/workspace.toml": lambda: (
                read_workspace_recipe(tmp_path)
            ),
            "The lock file": lambda: read_recipe(without_lock),
            "'numpy>=2' must be one exact version with its": lambda: read_recipe(loose),
        }
    )


def test_what_building_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not wrong_messages({"'apt-get install mmdebstrap'": builder_version})
    monkeypatch.setattr(root.os, "geteuid", lambda: 1000)
    assert not wrong_messages({"needs root: run it with sudo": builder_version})
