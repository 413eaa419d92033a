"""The consortium that the benches use: four hospitals and a twin, on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from phtlab.demo.world import World, running
from tests.conftest import CACHE


@contextmanager
def consortium() -> Iterator[World]:
    """Found and start a new world; stop and remove it on leaving."""
    os.environ["PHTLAB_CACHE"] = str(CACHE)
    with (
        TemporaryDirectory(prefix="phtlab-bench-") as folder,
        running(World(Path(folder) / "world", log_n=12), lambda doing: None) as world,
    ):
        yield world


def researcher_environment(world: World) -> dict[str, str]:
    """Environment variables of the researcher's Jupyter server; the key is locked."""
    return {"PHTLAB_CONFIG": str(world.researcher), "PHTLAB_CACHE": str(CACHE)}
