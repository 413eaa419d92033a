"""A small consortium around one station: central and registry in memory, the rest as it is."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from phtlab.errors import (
    CentralUnreachableError,
    EngineMissingError,
    RegistryError,
    RegistryUnreachableError,
    SandboxError,
)
from phtlab.notebook import Analysis, read_analysis
from phtlab.station.context.artifact_store import ImageParts
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.roster_cache import RosterCache
from phtlab.station.context.stopwatch import Stopwatch
from phtlab.station.daemon.loop import Daemon
from phtlab.station.data.datasets import add_dataset
from phtlab.station.executor.contract import CheckResult, Executor, Job, JobStatus, RegistryAuth
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity, Member, Role
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import KernelRef, Output, TrainManifest
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.roster import Agreement, Catalogue, KernelImage, Roster
from phtlab.train.image.composition import (
    compose,
    declared_files,
    train_files,
)
from phtlab.train.image.image_format import (
    TrainImage,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.train.verify import verify_record
from phtlab.trust_store.trust import Trusted
from phtlab.wire.api.journeys import (
    Inbox,
    JourneyView,
    Offer,
    StationProfile,
    StationView,
    StopUpdate,
    StopView,
)
from phtlab.wire.api.rounds import (
    MAX_ROUNDS_OF_ANSWER,
    Instructions,
    Rounds,
    SentInstruction,
    SentRound,
)
from tests.station.approvals.simulated_governance import FakeGovernance
from tests.station.audit.simulated_audit import FakeAudit

PARAMETERS = """\
from typing import Annotated
from annotated_types import Interval
min_age: Annotated[int, Interval(ge=18, le=100)] = 40
"""
COUNTS = """\
import phtlab
heart = phtlab.dataset("heart")
old = heart[heart.age >= min_age]
counts = old.groupby("sex").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
"""
SCHEMA = b"""\
title = "Made-up hearts"

[[columns]]
name = "age"
type = "integer"
unit = "years"
minimum = 18
maximum = 100

[[columns]]
name = "sex"
type = "string"
categories = ["female", "male"]
"""
_CONFIG = canonical(
    {
        "architecture": "amd64",
        "config": {"User": "65532"},
        "history": [{"created_by": "base"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(b"base")]},
    }
)
_MANIFEST = canonical(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(_CONFIG),
            "size": len(_CONFIG),
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": digest(b"base.gz"),
                "size": 7,
            }
        ],
    }
)
KERNEL = KernelImage(
    name="python",
    language="python",
    kernelspec="python3",
    repository="kernels/python",
    digest=digest(_MANIFEST),
    diff_ids=(digest(b"base"),),
)


@cache
def identity(name: str) -> Identity:
    return Identity.generate(name)


def member(name: str, *roles: Role) -> Member:
    return Member(name=name, roles=roles, keys=identity(name).public)


def notebook(*cells: tuple[str, str]) -> bytes:
    """An author's notebook of code cells, each a role ("" for a local one) and its source."""
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        }
    )
    for role, source in cells:
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": [role]} if role else {})
        made.cells.append(cell)
    return nbformat.writes(made).encode()


@dataclass
class FakeCentral:
    """Central's methods over a list; `down` makes it unreachable."""

    down: bool = False
    refusing: Exception | None = None
    inbox_offers: list[Offer] = field(default_factory=list)
    updates: list[StopUpdate] = field(default_factory=list)
    records: list[Envelope] = field(default_factory=list)
    profiles: list[StationProfile] = field(default_factory=list)
    known_stations: list[StationView] = field(default_factory=list)
    twins: dict[str, bytes] = field(default_factory=dict)
    instructed: list[SentInstruction] = field(default_factory=list)
    """The instructions of rounds 2, 3, … of the one journey."""
    sent_rounds: list[SentRound] = field(default_factory=list)
    finishing: bool = False
    views: dict[str, JourneyView] = field(default_factory=dict)
    told: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.governance = FakeGovernance("cleveland", self._answer)
        self.audit = FakeAudit(self._answer)

    def offer(self, offer: Offer) -> None:
        with self.news:
            self.inbox_offers.append(offer)
            self.news.notify_all()

    def _answer(self) -> None:
        if self.down:
            raise CentralUnreachableError("Central at http://central.test does not answer.")

    def inbox(self, after: int = 0, wait: float = 0.0) -> Inbox:
        self._answer()
        with self.news:
            self.news.wait_for(lambda: len(self.inbox_offers) > after, wait)
        return Inbox(cursor=len(self.inbox_offers), offers=tuple(self.inbox_offers[after:]))

    def journey(self, journey: str) -> JourneyView:
        self._answer()
        return self.views[journey]

    def update_stop(self, journey: str, station: str, update: StopUpdate) -> StopView:
        self._answer()
        self.updates.append(update)
        return StopView(station=station, number=0, state=update.state, updated=datetime.now(UTC))

    def put_record(self, journey: str, station: str, record: Envelope) -> StopView:
        self._answer()
        if self.refusing:
            raise self.refusing
        self.records.append(record)
        self.told.set()
        return StopView(station=station, number=0, state="failed", updated=datetime.now(UTC))

    def instruct(self, sent: SentInstruction) -> None:
        with self.news:
            self.instructed.append(sent)
            self.news.notify_all()

    def instructions(self, journey: str, after: int, wait: float) -> Instructions:
        self._answer()
        with self.news:
            self.news.wait_for(lambda: len(self.instructed) >= after, wait)
        return Instructions(instructions=tuple(self.instructed[after - 1 :][:MAX_ROUNDS_OF_ANSWER]))

    def put_instruction(self, journey: str, sent: SentInstruction) -> None:
        """As whoever combines sends it; the same one again changes nothing."""
        self._answer()
        if self.refusing:
            raise self.refusing
        if sent not in self.instructed:
            self.instruct(sent)

    def rounds(self, journey: str, after: int, wait: float, *, finishing: bool = False) -> Rounds:
        """All records that were sent, for whoever combines; `self.finishing` asks to end."""
        self._answer()
        with self.news:
            self.news.wait_for(
                lambda: len(self.sent_rounds) > after or self.finishing > finishing, wait
            )
            return Rounds(
                cursor=len(self.sent_rounds),
                rounds=tuple(self.sent_rounds[after:]),
                finishing=self.finishing,
            )

    def put_round(self, journey: str, station: str, number: int, sent: SentRound) -> None:
        self._answer()
        if self.refusing:
            raise self.refusing
        with self.news:
            self.sent_rounds.append(sent)
            self.news.notify_all()

    def stations(self) -> tuple[StationView, ...]:
        self._answer()
        return tuple(self.known_stations)

    def put_profile(self, profile: StationProfile) -> None:
        self._answer()
        self.profiles.append(profile)

    def put_twin(self, name: str, content: bytes) -> None:
        self._answer()
        self.twins[name] = content

    def close(self) -> None:
        pass

    @property
    def distinct_records(self) -> set[str]:
        return {record.digest for record in self.records}


@dataclass
class SimulatedArtifactStore:
    """The registry as a dictionary; `down` makes it unreachable."""

    images: dict[str, ImageParts] = field(default_factory=dict)
    kernels: dict[str, bytes] = field(default_factory=dict)
    delivered: dict[str, bytes] = field(default_factory=dict)
    cargos: dict[str, bytes] = field(default_factory=dict)
    """Sealed files by digest: what was delivered, and what other stations handed on."""
    logs: dict[str, tuple[bytes, Envelope]] = field(default_factory=dict)
    down: bool = False
    fetched: int = 0

    def _answer(self) -> None:
        if self.down:
            raise RegistryUnreachableError("The registry does not answer.")

    def add(self, image: TrainImage) -> None:
        self.images[image.digest] = ImageParts(image.manifest, image.config, image.layer)

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        self._answer()
        self.fetched += 1
        return self.images[image]

    def settings_of(self, kernel: KernelImage) -> bytes:
        self._answer()
        if kernel.digest not in self.kernels:
            raise RegistryError(f"The registry has no {kernel.digest}.")
        return self.kernels[kernel.digest]

    def reference(self, repository: str, image: str) -> str:
        return f"127.0.0.1:5000/{repository}@{image}"

    def authorization(self, repository: str) -> RegistryAuth:
        return RegistryAuth("a-token")

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        self._answer()
        self.delivered[journey] = cargo.read_bytes()
        self.cargos[digest(self.delivered[journey])] = self.delivered[journey]

    def fetch_cargo(self, journey: str, station: str, sealed: str, path: Path, size: int) -> None:
        self._answer()
        if sealed not in self.cargos:
            raise RegistryError(f"The registry has no {sealed}.", code="registry-missing")
        if len(self.cargos[sealed]) > size:
            raise RegistryError("It is larger than was signed.", code="registry-too-large")
        path.write_bytes(self.cargos[sealed])

    def deliver_values(self, journey: str, sealed: Path) -> None:
        self.deliver(journey, "", sealed)

    def fetch_values(self, journey: str, sealed: str, path: Path, size: int) -> None:
        self.fetch_cargo(journey, "", sealed, path, size)

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        self._answer()
        self.logs[journey] = (sealed.read_bytes(), statement)

    def close(self) -> None:
        pass


@dataclass
class FakeRun:
    """What a scripted run leaves, and how the engine says it ended."""

    outcome: str | None = "completed"
    files: Mapping[str, bytes] = field(default_factory=dict)
    exit_code: int = 0
    oom_killed: bool = False
    error: Mapping[str, Any] | None = None
    lasts: bool = False
    """It goes on until it is stopped."""


@dataclass
class ScriptedExecutor(Executor):
    """Runs nothing: writes what `script` says. Lives longer than any one daemon."""

    root: Path
    clock: Callable[[], datetime]
    script: FakeRun = field(default_factory=FakeRun)
    missing: bool = False
    refuses: Exception | None = None
    trials: list[CheckResult] = field(default_factory=list)
    """What each trial of the sandbox finds; the last stays."""
    started: list[Job] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)
    """The received values that each job found when it started, by its id."""
    statuses: dict[str, JobStatus] = field(default_factory=dict)

    def _answer(self) -> None:
        if self.missing:
            raise EngineMissingError(
                "The container engine at unix:///var/run/docker.sock does not answer."
            )

    def check(self) -> tuple[CheckResult, ...]:
        engine = CheckResult("container engine", not self.missing, "Scripted.", "Start it.")
        if self.missing or not self.trials:
            return (engine,)
        return engine, self.trials.pop(0) if len(self.trials) > 1 else self.trials[0]

    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        self._answer()
        if self.refuses:
            raise self.refuses
        if job.id in self.statuses:
            return
        for path in job.data.values():
            assert path.exists()
        assert authorize().token == "a-token"
        self.started.append(job)
        received = job.inputs / "received"
        self.seen[job.id] = sorted(p.name for p in received.iterdir()) if received.exists() else []
        out = self.root / job.id
        (out / "outputs").mkdir(parents=True)
        for name, content in self.script.files.items():
            (out / name).write_bytes(content)
        now = self.clock()
        if self.script.lasts:
            self.statuses[job.id] = JobStatus("running", started=now)
            return
        self._record(out, self.script.outcome)
        self.statuses[job.id] = JobStatus(
            "exited", self.script.exit_code, self.script.oom_killed, now, now
        )

    def _record(self, out: Path, outcome: str | None) -> None:
        (out / "executed.ipynb").write_bytes(b'{"nbformat": 4, "cells": []}')
        if outcome is not None:
            record = {"version": 1, "outcome": outcome, "error": self.script.error, "cells": []}
            (out / "run.json").write_text(json.dumps(record))

    def status(self, job_id: str) -> JobStatus:
        self._answer()
        return self.statuses.get(job_id, JobStatus("absent"))

    def stop(self, job_id: str) -> None:
        self._answer()
        status = self.statuses.get(job_id)
        if status is not None and status.state == "running":
            self._record(self.root / job_id, "cancelled")
            self.statuses[job_id] = JobStatus("exited", 0, False, status.started, self.clock())

    def outputs(self, job_id: str) -> Path:
        self._answer()
        if not (self.root / job_id).is_dir():
            raise SandboxError(f"Job {job_id} has no outputs.", code="outputs-absent")
        return self.root / job_id

    def logs(self, job_id: str) -> bytes:
        return b"printed by the run\n"

    def remove(self, job_id: str) -> None:
        import shutil

        self._answer()
        self.statuses.pop(job_id, None)
        shutil.rmtree(self.root / job_id, ignore_errors=True)

    def jobs(self) -> frozenset[str]:
        self._answer()
        return frozenset(self.statuses)


def table_files(
    name: str, columns: Mapping[str, tuple[str, list[Any]]], kind: str = "table"
) -> dict[str, bytes]:
    """What the runtime writes for a table."""
    return {
        f"outputs/{name}.json": json.dumps(
            {"name": name, "kind": kind, "counts": None, "files": []}
        ).encode(),
        f"outputs/{name}.table.json": json.dumps(
            {
                "columns": [{"name": n, "type": t} for n, (t, _) in columns.items()],
                "data": [values for _, values in columns.values()],
            }
        ).encode(),
    }


GOOD_COUNTS = table_files(
    "counts", {"sex": ("string", ["female", "male"]), "n": ("integer", [25, 31])}
)


@dataclass
class World:
    """One station, `cleveland`, of a consortium with the researcher `ada`."""

    root: Path
    settings: StationSettings
    central: FakeCentral = field(default_factory=FakeCentral)
    artifacts: SimulatedArtifactStore = field(default_factory=SimulatedArtifactStore)
    ahead: timedelta = timedelta(0)
    roster: Roster = field(init=False)
    executor: Executor = field(init=False)
    kernels: tuple[KernelImage, ...] = (KERNEL,)
    agreement: Agreement | None = None
    kernel_files: tuple[bytes, bytes] = (_MANIFEST, _CONFIG)
    """The manifest and the config of the kernel image that trains are built on."""

    def __post_init__(self) -> None:
        self.roster = Roster(
            consortium="hearts",
            version=3,
            members=(
                member("ada", "researcher"),
                member("cleveland", "station"),
                member("hungary", "station"),
            ),
        )
        self.executor = ScriptedExecutor(self.root / "runs", self.now, FakeRun(files=GOOD_COUNTS))
        self.folder.create()
        write_settings(self.folder, self.settings)
        self.folder.policy.write_text(default_policy("auto"))

    @property
    def scripted(self) -> ScriptedExecutor:
        assert isinstance(self.executor, ScriptedExecutor)
        return self.executor

    @property
    def folder(self) -> StationFolder:
        return StationFolder(self.root / "station")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def refresh(self) -> Trusted:
        """As `phtlab.trust_store.trust.Trust` has it."""
        return Trusted(
            roster=self.roster,
            catalogue=Catalogue(images=self.kernels, agreement=self.agreement),
            expires=self.now() + timedelta(days=7),
            fresh=True,
        )

    def add_hearts(self, women: int = 25, men: int = 31) -> Path:
        path = self.root / "heart.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["age", "sex"])
            writer.writerows([50 + n % 30, "female"] for n in range(women))
            writer.writerows([50 + n % 30, "male"] for n in range(men))
        add_dataset(self.folder, "heart", path, SCHEMA)
        return path

    def station(self) -> DaemonContext:
        """As after a restart: nothing but the folder, the engine and the outside are the same."""
        return DaemonContext(
            folder=self.folder,
            settings=self.settings,
            identity=identity(self.settings.name),
            central=self.central,
            artifacts=self.artifacts,
            executor=self.executor,
            roster_cache=RosterCache(self, 60, lambda: self.now().timestamp()),
            now=self.now,
            stopwatch=Stopwatch(lambda: self.now().timestamp()),
        )

    def begun(self, offer: Offer, *, steps: int) -> Daemon:
        """A daemon that has taken `offer` in and made `steps` steps."""
        daemon = self.daemon()
        daemon.receive(offer)
        for _ in range(steps):
            daemon.step()
        return daemon

    def daemon(self) -> Daemon:
        return Daemon(self.station())

    def analysis(self, source: str = COUNTS) -> Analysis:
        """A notebook of the parameters and `source`, whose lines ``# %%`` begin a new cell."""
        cells = (("station", cell) for cell in source.split("# %%\n"))
        return read_analysis(notebook(("parameters", PARAMETERS), *cells))

    def train(
        self,
        source: str = COUNTS,
        *,
        author: str = "ada",
        name: str = "heart",
        change: Mapping[str, bytes] | None = None,
        **manifest: Any,
    ) -> Envelope:
        """A signed train whose image is in the registry; `change` replaces files after signing."""
        analysis = self.analysis(source)
        files = {"notebook.ipynb": analysis.travelling()}
        described: dict[str, Any] = {
            "name": name,
            "kernel": KernelRef(
                name="python", language="python", digest=digest(self.kernel_files[0])
            ),
            "parameters": analysis.parameters.schema,
            "outputs": tuple(
                Output(name=o.name, kind=o.kind, counts=o.counts) for o in analysis.outputs
            ),
            "datasets": analysis.datasets,
            "files": train_files(files),
            **manifest,
        }
        signed = TrainManifest(**described)
        image = compose(*self.kernel_files, declared_files(signed, change or files))
        self.artifacts.add(image)
        return signed.sign(identity(author), image.digest, f"trains/{author}/{name}")

    def offer(
        self,
        train: Envelope | None = None,
        *,
        signer: str = "ada",
        cancelled: bool = False,
        **order: Any,
    ) -> Offer:
        train = train or self.train()
        from phtlab.train.documents.envelope import peek

        issued = self.now().replace(microsecond=0)
        values: dict[str, Any] = {
            "train": peek(train).subject[0].sha256,
            "stations": ("cleveland", "hungary"),
            "parameters": {"min_age": 50},
            "recipients": (signer,),
            "roster_version": self.roster.version,
            "nonce": f"{len(list(self.folder.stops.iterdir())):032x}",
            "issued": issued,
            "expires": issued + timedelta(days=7),
            **order,
        }
        signed = Order(**values).sign(identity(signer))
        return Offer(journey=signed.digest, order=signed, train=train, cancelled=cancelled)

    def travel(self, offer: Offer | None = None, *, steps: int = 40) -> StopRecord:
        """Take `offer` in and step until its record is at central; returns the verified record."""
        offer = offer or self.offer()
        daemon = self.daemon()
        daemon.receive(offer)
        for _ in range(steps):
            daemon.step()
            if daemon.station.stops.stop(offer.journey).is_reported:
                return self.record(offer)
        raise AssertionError(f"still {daemon.station.stops.stop(offer.journey).state}")

    def stop(self, offer: Offer) -> Stop:
        return self.stop_of(offer.journey)

    def stop_of(self, journey: str) -> Stop:
        return self.station().stops.stop(journey)

    def record(self, offer: Offer) -> StopRecord:
        """The one record that central got, verified as the researcher does."""
        assert len(self.central.distinct_records) == 1
        (record,) = {r.digest: r for r in self.central.records}.values()
        return verify_record(
            record,
            journey=offer.journey,
            order=Order.model_validate(_predicate(offer.order)),
            roster=self.roster,
            station=self.settings.name,
            previous=None,
        )


def _predicate(envelope: Envelope) -> dict[str, Any]:
    from phtlab.train.documents.envelope import peek

    return peek(envelope).predicate


def make_world(root: Path, **settings: Any) -> World:
    return World(root, StationSettings(name="cleveland", organisation="Clinic", **settings))
