"""A station over the real engine and a real registry, with its central in memory."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phtlab.kernel.build import BuiltKernel
from phtlab.kernel.push import push_kernel
from phtlab.station.context.artifact_store import ImageParts, RegistryArtifactStore
from phtlab.station.executor.contract import RegistryAuth
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.documents.record import StopRecord
from phtlab.train.image.image_format import (
    TrainImage,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.train.sealing import open_sealed
from phtlab.wire.api.journeys import Info, Offer
from phtlab.wire.registry.cargo import pull_cargo
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import push_train
from tests.station.station_world import World, identity, make_world


class _OpenCentral:
    """What of central the artifacts asks, for a registry that is open to all."""

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
        return "asked-for-ahead"  # an open registry asks for none, and looks at none


class RealFreight(RegistryArtifactStore):
    """The station's artifacts over the tests' registry, into which trains are put as well."""

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


@contextmanager
def real_world(
    root: Path, registry: str, built: BuiltKernel, *, women: int = 25, men: int = 5, **executor: Any
) -> Iterator[World]:
    """A station in `root` that admits everything; `executor`: options of the Docker executor."""
    world = make_world(root)
    world.add_hearts(women=women, men=men)
    world.root.chmod(0o755)
    artifacts = RealFreight(registry, built)
    push_kernel(artifacts.registry, built)
    world.artifacts = artifacts  # type: ignore[assignment]
    world.kernels = (built.image,)
    world.kernel_files = (built.manifest, built.config)
    made = DockerExecutor(
        world.folder.path / "runs", station=f"cleveland-{world.folder.mark()}", **executor
    )
    world.executor = made
    try:
        yield world
    finally:
        for job in made.jobs():
            made.remove(job)
        artifacts.close()
        artifacts.registry.close()
        made.close()


def travel(
    world: World, offer: Offer, meanwhile: Callable[[], object] = lambda: None
) -> StopRecord:
    """Step until the record is at central; the engine sets the pace. `meanwhile`: at each step."""
    daemon = world.daemon()
    daemon.receive(offer)
    begun = datetime.now(UTC)
    while not world.stop(offer).is_reported:
        assert (datetime.now(UTC) - begun).seconds < 240, world.stop(offer).state
        if not daemon.step():
            time.sleep(0.02)  # what it waits for needs the processor
        meanwhile()
    return world.record(offer)


@contextmanager
def opened_cargo(world: World, offer: Offer, record: StopRecord) -> Iterator[tarfile.TarFile]:
    """The cargo as ada opens it, pulled from the registry."""
    sealed, archive = world.root / "cargo.age", io.BytesIO()
    registry = world.artifacts.registry  # type: ignore[attr-defined]
    (cargo,) = record.cargos
    pull_cargo(registry, offer.journey, "cleveland", cargo.digest, sealed)
    order = Order.model_validate(peek(offer.order).predicate)
    with sealed.open("rb") as source:
        context = cargo_context(offer.journey, order, "cleveland")
        open_sealed(source, archive, identity("ada").age, context)
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        yield tar
