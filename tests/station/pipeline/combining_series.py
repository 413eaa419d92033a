"""An aggregator and the stations whose rounds it combines: signed records, a scripted run."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phtlab.rounds.reports import RoundReport, open_report
from phtlab.rounds.sealed_values import open_values
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.station.executor.contract import Job, JobStatus
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import Output, Received, Rounds
from phtlab.train.documents.order import Order, OrderedRounds, context_digest
from phtlab.train.documents.record import StopRecord, StopState
from phtlab.train.documents.round import Instruction, RoundCargo, RoundRecord, round_context
from phtlab.train.sealing import seal
from phtlab.train.verify.rounds import verify_instruction
from phtlab.wire.api.journeys import JourneyView, Offer, StopView
from phtlab.wire.api.rounds import INLINE_BYTES, SentRound
from tests.station.pipeline.rounds_series import archive_of
from tests.station.station_world import ScriptedExecutor, World, identity, member

AGGREGATOR = "adder"
STATIONS = ("cleveland", "hungary")
STEP = """\
import phtlab
heart = phtlab.dataset("heart")
beta = phtlab.receive("beta", default=0.0)
phtlab.publish("update", {"g": beta + 1.0}, kind="model", of=len(heart), tensors="g")
"""

Decide = Callable[[int, Mapping[str, float]], Mapping[str, bytes]]
"""The files that the combine cells of a round leave, from its number and what they were given."""


def decided(
    beta: Any = None,
    *,
    finished: bool = False,
    reported: Mapping[str, float] | None = None,
    **values: Any,
) -> dict[str, bytes]:
    """What a run leaves whose combine cells sent, or ended with, these values."""
    sent = ({} if beta is None else {"beta": beta}) | values
    files = {
        f"sent.{name}.safetensors": encode_tensors({name: np.asarray(value, dtype=float)})
        for name, value in sent.items()
    }
    content = {"finished": finished, "sent": list(sent), "reported": dict(reported or {})}
    return files | {"combined.json": json.dumps(content).encode()}


def plus_sum(number: int, given: Mapping[str, float]) -> dict[str, bytes]:
    """Add the updates to what was sent last, and report the sum."""
    total = sum(value for name, value in given.items() if name.startswith("update."))
    return decided(given.get("received.beta", 0.0) + total, reported={"total": total})


@dataclass
class CombiningExecutor(ScriptedExecutor):
    """Runs the combine cells of a round that is asked for, as soon as anybody looks."""

    decide: Decide = plus_sum
    hangs: bool = False
    """Its cells never end."""
    combined: list[int] = field(default_factory=list)
    given: list[dict[str, float]] = field(default_factory=list)
    stations: list[list[str]] = field(default_factory=list)

    def start(self, job: Job, authorize: Callable[[], Any]) -> None:
        super().start(job, authorize)
        self.statuses[job.id] = JobStatus("running", started=self.clock())
        (self.root / job.id / "run.json").unlink(missing_ok=True)
        (self.root / job.id / "executed.ipynb").unlink(missing_ok=True)

    def outputs(self, job_id: str) -> Path:
        self._work(job_id)
        return super().outputs(job_id)

    def die(self, *, outcome: str | None = None) -> None:
        """The container ends, and leaves a record if there is an `outcome`."""
        for job_id, status in self.statuses.items():
            self._record(self.root / job_id, outcome)
            self.statuses[job_id] = JobStatus("exited", 0, False, status.started, self.clock())

    def _work(self, job_id: str) -> None:
        if self.missing or self.hangs:
            return
        if self.statuses.get(job_id, JobStatus("absent")).state != "running":
            return
        job = next(job for job in reversed(self.started) if job.id == job_id)
        asked = job.inputs / "rounds" / "next.json"
        if not asked.exists():
            return
        number = json.loads(asked.read_bytes())["number"]
        folder = self.root / job_id / "rounds" / str(number)
        if folder.exists():
            return
        inputs = job.inputs / "rounds" / str(number)
        given = {
            path.name.removesuffix(".safetensors"): float(
                next(iter(decode_tensors(path.read_bytes()).values()))
            )
            for path in sorted(inputs.glob("*.safetensors"))
        }
        self.given.append(given)
        self.stations.append(json.loads((inputs / "combination.json").read_bytes())["stations"])
        (folder / "outputs").mkdir(parents=True)
        for name, content in self.decide(number, given).items():
            (folder / "outputs" / name).write_bytes(content)
        self.combined.append(number)
        (folder / "draft").write_text("{}")
        (folder / "draft").replace(folder / "run.json")


@dataclass
class Combining:
    """A journey of rounds that an aggregator combines, and the stations of it."""

    world: World
    offer: Offer
    last: dict[str, str] = field(default_factory=dict)

    @property
    def executor(self) -> CombiningExecutor:
        assert isinstance(self.world.executor, CombiningExecutor)
        return self.world.executor

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

    def steps(self, count: int = 25, daemon: Any = None) -> Any:
        """Let the aggregator make so many steps, with a view of central's that is never old."""
        daemon = daemon or self.begin()
        for _ in range(count):
            daemon.step()
        return daemon

    def answer(
        self,
        station: str,
        value: Any = 1.0,
        *,
        number: int | None = None,
        archive: bytes | None = None,
        to: tuple[str, ...] = ("ada", AGGREGATOR),
        inline: bool = True,
        **changes: Any,
    ) -> SentRound:
        """Have `station` send its record of the present round, with its update."""
        number = len(self.world.central.instructed) + 1 if number is None else number
        if archive is None:
            content = encode_tensors({"g": np.asarray(value, dtype=float)})
            archive = archive_of({"update.safetensors": content})
        context = round_context(self.offer.journey, self.order, "update", number, station)
        target = io.BytesIO()
        sealed = seal(
            io.BytesIO(archive), target, [identity(name).public.age for name in to], context
        )
        started = self.world.central.instructed[number - 2].instruction if number > 1 else None
        record = RoundRecord(
            journey=self.offer.journey,
            train=self.order.train,
            station=station,
            number=number,
            instruction=started.digest if started else None,
            previous=self.last.get(station),
            update=RoundCargo(
                digest=sealed.digest, size=sealed.size, context=context_digest(context)
            ),
            roster_version=self.order.roster_version,
            finished=self.world.now().replace(microsecond=0),
        ).model_copy(update=changes)
        envelope = record.sign(identity(station))
        self.last[station] = envelope.digest
        small = inline and sealed.size <= INLINE_BYTES
        self.world.artifacts.cargos[sealed.digest] = target.getvalue()
        sent = SentRound(
            record=envelope,
            update=base64.b64encode(target.getvalue()).decode() if small else None,
        )
        self.world.central.put_round(self.offer.journey, station, number, sent)
        return sent

    def ended(self, **states: StopState) -> None:
        """Have central show these states of stops; others compute."""
        stops = tuple(
            StopView(
                station=name,
                number=number,
                state=states.get(name.replace("-", "_"), "running"),
                updated=self.world.now(),
            )
            for number, name in enumerate(self.order.stops)
        )
        known = self.world.central.views[self.offer.journey]
        self.world.central.views[self.offer.journey] = known.model_copy(update={"stops": stops})

    def instructions(self) -> list[Instruction]:
        """The instructions that central got, verified as stations do."""
        found: list[Instruction] = []
        previous = self.offer.journey
        for number, sent in enumerate(self.world.central.instructed, 2):
            found.append(
                verify_instruction(
                    sent.instruction,
                    journey=self.offer.journey,
                    order=self.order,
                    roster=self.world.roster,
                    number=number,
                    previous=previous,
                )
            )
            previous = sent.instruction.digest
        return found

    def values(self, reader: str = "cleveland") -> Iterator[float | None]:
        """The beta of each instruction, as a station opens it."""
        for sent, instruction in zip(
            self.world.central.instructed, self.instructions(), strict=True
        ):
            if instruction.values is None:
                yield None
                continue
            sealed = (
                base64.b64decode(sent.values)
                if sent.values
                else self.world.artifacts.cargos[instruction.values.digest]
            )
            opened = open_values(
                sealed,
                journey=self.offer.journey,
                order=self.order,
                number=instruction.number,
                combiner=identity(reader),
                names=["beta"],
            )
            yield float(decode_tensors(opened["beta"])["beta"])

    def reports(self) -> list[tuple[RoundReport, dict[str, float]]]:
        """What each instruction reports to ada, with the values that it ends with."""
        found = []
        for sent, instruction in zip(
            self.world.central.instructed, self.instructions(), strict=True
        ):
            if instruction.report is None:
                continue
            sealed = (
                base64.b64decode(sent.report)
                if sent.report
                else self.world.artifacts.cargos[instruction.report.digest]
            )
            report, values = open_report(
                sealed,
                journey=self.offer.journey,
                order=self.order,
                number=instruction.number,
                identity=identity("ada").age,
            )
            numbers = {
                name: float(decode_tensors(content)[name]) for name, content in values.items()
            }
            found.append((report, numbers))
        return found

    def record(self) -> StopRecord:
        """The aggregator's record of its stop, verified."""
        return self.world.record(self.offer)


def make_combining(
    folder: Path,
    *,
    most: int = 5,
    quorum: int = 2,
    deadline: int = 60,
    received: Received | None = None,
    mode: str = "auto",
    train: Mapping[str, Any] | None = None,
    **order: Any,
) -> Combining:
    """A journey of at most `most` rounds at an aggregator whose policy admits it."""
    world = World(
        folder, StationSettings(name=AGGREGATOR, organisation="Consortium", aggregator=True)
    )
    world.roster = world.roster.model_copy(
        update={"members": (*world.roster.members, member(AGGREGATOR, "aggregator"))}
    )
    world.folder.policy.write_text(default_policy(mode, aggregator=True))  # type: ignore[arg-type]
    world.executor = CombiningExecutor(world.root / "runs", world.now)
    manifest = {
        "outputs": (Output(name="update", kind="model", of=True, tensors=("g",)),),
        "received": (received or Received(name="beta", lowest=-1e6, highest=1e6),),
        "rounds": Rounds(cells=(2,), combine=(9,)),
    }
    statement = world.train(STEP, **(manifest | dict(train or {})))
    rounds = OrderedRounds(most=most, aggregator=AGGREGATOR, quorum=quorum, deadline=deadline)
    given = {"route": "rounds", "rounds": rounds} | order
    offer = world.offer(statement, **given)
    made = Combining(world, offer)
    world.central.views[offer.journey] = JourneyView(
        id=offer.journey,
        train=made.order.train,
        train_name="heart",
        researcher="ada",
        submitted=world.now(),
        expires=made.order.expires,
        cancelled=False,
        order=offer.order,
        stops=(),
    )
    made.ended()
    return made
