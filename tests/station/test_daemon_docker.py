"""The daemon over the real engine and a real registry: the bad ends that only they can show."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phtlab.kernel.build import BuiltKernel
from phtlab.kernel.push import push_kernel
from phtlab.station.docker_executor import DockerExecutor
from phtlab.station.executor import RegistryAuth
from phtlab.station.freight import ImageParts, RegistryFreight
from phtlab.train.envelope import peek
from phtlab.train.image import ImageLimits, TrainImage
from phtlab.train.order import Order, cargo_context
from phtlab.train.seal import open_sealed
from phtlab.wire.api import Info
from phtlab.wire.cargo import pull_cargo
from phtlab.wire.registry import Registry
from phtlab.wire.trains import push_train
from tests.station.station_world import COUNTS, World, identity, make_world

pytestmark = pytest.mark.engine


class _OpenCentral:
    """What of central the freight asks, for a registry that is open to all."""

    def __init__(self, url: str) -> None:
        self._url = url

    def info(self) -> Info:
        return Info(
            consortium="hearts",
            audience="central@hearts",
            registry_url=self._url,
            time=datetime.now(UTC),
        )

    def registry_token(self, scopes: list[str]) -> str:
        raise AssertionError("an open registry asks for no token")


class RealFreight(RegistryFreight):
    """The station's freight over the tests' registry, into which trains are put as well."""

    def __init__(self, url: str, built: BuiltKernel) -> None:
        super().__init__(_OpenCentral(url))  # type: ignore[arg-type]
        self.registry = Registry(url)
        self._built = built
        self.delivered: dict[str, bytes] = {}

    def add(self, image: TrainImage) -> None:
        push_train(self.registry, image, "trains/ada/heart", self._built.image)

    def authorization(self, repository: str) -> RegistryAuth:
        return RegistryAuth()

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        return super().fetch(repository, image, limits)


@pytest.fixture
def world(
    tmp_path: Path, kernel_image: str, open_registry: str, built_kernel: BuiltKernel
) -> Iterator[World]:
    world = make_world(tmp_path)
    world.add_hearts(women=25, men=5)
    world.root.chmod(0o755)
    freight = RealFreight(open_registry, built_kernel)
    push_kernel(freight.registry, built_kernel)
    world.freight = freight  # type: ignore[assignment]
    world.kernels = (built_kernel.image,)
    world.kernel_files = (built_kernel.manifest, built_kernel.config)
    executor = DockerExecutor(
        world.folder.path / "runs", station=f"cleveland-{world.folder.mark()}"
    )
    world.executor = executor
    yield world
    for job in executor.jobs():
        executor.remove(job)
    freight.close()
    freight.registry.close()
    executor.close()


def travel(world: World, source: str = COUNTS, **order: Any) -> Any:
    """Step until the record is at central; the engine sets the pace."""
    offer = world.offer(world.train(source), **order)
    daemon = world.daemon()
    daemon.receive(offer)
    begun = datetime.now(UTC)
    while not world.stop(offer).told:
        assert (datetime.now(UTC) - begun).seconds < 120, world.stop(offer).state
        daemon.step()
    return offer, world.record(offer)


def test_a_real_stop_departs_and_its_cargo_opens(world: World, tmp_path: Path) -> None:
    offer, record = travel(world)
    assert record.outcome == "departed", record
    assert [(o.verdict, o.suppressed_rows) for o in record.outputs] == [("suppressed", 1)]
    sealed, archive = tmp_path / "cargo.age", io.BytesIO()
    registry = world.freight.registry  # type: ignore[attr-defined]
    pull_cargo(registry, offer.journey, "cleveland", record.cargo, sealed)
    order = Order.model_validate(peek(offer.order).predicate)
    with sealed.open("rb") as source:
        context = cargo_context(offer.journey, order, "cleveland")
        open_sealed(source, archive, identity("ada").age, context)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        assert tar.getnames() == ["cargo.json", "counts.parquet"]
    assert world.executor.jobs() == frozenset()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x = bytearray(900 * 2**20)", "out-of-memory"),
        ("import time; time.sleep(600)", "out-of-time"),
        ("open('/phtlab/out/x', 'wb').write(bytes(20 * 2**20))", "output-quota"),
        ("import os; os.kill(os.getpid(), 9)", "kernel-died"),
        ("1 / 0", "cell-failed"),
    ],
)
def test_real_limits_end_a_stop_with_their_code(world: World, line: str, code: str) -> None:
    seconds = 6 if code == "out-of-time" else 100
    world.folder.policy.write_text(
        f'mode = "auto"\n[limits]\nmemory = "512 MiB"\noutput = "8 MiB"\nseconds = {seconds}\n'
    )
    _, record = travel(world, COUNTS + line + "\n")
    assert (record.outcome, record.code) == ("failed", code)
    assert world.executor.jobs() == frozenset()
