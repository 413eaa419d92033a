"""Kernels whose parent process has ended: found by their labels, and removed.

A kernel ends when the process that started it ends, as its standard input closes then. That leaves
a stopped container and a folder; and a running kernel, if its code prevented the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from phtlab.processes.process_mark import is_gone

if TYPE_CHECKING:
    import docker

LABEL: Final = "phtlab.kernel"
LABEL_PARENT: Final = "phtlab.kernel.parent"
LABEL_FOLDER: Final = "phtlab.kernel.folder"


def remove_left_behind(engine: docker.DockerClient) -> int:
    """Remove this user's kernels whose parent process has ended; return how many."""
    import docker.errors

    removed = 0
    for container in engine.api.containers(all=True, filters={"label": LABEL_PARENT}):
        labels: Mapping[str, str] = container["Labels"]
        if not is_gone(labels[LABEL_PARENT]):
            continue
        try:
            engine.api.remove_container(container["Id"], force=True, v=True)
        except docker.errors.APIError:
            continue  # another process is removing it
        _remove_folder(labels.get(LABEL_FOLDER, ""))
        removed += 1
    return removed


def _remove_folder(path: str) -> None:
    folder = Path(path)
    # A label alone must not allow deleting any folder.
    if folder.is_absolute() and folder.name.startswith("phtlab-kernel-") and folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
