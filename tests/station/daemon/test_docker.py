"""The daemon over the real engine and a real registry. How runs end there: tests/sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.kernel.build import BuiltKernel
from tests.station.real_world import opened_cargo, real_world, travel

pytestmark = pytest.mark.engine


def test_a_real_stop_departs_and_its_cargo_opens(
    tmp_path: Path, kernel_image: str, open_registry: str, built_kernel: BuiltKernel
) -> None:
    with real_world(tmp_path, open_registry, built_kernel) as world:
        offer = world.offer()
        record = travel(world, offer)
        assert record.outcome == "departed", record
        assert [(o.verdict, o.suppressed_rows) for o in record.outputs] == [("suppressed", 1)]
        with opened_cargo(world, offer, record) as tar:
            assert tar.getnames() == ["cargo.json", "counts.parquet"]
        assert world.executor.jobs() == frozenset()
