"""A notebook of the operator's own, run here by the very steps of a journey, without central.

The station makes a train of it, signs an order to itself, and takes both through everything that
a researcher's goes through: verified, admitted, run in the sandbox, passed by the airlock, sealed,
recorded. The consortium is the station alone, so nothing of it is worth anything elsewhere: no
other member knows this key as a researcher's. It all lies in a folder of its own, and the log of
the station says that there was a local train.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

from phtlab.clock import utc_now
from phtlab.errors import CentralUnreachableError, StationError
from phtlab.station.audit.log import Log
from phtlab.station.context.artifact_store import ImageParts
from phtlab.station.context.bootstrap import open_executor
from phtlab.station.context.daemon_context import (
    DaemonContext,
)
from phtlab.station.context.roster_cache import RosterCache
from phtlab.station.executor.contract import Executor, InstalledKernel, RegistryAuth
from phtlab.station.pipeline.transitions import Transitions
from phtlab.station.policy.policy import Policy
from phtlab.station.release import held_outputs
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.roster import Catalogue, KernelImage, Roster
from phtlab.train.image import (
    CONFIG_TYPE,
    ENTRYPOINT,
    LAYER_TYPE,
    MANIFEST_TYPE,
    ImageLimits,
    TrainImage,
    compose,
)
from phtlab.train.sealing import open_sealed
from phtlab.trust_store.trust import Trusted
from phtlab.wire.api.journeys import Inbox, Offer, StationProfile, StationView, StopUpdate, StopView

CONSORTIUM: Final = "local"
_POLL_SECONDS: Final = 0.05

Made = tuple[TrainManifest, Mapping[str, bytes]]
Maker = Callable[[KernelImage], Made]
"""The manifest and the layer's files of a notebook on this kernel image."""


@dataclass(frozen=True)
class LocalFolder(StationFolder):
    """Where local trains of the station in `of` lie: its data sets and twins, all else apart."""

    of: StationFolder

    @classmethod
    def in_(cls, of: StationFolder) -> LocalFolder:
        return cls(of.local.path, of)

    @property
    def policy(self) -> Path:
        return self.of.policy

    @property
    def datasets(self) -> Path:
        return self.of.datasets

    @property
    def twins(self) -> Path:
        return self.of.twins


@dataclass(frozen=True)
class LocalRun:
    """What came of a local train. `archive` is the opened cargo (tar), if anything left."""

    stop: Stop
    record: StopRecord
    manifest: TrainManifest
    archive: Path | None


class _LocalStation(DaemonContext):
    """Admits what its operator runs; limits and airlock are the station's own."""

    def policy(self) -> Policy:
        own = super().policy()
        return Policy(mode="auto", limits=own.limits, airlock=own.airlock)


def run_local(
    folder: StationFolder,
    settings: StationSettings,
    identity: Identity,
    make: Maker,
    *,
    by: str,
    language: str,
    parameters: Mapping[str, Any],
    log: Log,
    executor: Executor | None = None,
    now: Callable[[], datetime] = utc_now,
    report: Callable[[str], None] = lambda state: None,
) -> LocalRun:
    """Run one notebook to its end in `folder`. `log` is told of it; `told` hears each state.

    `executor` is taken in place of the settings' own. Raises StationError (``no-kernel-here``) if
    no image of `language` is here, EngineMissingError, and what reading the notebook raises.
    """
    folder.create()
    runs = executor or open_executor(folder, settings)
    try:
        with _alone(folder):
            for leftover in runs.jobs():  # by a local train that was killed
                runs.remove(leftover)
            kernel = _kernel(runs, language)
            station, offer, manifest = _prepared(
                folder, settings, identity, make, kernel, parameters, runs, now
            )
            # A daemon would wait until they are mended; here somebody waits.
            station.policy()
            station.datasets()
            log.append(
                actor=by,
                action="local-train-started",
                subject=offer.journey,
                digest=digest(canonical(manifest.model_dump(mode="json"))),
                details={"name": manifest.name, "data": ", ".join(manifest.datasets)},
            )
            stop = station.stops.open(offer)
            _run_journey(stop, station, by, report)
            record = stop.final_record()
            log.append(
                actor=by,
                action="local-train-ended",
                subject=offer.journey,
                details={"outcome": record.outcome, "code": record.code},
            )
            return LocalRun(stop, record, manifest, _opened(stop, record, identity))
    finally:
        if executor is None:
            runs.close()


@contextmanager
def _alone(folder: StationFolder) -> Iterator[None]:
    try:
        with folder.occupied():
            yield
    except StationError as error:
        if error.code != "station-runs":
            raise
        raise StationError(
            "Another local train of this station is under way.",
            "Wait until it has ended.",
            code="local-train-runs",
        ) from None


def _run_journey(
    stop: Stop, station: DaemonContext, by: str, report: Callable[[str], None]
) -> None:
    """Every step of a stop, until it has ended. What the airlock holds, its operator may see."""
    steps = Transitions(station, lambda journey, update: report(update.state), lambda: [stop])
    try:
        while not stop.is_reported:
            if stop.waits_for == "release":
                names = [output.name for output in held_outputs.held_stop(stop).undecided]
                choices: dict[str, held_outputs.Choice] = dict.fromkeys(names, "release")
                held_outputs.decide(
                    station,
                    stop,
                    choices,
                    by=by,
                    reason="A local train: it stays at this station",
                    stays=True,
                )
            if not steps.advance(stop):
                time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        station.executor.remove(stop.job_id)
        raise


def _kernel(executor: Executor, language: str) -> InstalledKernel:
    for kernel in executor.kernels():
        if kernel.language == language:
            return kernel
    raise StationError(
        f"The engine has no kernel image for {language} yet.",
        "It has one after the first journey, or get one now: docker pull "
        "REGISTRY/kernels/NAME@DIGEST, as 'phtlab kernel list' says.",
        code="no-kernel-here",
    )


def _prepared(
    folder: StationFolder,
    settings: StationSettings,
    identity: Identity,
    make: Maker,
    installed: InstalledKernel,
    parameters: Mapping[str, Any],
    executor: Executor,
    now: Callable[[], datetime],
) -> tuple[DaemonContext, Offer, TrainManifest]:
    kernel, documents = _kernel_image(installed)
    manifest, files = make(kernel)
    image = compose(*documents, files)
    signed = manifest.sign(identity, image.digest, f"trains/{identity.name}/{manifest.name}")
    order = Order.new(
        image.digest,
        (identity.name,),
        dict(parameters),
        (identity.name,),
        1,
        now=now(),
        lifetime=timedelta(days=1),
    ).sign(identity)
    station = _LocalStation(
        folder=folder,
        settings=settings.model_copy(update={"max_running": 1}),
        identity=identity,
        central=_Nobody(),
        artifacts=_LocalContext(installed.reference, image),
        executor=executor,
        roster_cache=RosterCache(_Alone(identity, kernel, now), 3600.0, lambda: now().timestamp()),
        now=now,
    )
    return station, Offer(journey=order.digest, order=order, train=signed), manifest


def _kernel_image(kernel: InstalledKernel) -> tuple[KernelImage, tuple[bytes, bytes]]:
    """The image as one that a train can be built on, with a manifest and a config of its own.

    An engine keeps no manifest; the layers, by which it is checked, are the image's own.
    """
    config = canonical(
        {
            "architecture": "local",
            "config": {"Entrypoint": list(ENTRYPOINT), "User": "65532:65532"},
            "history": [{"created_by": kernel.reference} for _ in kernel.diff_ids],
            "os": "linux",
            "rootfs": {"diff_ids": list(kernel.diff_ids), "type": "layers"},
        }
    )
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"digest": digest(config), "mediaType": CONFIG_TYPE, "size": len(config)},
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": diff_id, "size": 0}
                for diff_id in kernel.diff_ids
            ],
        }
    )
    image = KernelImage(
        name=kernel.name,
        language=kernel.language,
        kernelspec=kernel.kernelspec,
        repository=f"kernels/{kernel.name}",
        digest=digest(manifest),
        diff_ids=kernel.diff_ids,
    )
    return image, (manifest, config)


def _opened(stop: Stop, record: StopRecord, identity: Identity) -> Path | None:
    """The sealed cargo opened with the station's own key: that it can be is part of the test."""
    if record.outcome != "departed":
        return None
    archive = stop.path / "results.tar"
    context = cargo_context(stop.journey, stop.claimed_order(), identity.name)
    with _kept(stop).open("rb") as source, archive.open("xb") as target:
        open_sealed(source, target, identity.age, context)
    return archive


def _kept(stop: Stop) -> Path:
    return stop.path / "delivered.age"


@dataclass
class _Alone:
    """A consortium of this station, which is its own researcher too."""

    identity: Identity
    kernel: KernelImage
    now: Callable[[], datetime]

    def refresh(self) -> Trusted:
        member = Member(
            name=self.identity.name, roles=("station", "researcher"), keys=self.identity.public
        )
        return Trusted(
            roster=Roster(consortium=CONSORTIUM, version=1, members=(member,)),
            catalogue=Catalogue(images=(self.kernel,)),
            expires=self.now() + timedelta(days=1),
            fresh=True,
        )


class _Nobody:
    """In central's place: offers nothing, and takes everything."""

    @property
    def governance(self) -> NoReturn:
        raise _no_central()

    @property
    def audit(self) -> NoReturn:
        raise _no_central()

    def inbox(self, after: int = 0, wait: float = 0.0) -> Inbox:
        return Inbox(cursor=after, offers=())

    def journey(self, journey: str) -> NoReturn:
        raise _no_central()

    def update_stop(self, journey: str, station: str, update: StopUpdate) -> StopView:
        return StopView(station=station, number=0, state=update.state, updated=utc_now())

    def put_record(self, journey: str, station: str, record: Envelope) -> StopView:
        return StopView(station=station, number=0, state="sealed", updated=utc_now())

    def stations(self) -> tuple[StationView, ...]:
        """Of a local train nothing is foreseen elsewhere."""
        return ()

    def put_profile(self, profile: StationProfile) -> None:
        """Nobody asks."""

    def put_twin(self, name: str, content: bytes) -> None:
        """Nobody asks."""

    def close(self) -> None:
        """There is no connection."""


def _no_central() -> CentralUnreachableError:
    return CentralUnreachableError("A local train knows no central.")


@dataclass
class _LocalContext:
    """In the registry's place: the train as it was composed, and an image that the engine has."""

    image: str
    train: TrainImage
    stops: dict[str, Path] = field(default_factory=dict)

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        return ImageParts(self.train.manifest, self.train.config, self.train.layer)

    def settings_of(self, kernel: KernelImage) -> bytes:
        return self.train.config

    def reference(self, repository: str, image: str) -> str:
        return self.image

    def authorization(self, repository: str) -> RegistryAuth:
        raise StationError(
            "The kernel image of this local train was removed from the engine meanwhile.",
            "Start it again.",
            code="no-kernel-here",
        )

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        shutil.copyfile(cargo, cargo.with_name("delivered.age"))

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        """The log lies here already, for its operator."""

    def close(self) -> None:
        """There is no connection."""
