"""A workspace's recipe is read strictly; its lock file fits the kernel's, and ours."""

from __future__ import annotations

import re
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel import read_recipe, read_workspace_recipe
from tests.conftest import ROOT
from tests.raising import raises_code

RECIPE = ROOT / "spawner" / "workspace"
HASH = f"--hash=sha256:{'0' * 64}"
GOOD = """
name = "small"
kernel = "kernel"
requirements = "lock"
home = "/home/analyst"
command = ["jupyterhub-singleuser"]
"""


def locked(path: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


def recipe(folder: Path, text: str = GOOD) -> Path:
    (folder / "workspace.toml").write_text(text)
    (folder / "lock").write_text(f"jupyterlab==4.6.6 \\\n    {HASH}\n")
    return folder


def test_our_own_recipe_is_read() -> None:
    read = read_workspace_recipe(RECIPE)
    assert read == read_workspace_recipe(RECIPE / "workspace.toml")
    assert read_recipe(read.kernel_folder).name == read.name
    assert read.overlay is not None
    assert read.overlay.is_dir()
    assert read.command[0] in read.scripts
    assert "://" not in read.lock.read_text(), "a lock file names no index"


def test_no_package_lies_in_both_lock_files() -> None:
    """Where both could have one, the kernel's would be it, and the other would be dead weight."""
    read = read_workspace_recipe(RECIPE)
    assert not locked(read.lock).keys() & locked(read_recipe(read.kernel_folder).lock).keys()


def test_a_workspaces_lab_is_the_one_that_the_tests_are_run_with() -> None:
    ours, theirs = locked(ROOT / "requirements.lock"), locked(RECIPE / "requirements.lock")
    for name in ("jupyterlab", "jupyterhub", "jupyter-server", "anywidget", "httpx", "pydantic"):
        assert theirs[name] == ours[name], name


def test_what_has_no_use_in_a_workspace_is_not_in_it() -> None:
    names = locked(RECIPE / "requirements.lock").keys()
    assert not names & {"pip", "psycopg", "psycopg-binary", "dockerspawner", "pytest"}


def test_a_missing_recipe_says_what_to_give(tmp_path: Path) -> None:
    with raises_code(KernelError, "workspace-recipe"):
        read_workspace_recipe(tmp_path)


def test_a_lock_file_that_is_not_exact_is_refused(tmp_path: Path) -> None:
    recipe(tmp_path)
    (tmp_path / "lock").write_text("jupyterlab>=4\n")
    with raises_code(KernelError, "kernel-lock"):
        read_workspace_recipe(tmp_path)
