"""A recipe is read strictly, and says which key or line is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.errors import KernelError
from phtlab.kernel import read_recipe
from tests.raising import raises_code

RECIPES = Path(__file__).parents[2] / "kernels"
HASH = f"--hash=sha256:{'0' * 64}"
GOOD = """
name = "small"
language = "python"
kernelspec = "python3"
suite = "bookworm"
packages = ["python3"]
requirements = "lock"
"""


def recipe(
    folder: Path, text: str = GOOD, lock: str | None = f"numpy==2.4.6 \\\n    {HASH}\n"
) -> Path:
    (folder / "kernel.toml").write_text(text)
    if lock is not None:
        (folder / "lock").write_text(lock)
    return folder


@pytest.mark.parametrize("folder", sorted(p.parent.name for p in RECIPES.glob("*/kernel.toml")))
def test_our_own_recipes_are_read(folder: str) -> None:
    read = read_recipe(RECIPES / folder)
    assert read.name == folder
    assert (read.folder / "Dockerfile").exists()
    assert "http" not in read.lock.read_text(), "a lock file names no index"


def test_the_python_lock_has_all_that_is_asked_for() -> None:
    lines = (RECIPES / "python/requirements.in").read_text().splitlines()
    asked = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    locked = {
        line.split("==")[0]
        for line in (RECIPES / "python/requirements.lock").read_text().splitlines()
        if "==" in line
    }
    assert {name.replace("_", "-") for name in asked} <= locked


def test_the_folder_or_its_file_names_a_recipe(tmp_path: Path) -> None:
    recipe(tmp_path)
    assert read_recipe(tmp_path) == read_recipe(tmp_path / "kernel.toml")
    assert read_recipe(tmp_path).lock == tmp_path / "lock"


def test_a_missing_recipe_says_what_to_give(tmp_path: Path) -> None:
    with raises_code(KernelError, "kernel-recipe"):
        read_recipe(tmp_path)


@pytest.mark.parametrize(
    "lock",
    [
        "numpy==2.4.6\n",
        f"numpy>=2 {HASH}\n",
        f"numpy==2.4.6 ; python_version < '3.12' {HASH}\n",
        f"numpy @ file:///tmp/numpy.whl {HASH}\n",
        "--index-url https://example.org/simple\n",
        f"numpy==2.4.6 --hash=md5:{'0' * 32}\n",
        f"numpy==2.4.6 {HASH} --no-deps\n",
    ],
)
def test_a_lock_file_that_is_not_exact_is_refused(tmp_path: Path, lock: str) -> None:
    with raises_code(KernelError, "kernel-lock"):
        read_recipe(recipe(tmp_path, lock=lock))


def test_a_missing_lock_file_says_so(tmp_path: Path) -> None:
    with raises_code(KernelError, "kernel-lock-absent"):
        read_recipe(recipe(tmp_path, lock=None))
