"""Local trains: a notebook of the operator, run through all steps of a journey without central.

The station makes a train of the notebook and signs an order to itself. Both go through all the
steps of a researcher's journey: verification, admission, the sandbox, the airlock, sealing and the
record. The consortium consists of the station alone, so its signatures are worthless elsewhere: no
other member knows this key as a researcher's. The files are in a separate folder, and the station's
log records that there was a local train. Of a train of rounds it is the first round: combine cells
run at no station.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
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
from phtlab.station.policy.policy import Allowed, Policy
from phtlab.station.release import held_outputs
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order, OrderedRounds, cargo_context
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.roster import Catalogue, KernelImage, Roster
from phtlab.train.documents.round import Instruction, RoundRecord, round_context
from phtlab.train.image.composition import (
    compose,
)
from phtlab.train.image.image_format import (
    CONFIG_TYPE,
    ENTRYPOINT,
    LAYER_TYPE,
    MANIFEST_TYPE,
    TrainImage,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.train.sealing import open_sealed
from phtlab.trust_store.trust import Trusted
from phtlab.wire.api.journeys import Inbox, Offer, StationProfile, StationView, StopUpdate, StopView
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction, SentRound, decoded

CONSORTIUM: Final = "local"
_POLL_SECONDS: Final = 0.05

Made = tuple[TrainManifest, Mapping[str, bytes]]
Maker = Callable[[KernelImage], Made]
"""Returns the manifest and the layer's files of a notebook on this kernel image."""


@dataclass(frozen=True)
class LocalFolder(StationFolder):
    """Folder of the local trains of the station in `of`: it shares policy, data sets and twins."""

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
    """Result of a local train. `archive` is the opened cargo (tar), if anything left."""

    stop: Stop
    record: StopRecord
    manifest: TrainManifest
    archive: Path | None


class _LocalStation(DaemonContext):
    """A station that admits its operator's trains; limits and airlock are the station's own."""

    def policy(self) -> Policy:
        own = super().policy()
        allow = Allowed(routes=("parallel", "rounds"))
        return Policy(
            mode="auto", allow=allow, limits=own.limits, airlock=own.airlock, rounds=own.rounds
        )


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
    """Run one notebook to its end in `folder`, log it in `log`, and `report` each state.

    `executor` replaces the one from the settings. Raises StationError (``no-kernel-here``) if the
    engine has no image of `language`, StationError (``local-train-runs``), EngineMissingError, and
    what reading the notebook raises.
    """
    folder.create()
    runs = executor or open_executor(folder, settings)
    try:
        with _alone(folder):
            for leftover in runs.jobs():  # left by a local train that was killed
                runs.remove(leftover)
            kernel = _kernel(runs, language)
            station, central, offer, manifest = _prepared(
                folder, settings, identity, make, kernel, parameters, runs, now
            )
            # Raise errors of policy and data sets now: a daemon would wait for a repair, but a
            # person waits here.
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
            return LocalRun(stop, record, manifest, _opened(stop, record, identity, central.sent))
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
    """Advance a stop until it has ended, releasing what the airlock holds to its operator."""
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
) -> tuple[DaemonContext, _Nobody, Offer, TrainManifest]:
    kernel, documents = _kernel_image(installed)
    manifest, files = make(kernel)
    image = compose(*documents, files)
    central = _Nobody(Identity.generate("journey") if manifest.route == "rounds" else None)
    signed = manifest.sign(identity, image.digest, f"trains/{identity.name}/{manifest.name}")
    order = Order.new(
        image.digest,
        (identity.name,),
        dict(parameters),
        (identity.name,),
        1,
        now=now(),
        lifetime=timedelta(days=1),
        route=manifest.route,
        rounds=central.ordered(),
    ).sign(identity)
    station = _LocalStation(
        folder=folder,
        settings=settings.model_copy(update={"max_running": 1}),
        identity=identity,
        central=central,
        artifacts=_LocalContext(installed.reference, image),
        executor=executor,
        roster_cache=RosterCache(_Alone(identity, kernel, now), 3600.0, lambda: now().timestamp()),
        now=now,
    )
    return station, central, Offer(journey=order.digest, order=order, train=signed), manifest


def _kernel_image(kernel: InstalledKernel) -> tuple[KernelImage, tuple[bytes, bytes]]:
    """Describe an installed image as one to build a train on, with its own manifest and config.

    Both are made here, since the engine keeps no manifest; the layers, which verification checks,
    are the image's own.
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


def _opened(
    stop: Stop, record: StopRecord, identity: Identity, sent: SentRound | None
) -> Path | None:
    """Open the sealed cargo, or the update of the round `sent`, with the station's own key.

    That is part of the test.
    """
    if record.outcome != "departed":
        return None
    archive, order = stop.path / "results.tar", stop.claimed_order()
    context = cargo_context(stop.journey, order, identity.name)
    if order.rounds is not None:
        context = round_context(stop.journey, order, "update", 1, identity.name)
    inline = decoded(sent.update) if sent is not None and sent.update is not None else None
    source = _delivered(stop.path).open("rb") if inline is None else BytesIO(inline)
    with source, archive.open("xb") as target:
        open_sealed(source, target, identity.age, context)
    return archive


def _delivered(stop: Path) -> Path:
    return stop / "delivered.age"


@dataclass
class _Alone:
    """Trust store of a consortium of this station alone, which is also its own researcher."""

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
    """Replacement for central: offers nothing, and accepts everything.

    Rounds, whose instructions `key` signs, end after the first.
    """

    def __init__(self, key: Identity | None) -> None:
        self._key = key
        self.sent: SentRound | None = None

    def ordered(self) -> OrderedRounds | None:
        """Return what the order says of rounds; None without any."""
        if self._key is None:
            return None
        return OrderedRounds(most=1, key=self._key.public, quorum=1, deadline=3600)

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

    def instructions(self, journey: str, after: int, wait: float) -> Instructions:
        if self._key is None or self.sent is None:
            raise _no_central()
        record = RoundRecord.model_validate(peek(self.sent.record).predicate)
        ending = Instruction(
            journey=journey,
            number=record.number + 1,
            previous=journey,
            heard={record.station: self.sent.record.digest},
            ends=True,
            issued=utc_now(),
        )
        return Instructions(instructions=(SentInstruction(instruction=ending.sign(self._key)),))

    def put_instruction(self, journey: str, sent: SentInstruction) -> None:
        raise _no_central()  # a local train is combined nowhere

    def rounds(self, journey: str, after: int, wait: float, *, finishing: bool = False) -> Rounds:
        raise _no_central()

    def put_round(self, journey: str, station: str, number: int, sent: SentRound) -> None:
        self.sent = sent

    def stations(self) -> tuple[StationView, ...]:
        """No other stations, so a local train has no forecasts."""
        return ()

    def put_profile(self, profile: StationProfile) -> None:
        """Does nothing: nobody reads it."""

    def put_twin(self, name: str, content: bytes) -> None:
        """Does nothing: nobody reads it."""

    def close(self) -> None:
        """Does nothing: no connection exists."""


def _no_central() -> CentralUnreachableError:
    return CentralUnreachableError("A local train has no central.")


@dataclass
class _LocalContext:
    """Replacement for the registry: the composed train, and an image that the engine has."""

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

    def fetch_values(self, journey: str, digest: str, path: Path, size: int) -> NoReturn:
        raise _no_central()

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        of_round = cargo.parent.parent.name == "rounds"
        shutil.copyfile(cargo, _delivered(cargo.parents[2] if of_round else cargo.parent))

    def fetch_cargo(self, journey: str, station: str, digest: str, path: Path, size: int) -> None:
        raise _no_central()  # a local train begins its route: nothing was handed on

    def deliver_values(self, journey: str, sealed: Path) -> None:
        raise _no_central()

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        """Does nothing: the log is at the station already, for its operator."""

    def close(self) -> None:
        """Does nothing: no connection exists."""
