"""Each lock file is closed, has hashes and names no host; the oldest pip installs it as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.utils import canonicalize_name

from tests.project.closed_locks import pins, unmet, with_requested_extras

ROOT = Path(__file__).parents[2]
UV = ROOT / ".ci" / "uv"
# Debian 12's, the oldest that a supported Python comes with.
OLDEST_PIP = "23.0.1"
# As kernel images are: Debian 12.
PLATFORM = "x86_64-manylinux_2_36"
INSTALL_LIMIT = 800.0  # seconds


@dataclass(frozen=True)
class Lock:
    """A lock file; `below` are lock files whose packages are there when it is installed.

    `left_out` are requirements of its packages that are left out on purpose: the Makefile.
    """

    path: str
    below: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()

    @property
    def of_an_image(self) -> bool:
        """For Debian 12's Python alone, and installed without looking at requirements."""
        return bool(self.left_out)

    @property
    def as_requirements(self) -> tuple[str, ...]:
        """The options that install it and what lies below."""
        return tuple(word for file in (self.path, *self.below) for word in ("-r", file))

    @property
    def text(self) -> str:
        return (ROOT / self.path).read_text()


LOCKS = (
    Lock("requirements.lock"),
    Lock("demo.lock"),
    Lock(".ci/uv.lock"),
    Lock(".ci/node.lock"),
    Lock("bench/medic.lock"),
    Lock("bench/scheduler.lock"),
    Lock("kernels/python/requirements.lock", left_out=frozenset({"debugpy", "psutil"})),
    Lock(
        "spawner/workspace/requirements.lock",
        below=("kernels/python/requirements.lock",),
        left_out=frozenset({"debugpy", "pip", "psycopg", "psycopg-binary"}),
    ),
)
EACH_LOCK = pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.path)


def install(*command: str | Path) -> None:
    """Run an installer, which must succeed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL_LIMIT)
    assert done.returncode == 0, done.stderr


def environment(python: str) -> dict[str, str]:
    here = {name: str(value) for name, value in default_environment().items()}
    return {**here, "python_version": python, "python_full_version": f"{python}.0"}


@EACH_LOCK
def test_lock_has_hashes_and_names_no_host(lock: Lock) -> None:
    assert "://" not in lock.text
    requirements = [line for line in lock.text.replace("\\\n", " ").splitlines() if line]
    assert requirements
    assert all("==" in line and "--hash=sha256:" in line for line in requirements)


def test_a_lock_without_extras_is_not_closed() -> None:
    text = (ROOT / "requirements.lock").read_text()
    stripped = re.sub(r"^([A-Za-z0-9._-]+)\[[^]]+\]", r"\1", text, flags=re.MULTILINE)
    assert stripped != text
    here = environment("3.11")
    found = unmet(pins(stripped, here), list(distributions()), here)
    assert any(re.match(r"pytest-cov needs coverage\[toml\]", line) for line in found), found


@pytest.mark.build
@pytest.mark.parametrize(
    ("lock", "python"),
    [
        pytest.param(lock, python, id=f"{lock.path}-{python}")
        for lock in LOCKS
        for python in (("3.11",) if lock.of_an_image else ("3.11", "3.12", "3.13"))
    ],
)
def test_every_requirement_of_every_locked_distribution_is_pinned(
    lock: Lock, python: str, tmp_path: Path
) -> None:
    install(
        *(UV, "pip", "install", "-q", "--target", tmp_path, "--no-deps", "--require-hashes"),
        *("--python", sys.executable, "--python-version", python),
        *(("--python-platform", PLATFORM) if lock.of_an_image else ()),
        *lock.as_requirements,
    )
    here = environment(python)
    pinned = {}
    for file in (lock.path, *lock.below):
        pinned |= pins((ROOT / file).read_text(), here)
    found = list(distributions(path=[str(tmp_path)]))
    assert {canonicalize_name(one.metadata["Name"]) for one in found} == pinned.keys()
    if lock.of_an_image:  # images take wheels without looking at what they require
        pinned = with_requested_extras(pinned, found, here)
    assert unmet(pinned, found, here, elsewhere=lock.left_out) == []


@pytest.mark.build
@EACH_LOCK
def test_the_oldest_pip_installs_the_lock(lock: Lock, tmp_path: Path) -> None:
    """With what it would resolve: a lock that is not closed fails here on the day of a release."""
    place = tmp_path / "venv"
    install(UV, "venv", "-q", "--python", sys.executable, place)
    install(UV, "pip", "install", "-q", "--python", place, f"pip=={OLDEST_PIP}")
    install(
        *(place / "bin/python", "-m", "pip", "install", "-q", "--no-compile"),
        *("--disable-pip-version-check", "--require-hashes"),
        *(("--no-deps",) if lock.of_an_image else ()),
        *lock.as_requirements,
    )
