"""What pip and uv build: phtlab with its JupyterLab extension, server configuration and recipes.

The extension is built from its TypeScript if that changed since, which needs Node; a source
distribution holds it built, so that a wheel made from one needs none. An editable installation
takes everything from the checkout: `.ci/prepare` tells Lab where the extension lies.

`python hatch_build.py` builds the extension and nothing else; with `is-built` it tells by its exit
code whether that is needed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FRONTEND = Path("phtlab/lab/frontend")
LABEXTENSION = Path("phtlab/lab/labextension")
SERVER_CONFIG = Path("phtlab/lab/jupyter-config/phtlab.json")

# What the built extension is made of.
_SOURCES = ("src", "style", "schema", "package.json", "tsconfig.json", "yarn.lock")

# In the built extension: which sources it was made of, and in node_modules which lock file.
_MADE_OF = "made-of.sha256"

# What comes with phtlab beside its code, for `phtlab.share`.
_SHARED = ("notebooks", "kernels", "spawner/workspace", "hub_config")
_NOT_SHARED = ("__pycache__", ".ipynb_checkpoints", "node_modules", "phtlab_hub")

_IN_LAB = "share/jupyter/labextensions/phtlab"
_IN_SERVER = "etc/jupyter/jupyter_server_config.d/phtlab.json"


class ExtensionMissingError(Exception):
    """The JupyterLab extension is not there, and cannot be built here."""


class PhtlabBuildHook(BuildHookInterface[Any]):
    """Builds the extension where it has to be, and says what goes where."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_built(Path(self.root)) else ["jupyter-builder>=1.2,<2"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        build_extension(root)
        if self.target_name == "sdist":
            build_data["artifacts"].append(f"/{LABEXTENSION}")
            return
        for name, file in _files(root / LABEXTENSION):
            if name != _MADE_OF and not name.endswith((".map", "build_log.json")):
                build_data["shared_data"][str(file)] = f"{_IN_LAB}/{name}"
        build_data["shared_data"][str(root / FRONTEND / "install.json")] = f"{_IN_LAB}/install.json"
        build_data["shared_data"][str(root / SERVER_CONFIG)] = _IN_SERVER
        for folder in _SHARED:
            for name, file in _files(root / folder):
                build_data["force_include"][str(file)] = f"phtlab/_share/{folder}/{name}"


def is_built(root: Path) -> bool:
    """Whether the built extension is made of the sources as they are."""
    made_of = root / LABEXTENSION / _MADE_OF
    return made_of.is_file() and made_of.read_text() == _digest(root / FRONTEND, _SOURCES)


def build_extension(root: Path) -> None:
    """Build the extension, if its sources changed since. Raises ExtensionMissingError."""
    if is_built(root):
        return
    frontend = root / FRONTEND
    if not frontend.is_dir():
        raise ExtensionMissingError(f"{frontend} is missing: take the whole source of phtlab.")
    if shutil.which("node") is None:
        raise ExtensionMissingError(
            "phtlab's JupyterLab extension is not built, or of older sources, and there is no Node "
            "to build it with. Install Node 22.12 or newer, or take a wheel or a source "
            "distribution of phtlab: they hold it built."
        )
    packages = _digest(frontend, ("package.json", "yarn.lock"))
    installed = frontend / "node_modules" / _MADE_OF
    if not installed.is_file() or installed.read_text() != packages:
        _jlpm(frontend, "install", "--immutable")
        installed.write_text(packages)
    # Before it is built: what is changed meanwhile is not in it.
    sources = _digest(frontend, _SOURCES)
    _jlpm(frontend, "build:prod")
    (root / LABEXTENSION / _MADE_OF).write_text(sources)


# Where npm installs from, and whom it trusts there, holds for jlpm, too.
_OF_NPM = {"registry": "YARN_NPM_REGISTRY_SERVER", "cafile": "NODE_EXTRA_CA_CERTS"}


def _jlpm(frontend: Path, *arguments: str) -> None:
    scripts = sysconfig.get_path("scripts")
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for setting, variable in _OF_NPM.items():
        if variable not in environment and shutil.which("npm"):
            asked = subprocess.run(
                ["npm", "config", "get", setting], capture_output=True, text=True, check=True
            )
            value = asked.stdout.strip()
            if value not in ("", "null", "undefined"):
                environment[variable] = value
    program = shutil.which("jlpm", path=environment["PATH"])
    if program is None:
        raise ExtensionMissingError("jlpm is missing: install jupyter-builder, which brings it.")
    done = subprocess.run(
        [program, *arguments],
        cwd=frontend,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-30:])
        raise ExtensionMissingError(f"'jlpm {' '.join(arguments)}' failed in {frontend}:\n{last}")


def _digest(folder: Path, names: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    for name in names:
        place = folder / name
        for below, file in _files(place) if place.is_dir() else [("", place)]:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            total.update(f"{name}/{below} {content}\n".encode())
    return total.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files below `folder` in order, by their names from there."""
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _NOT_SHARED)
        for name in sorted(names):
            file = Path(top, name)
            yield file.relative_to(folder).as_posix(), file


if __name__ == "__main__":
    here = Path(__file__).parent
    if sys.argv[1:] == ["is-built"]:
        sys.exit(not is_built(here))
    try:
        build_extension(here)
    except ExtensionMissingError as missing:
        sys.exit(f"phtlab set-up: {missing}")
