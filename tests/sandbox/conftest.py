"""A station over the real engine, for trains that are hostile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from phtlab.kernel.build import BuiltKernel
from tests.station.real_world import real_world
from tests.station.station_world import World

Open = Callable[..., AbstractContextManager[World]]


@pytest.fixture(scope="module")
def open_world(
    kernel_image: str,
    open_registry: str,
    built_kernel: BuiltKernel,
    tmp_path_factory: pytest.TempPathFactory,
) -> Open:
    """A new station, over the engine of this machine and runc unless told otherwise."""

    def opened(root: Path | None = None, **options: Any) -> AbstractContextManager[World]:
        place = root or tmp_path_factory.mktemp("hostile")
        return real_world(place, open_registry, built_kernel, **options)

    return opened
