"""phtlab's files in a workspace, without the runtime, which the kernel image has already."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import phtlab
from phtlab.errors import KernelError
from phtlab.kernel.runtime_layer import runtime_sources

# Paths below the package's folder that are not installed with it, or are installed elsewhere.
_ELSEWHERE = ("_share", "lab/frontend", "lab/jupyter-config", "lab/labextension")

_LABEXTENSIONS = "usr/local/share/jupyter/labextensions/phtlab"
_SERVER_CONFIG = "usr/local/etc/jupyter/jupyter_server_config.d/phtlab.json"

_SCRIPT = """\
#!/usr/bin/python3
import sys
from {module} import {function}
sys.exit({function}())
"""


def workspace_sources(site: str) -> dict[str, Path]:
    """Return path in the image, from its root, to local file. `site` is the kernel's site-packages.

    Raises KernelError if the JupyterLab extension has not been built.
    """
    package = Path(phtlab.__file__).parent
    sources = runtime_sources()
    files = {
        f"{site}/phtlab/{name}": file
        for name, file in _files(package, without=_ELSEWHERE).items()
        if name not in sources
    }
    for name, file in _files(_share(package)).items():
        files[f"{site}/phtlab/_share/notebooks/{name}"] = file
    for name, file in _files(_labextension(package)).items():
        if not name.endswith((".map", "build_log.json", "made-of.sha256")):
            files[f"{_LABEXTENSIONS}/{name}"] = file
    files[_SERVER_CONFIG] = _server_config(package)
    return dict(sorted(files.items()))


def lay_out_files(tree: Path, files: Mapping[str, Path]) -> None:
    """Copy `files` below `tree`, with modes 755 and 644."""
    for name, file in files.items():
        target = _path_in_tree(tree, name)
        shutil.copyfile(file, target)
        target.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def lay_out_scripts(tree: Path, scripts: Mapping[str, str]) -> None:
    """Write commands to /usr/local/bin; each calls a function, given as `module:function`."""
    for name, entry_point in scripts.items():
        module, _, function = entry_point.partition(":")
        target = _path_in_tree(tree, f"usr/local/bin/{name}")
        target.write_text(_SCRIPT.format(module=module, function=function), encoding="utf-8")
        target.chmod(0o755)


def lay_out_text(tree: Path, name: str, content: str) -> None:
    target = _path_in_tree(tree, name)
    target.write_text(content, encoding="utf-8")
    target.chmod(0o644)


def _path_in_tree(tree: Path, name: str) -> Path:
    target = tree / name
    for folder in reversed(target.relative_to(tree).parents[:-1]):
        (tree / folder).mkdir(exist_ok=True)
        (tree / folder).chmod(0o755)
    return target


def _files(folder: Path, without: Collection[str] = ()) -> dict[str, Path]:
    """Return all files below `folder`, except caches and the folders `without`."""
    found: dict[str, Path] = {}
    for top, folders, names in os.walk(folder):
        place = Path(top).relative_to(folder)
        # Folders removed from the list are not entered: an extension's node_modules has many files.
        folders[:] = [
            name
            for name in folders
            if name not in ("__pycache__", ".ipynb_checkpoints")
            and (place / name).as_posix() not in without
        ]
        found.update({(place / name).as_posix(): Path(top, name) for name in names})
    return dict(sorted(found.items()))


def _labextension(package: Path) -> Path:
    """Return the built extension, of the checkout or where the wheel installed it."""
    places = [
        package / "lab/labextension",
        Path(sys.prefix, "share/jupyter/labextensions/phtlab"),
    ]
    for place in places:
        try:
            described = json.loads((place / "package.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            continue
        if (place / described.get("jupyterlab", {}).get("_build", {}).get("load", "?")).is_file():
            return place
    raise KernelError(
        "phtlab's JupyterLab extension is not built.",
        "In phtlab/lab/frontend, run 'jlpm install' and 'jlpm build'; or install phtlab from its "
        "wheel, which holds it.",
        code="workspace-labextension",
    )


def _server_config(package: Path) -> Path:
    for place in (
        package / "lab/jupyter-config/phtlab.json",
        Path(sys.prefix, "etc/jupyter/jupyter_server_config.d/phtlab.json"),
    ):
        if place.is_file():
            return place
    raise KernelError("phtlab's server configuration is missing: install phtlab again.")


def _share(package: Path) -> Path:
    """Return the notebooks that come with phtlab, of the checkout or of the wheel."""
    for place in (package.parent / "notebooks", package / "_share/notebooks"):
        if place.is_dir():
            return place
    raise KernelError("phtlab's own notebooks are missing: install phtlab again.")
