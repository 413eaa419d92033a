"""A series of rounds at the station of a world: whoever combines, and a kernel that computes."""

from __future__ import annotations

import base64
import io
import json
import secrets
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phtlab.files.cargo_archive import INDEX
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.runtime.rounds.keeping import KEPT
from phtlab.station.executor.contract import Job, JobStatus
from phtlab.station.stops.stop import Stop
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import Output, Received, Rounds
from phtlab.train.documents.order import Order, OrderedRounds, context_digest
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.round import Instruction, RoundCargo, RoundRecord, round_context
from phtlab.train.sealing import open_sealed, seal
from phtlab.train.verify.rounds import verify_round_record
from phtlab.wire.api.journeys import Offer
from phtlab.wire.api.rounds import INLINE_BYTES, SentInstruction, SentRound
from tests.station.station_world import ScriptedExecutor, World, identity, make_world

POLICY = """\
mode = "auto"

[allow]
routes = ["parallel", "rounds"]

[airlock.models]
membership = "pass"
"""
STEP = """\
import phtlab
heart = phtlab.dataset("heart")
beta = phtlab.receive("beta", default=0.0)
phtlab.publish("update", {"g": beta + 1.0}, kind="model", of=len(heart), tensors="g")
"""

Compute = Callable[[int, float | None], Mapping[str, bytes]]
"""The files that a round leaves, from its number and the beta that came, None in round 1."""


def update_files(value: Any, *, of: int = 56) -> dict[str, bytes]:
    """What a round leaves that published the update."""
    index = {"name": "update", "kind": "model", "counts": None, "of": of}
    return {
        "update.safetensors": encode_tensors({"g": np.asarray(value, dtype=float)}),
        "update.json": json.dumps(index | {"files": ["update.safetensors"]}).encode(),
    }


def plus_one(number: int, beta: float | None) -> dict[str, bytes]:
    return update_files((beta or 0.0) + 1.0)


@dataclass
class RoundsExecutor(ScriptedExecutor):
    """Computes what is asked for, as soon as anybody looks."""

    compute: Compute = plus_one
    computed: list[int] = field(default_factory=list)
    keeps: Callable[[int, dict[str, float]], bytes | None] = lambda number, given: None
    """The file of what a round keeps, from its number and what it was given of earlier rounds."""
    given: list[dict[str, float]] = field(default_factory=list)

    def start(self, job: Job, authorize: Callable[[], Any]) -> None:
        super().start(job, authorize)
        self.statuses[job.id] = JobStatus("running", started=self.clock())
        (self.root / job.id / "run.json").unlink(missing_ok=True)
        (self.root / job.id / "executed.ipynb").unlink(missing_ok=True)

    def status(self, job_id: str) -> JobStatus:
        self._work(job_id)
        return super().status(job_id)

    def outputs(self, job_id: str) -> Path:
        self._work(job_id)
        return super().outputs(job_id)

    def die(self, *, outcome: str | None = None) -> None:
        """The container ends, and leaves a record if there is an `outcome`."""
        for job_id, status in self.statuses.items():
            self._record(self.root / job_id, outcome)
            self.statuses[job_id] = JobStatus("exited", 0, False, status.started, self.clock())

    def _work(self, job_id: str) -> None:
        if self.missing or self.statuses.get(job_id, JobStatus("absent")).state != "running":
            return
        job = next(job for job in reversed(self.started) if job.id == job_id)
        settings = json.loads((job.inputs / "job.json").read_bytes())["rounds"]
        asked = job.inputs / "rounds" / "next.json"
        number = settings["first"]
        if asked.exists():
            number = max(number, json.loads(asked.read_bytes())["number"])
        folder = self.root / job_id / "rounds" / str(number)
        if folder.exists():
            return
        value = job.inputs / "rounds" / str(number) / "beta.safetensors"
        beta = float(decode_tensors(value.read_bytes())["beta"]) if value.exists() else None
        (folder / "outputs").mkdir(parents=True)
        for name, content in self.compute(number, beta).items():
            (folder / "outputs" / name).write_bytes(content)
        before = job.inputs / "rounds" / str(number) / KEPT
        arrays = decode_tensors(before.read_bytes()) if before.exists() else {}
        self.given.append({name: float(array) for name, array in arrays.items()})
        if (kept := self.keeps(number, self.given[-1])) is not None:
            (folder / KEPT).write_bytes(kept)
        self.computed.append(number)
        (folder / "draft").write_text("{}")
        (folder / "draft").replace(folder / "run.json")


@dataclass
class Series:
    """A journey of rounds at cleveland, and whoever combines."""

    world: World
    offer: Offer
    key: Identity
    chain: str = ""
    number: int = 1

    @property
    def order(self) -> Order:
        return Order.model_validate(peek(self.offer.order).predicate)

    @property
    def stop(self) -> Stop:
        return self.world.stop(self.offer)

    def begin(self) -> Any:
        daemon = self.world.daemon()
        daemon.receive(self.offer)
        return daemon

    def steps(self, count: int = 12, daemon: Any = None) -> Any:
        daemon = daemon or self.begin()
        for _ in range(count):
            daemon.step()
        return daemon

    def sent(self) -> list[SentRound]:
        """What the station sent, each record once."""
        return list({sent.record.digest: sent for sent in self.world.central.sent_rounds}.values())

    def records(self) -> list[RoundRecord]:
        """The station's records, verified as whoever combines does."""
        found: list[RoundRecord] = []
        previous: str | None = None
        by_number = {
            number: instruction.digest
            for number, instruction in enumerate(
                (s.instruction for s in self.world.central.instructed), 2
            )
        }
        for sent in self.sent():
            number = RoundRecord.model_validate(peek(sent.record).predicate).number
            record = verify_round_record(
                sent.record,
                journey=self.offer.journey,
                order=self.order,
                roster=self.world.roster,
                station="cleveland",
                number=number,
                instruction=by_number.get(number),
                previous=previous,
            )
            previous = sent.record.digest
            found.append(record)
        return found

    def update(self, sent: SentRound) -> list[float] | float:
        """The update as ada opens it."""
        value = decode_tensors(self.files_of(sent)["update.safetensors"])["g"].tolist()
        return value  # type: ignore[no-any-return]

    def files_of(self, sent: SentRound) -> dict[str, bytes]:
        """The files in the update as ada opens it."""
        record = RoundRecord.model_validate(peek(sent.record).predicate)
        content = (
            base64.b64decode(sent.update)
            if sent.update
            else self.world.artifacts.cargos[record.update.digest]
        )
        context = round_context(
            self.offer.journey, self.order, "update", record.number, "cleveland"
        )
        target = io.BytesIO()
        open_sealed(io.BytesIO(content), target, identity("ada").age, context, 1)
        target.seek(0)
        with tarfile.open(fileobj=target) as tar:
            members = {member.name: tar.extractfile(member) for member in tar}
            return {name: file.read() for name, file in members.items() if file is not None}

    def instruct(
        self,
        beta: Any = None,
        *,
        number: int | None = None,
        heard: Mapping[str, str] | None = None,
        content: bytes | None = None,
        signer: Identity | None = None,
        shown: bool = True,
        to: tuple[str, ...] = ("cleveland", "ada"),
        **changes: Any,
    ) -> Envelope:
        """Sign the next instruction, and have central show it."""
        number = self.number + 1 if number is None else number
        sent = self.sent()
        last = {"cleveland": sent[-1].record.digest} if sent else {}
        values, inline = None, None
        if beta is not None or content is not None:
            values, inline = self.sealed(
                values_archive(beta) if content is None else content, number, to
            )
        instruction = Instruction(
            journey=self.offer.journey,
            number=number,
            previous=self.chain or self.offer.journey,
            heard=last if heard is None else dict(heard),
            values=values,
            issued=self.world.now().replace(microsecond=0),
        ).model_copy(update=changes)
        envelope = instruction.sign(signer or self.key)
        if shown:
            self.show(envelope, inline)
            self.chain, self.number = envelope.digest, number
        return envelope

    def show(self, envelope: Envelope, inline: str | None = None) -> None:
        self.world.central.instruct(SentInstruction(instruction=envelope, values=inline))

    def sealed(
        self, archive: bytes, number: int, to: tuple[str, ...]
    ) -> tuple[RoundCargo, str | None]:
        context = round_context(self.offer.journey, self.order, "values", number)
        target = io.BytesIO()
        sealed = seal(
            io.BytesIO(archive), target, [identity(name).public.age for name in to], context
        )
        cargo = RoundCargo(digest=sealed.digest, size=sealed.size, context=context_digest(context))
        if sealed.size > INLINE_BYTES:
            self.world.artifacts.cargos[sealed.digest] = target.getvalue()
            return cargo, None
        return cargo, base64.b64encode(target.getvalue()).decode()

    def end(self, **changes: Any) -> Envelope:
        return self.instruct(ends=True, **changes)

    def record(self) -> StopRecord:
        """The station's record of the stop, verified."""
        return self.world.record(self.offer)


def values_archive(beta: Any) -> bytes:
    return archive_of({"beta.safetensors": encode_tensors({"beta": np.asarray(beta)})})


def archive_of(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    index = {"version": 1, "outputs": [{"name": name.split(".")[0]} for name in files]}
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {INDEX: json.dumps(index).encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def make_series(
    folder: Path,
    *,
    most: int = 5,
    received: Received | None = None,
    policy: str = POLICY,
    train: Mapping[str, Any] | None = None,
    **order: Any,
) -> Series:
    """A series of at most `most` rounds at a station whose policy admits it."""
    world = make_world(folder)
    world.add_hearts()
    world.folder.policy.write_text(policy)
    world.executor = RoundsExecutor(world.root / "runs", world.now)
    key = Identity.generate("journey")
    outputs = tuple(Output(**asdict(o)) for o in world.analysis(STEP).outputs)
    manifest = {
        "outputs": outputs,
        "received": (received or Received(name="beta", lowest=-1e6, highest=1e6),),
        "rounds": Rounds(cells=(2,), combine=(9,)),
    }
    statement = world.train(STEP, **(manifest | dict(train or {})))
    rounds = OrderedRounds(most=most, key=key.public, quorum=1, deadline=60)
    given = {"route": "rounds", "rounds": rounds, "nonce": secrets.token_hex(16)} | order
    return Series(world, world.offer(statement, **given), key)
