"""A journey of rounds in one process: a central that verifies, and stations that sign records.

Each station computes what is asked of it when somebody asks central for records; a test puts
stations to sleep, ends them, or changes what they send. Time passes only where somebody waits.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np

from phtlab.errors import JourneyError, OrderError
from phtlab.files.cargo_archive import unpack
from phtlab.lab.client.journey import Journey
from phtlab.lab.display.round_progress import RoundProgress
from phtlab.lab.rounds.combine_cells import CombineCells, read_combine_cells
from phtlab.lab.rounds.combiner import Combiner
from phtlab.lab.rounds.driver import RoundDriver
from phtlab.lab.rounds.journey_key import keep_journey_key, new_journey_key
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.session.session import Session
from phtlab.lab.train_preparation import NOTEBOOK
from phtlab.rounds.series import Series
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.runtime.rounds.combine_names import decoded_value
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import (
    DeclaredArray,
    KernelRef,
    Output,
    Received,
    Rounds,
    TrainManifest,
)
from phtlab.train.documents.order import Order, OrderedRounds, context_digest
from phtlab.train.documents.record import OutputVerdict, RoundsDone, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import Instruction, RoundCargo, RoundRecord, round_context
from phtlab.train.image.composition import compose, declared_files, train_files
from phtlab.train.sealing import open_sealed, seal
from phtlab.train.verify.rounds import verify_instruction, verify_round_record
from phtlab.wire.api.journeys import JourneyEvent, JourneyView, StopView
from phtlab.wire.api.rounds import (
    INLINE_BYTES,
    Instructions,
    RoundsView,
    SentInstruction,
    SentRound,
)
from phtlab.wire.api.rounds import Rounds as RoundsAnswer
from phtlab.wire.registry.cargo import pull_values, push_cargo
from phtlab.wire.registry.client import Registry
from tests.train.test_image import CONFIG, KERNEL, LOWER, MANIFEST
from tests.wire.registry_simulator import RegistrySimulator

STATIONS: Final = ("ulm", "mainz", "jena")
AGGREGATOR: Final = "adder"
REPOSITORY: Final = "trains/ada/heart"
BEGIN: Final = datetime.now(UTC).replace(microsecond=0)

ROUND_CELL: Final = """\
import numpy as np
beta = phtlab.receive("beta", default=np.zeros(3), arrays={"beta": (3,)}, lowest=-100, highest=100)
"""
COMBINE: Final = """\
import phtlab

updates = phtlab.updates("update")
step = np.linalg.solve(updates.sum("h"), updates.sum("g"))
beta = beta + step
phtlab.report(step=np.abs(step).max(), stations=len(updates))
if np.abs(step).max() < 1e-10:
    phtlab.finish(beta=beta)
else:
    phtlab.send(beta=beta)
"""
UPDATE: Final = Output(name="update", kind="model", tensors=("g", "h"), of=True)
LOSS: Final = Output(name="loss", kind="scalar")


@cache
def identity(name: str) -> Identity:
    return Identity.generate(name)


@cache
def roster() -> Roster:
    members = [Member(name="ada", roles=("researcher",), keys=identity("ada").public)]
    members += [
        Member(name=name, roles=("station",), keys=identity(name).public) for name in STATIONS
    ]
    adder = identity(AGGREGATOR).public
    members += [Member(name=AGGREGATOR, roles=("aggregator",), keys=adder)]
    return Roster(consortium="test", version=1, members=tuple(members))


def manifest(
    received: Received | None = None, files: Mapping[str, bytes] | None = None
) -> TrainManifest:
    beta = Received(
        name="beta",
        arrays=(DeclaredArray(name="beta", shape=(3,)),),
        lowest=-100.0,
        highest=100.0,
        size=2**20,
    )
    return TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        outputs=(UPDATE, LOSS),
        received=(received or beta,),
        rounds=Rounds(cells=(2,), combine=(3,)),
        datasets=("heart",),
        files=train_files(files or {}),
    )


def notebook(combine: str = COMBINE, round_cell: str = ROUND_CELL) -> bytes:
    cells = [(2, "round", round_cell), (3, "combine", combine)]
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {"phtlab": {"cell": number, "role": role}, "tags": [role]},
                    "source": source.splitlines(keepends=True),
                }
                for number, role, source in cells
            ]
        }
    ).encode()


class Killed(BaseException):
    """The kernel died here."""


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Station:
    """A station with rows of its own, which computes each round once."""

    def __init__(self, name: str, world: SeriesWorld) -> None:
        self.name = name
        self.world = world
        self.awake = True
        self.previous: str | None = None
        self.computed: list[int] = []
        self.received: list[Any] = []
        self.large = False
        self.contents: Callable[[dict[str, bytes]], dict[str, bytes]] = lambda files: files
        seed = STATIONS.index(name)
        rng = np.random.default_rng(seed)
        self.x = np.column_stack([np.ones(60), rng.normal(size=(60, 2))])
        chance = 1 / (1 + np.exp(-self.x @ [0.3, 1.0, -0.5]))
        self.y = (rng.random(60) < chance).astype(float)

    def work(self) -> None:
        """Compute the newest round that is asked for, if it was not computed."""
        central = self.world.central
        last = central.sent[-1] if central.sent else None
        instruction = None if last is None else instruction_of(last.instruction)
        number = 1 if instruction is None else instruction.number
        stopped = self.name in central.ended or (instruction is not None and instruction.ends)
        if not self.awake or stopped or number in self.computed:
            return
        beta = np.zeros(3)
        if last is not None and instruction is not None and instruction.values is not None:
            beta = self._values(last, instruction)["beta"]["beta"]
        self.received.append(beta)
        self.computed.append(number)
        files = {
            "update.safetensors": encode_tensors(self.computation(beta)),
            "loss.json": json.dumps({"type": "number", "value": 0.25}).encode(),
        }
        central.put_round(
            self.name,
            number,
            self.signed(number, last.instruction.digest if last else None, self.contents(files)),
        )

    def computation(self, beta: Any) -> dict[str, Any]:
        chance = 1 / (1 + np.exp(-self.x @ beta))
        weights = chance * (1 - chance)
        computed = {
            "g": self.x.T @ (self.y - chance),
            "h": (self.x.T * weights) @ self.x,
        }
        return computed | ({"padding": np.zeros(INLINE_BYTES)} if self.large else {})

    def signed(
        self, number: int, instruction: str | None, files: dict[str, bytes], **changes: Any
    ) -> SentRound:
        world, target = self.world, io.BytesIO()
        context = round_context(world.journey, world.order, "update", number, self.name)
        with open_cargo(world.journey, self.name, _checked(files)) as archive:
            readers = [identity(name).public.age for name in world.order.readers]
            sealed = seal(archive, target, readers, context)
        content = target.getvalue()
        update: str | None = base64.b64encode(content).decode()
        if len(content) > INLINE_BYTES:
            path = world.folder / f"update-{self.name}-{number}"
            path.write_bytes(content)
            push_cargo(world.registry, world.journey, self.name, path)
            update = None
        fields: dict[str, Any] = {
            "journey": world.journey,
            "train": world.train,
            "station": self.name,
            "number": number,
            "instruction": instruction,
            "previous": self.previous,
            "outputs": (OutputVerdict(name="update", kind="model", verdict="released"),),
            "update": RoundCargo(
                digest=sealed.digest, size=sealed.size, context=context_digest(context)
            ),
            "roster_version": 1,
            "finished": world.clock(),
            **changes,
        }
        envelope = RoundRecord(**fields).sign(identity(self.name))
        self.previous = envelope.digest
        return SentRound(record=envelope, update=update)

    def _values(self, sent: SentInstruction, instruction: Instruction) -> dict[str, dict[str, Any]]:
        """Open what was sent as a station does."""
        world = self.world
        assert instruction.values is not None
        if sent.values is not None:
            sealed = base64.b64decode(sent.values)
        else:
            path = world.folder / f"values-{self.name}-{instruction.number}.age"
            pull_values(world.registry, world.journey, instruction.values.digest, path)
            sealed = path.read_bytes()
        archive = world.folder / f"values-{self.name}-{instruction.number}.tar"
        context = round_context(world.journey, world.order, "values", instruction.number)
        with archive.open("wb") as target:
            age, count = identity(self.name).age, len(STATIONS) + 1
            open_sealed(io.BytesIO(sealed), target, age, context, count)
        opened = archive.with_suffix("")
        opened.mkdir()
        declared = tuple(Output(name=r.name, kind="model") for r in world.manifest.received)
        return {
            name: decode_tensors((opened / f"{name}.safetensors").read_bytes())
            for name in unpack(archive, opened, declared)
        }


class Aggregator:
    """A member that combines one round a `step`, with the train's cells and keys of its own."""

    def __init__(self, world: SeriesWorld) -> None:
        self.world = world
        session = SimpleNamespace(**vars(world.session) | {"identity": identity(AGGREGATOR)})
        self.combiner = Combiner(
            cast(Session, session),
            world.journey,
            world.order,
            world.manifest,
            lambda: world.cells,
            clock=world.clock,
            sleep=world.clock.pass_by,
        )
        self.combiner._key = identity(AGGREGATOR)
        self.series = Series(world.journey, world.order, roster())
        self.taken = 0

    def step(self) -> None:
        """Combine the present round; with `finishing`, end the rounds before it is combined."""
        central, series = self.world.central, self.series
        for station in self.world.stations.values():
            station.work()
        for sent in central.kept[self.taken :]:
            series.take_record(sent, self.world.clock())
        self.taken = len(central.kept)
        if central.finishing:
            prepared = self.combiner.ending(series, self.combiner.values(series))
        else:
            combined = self.combiner.combine(
                series, tuple(s for s in STATIONS if s in series.answers)
            )
            assert combined is not None
            prepared = combined
        central.take(prepared.sent)
        series.take_instruction(prepared.sent)


class Central:
    """Central's part in rounds, in memory. `steps` counts down to where the kernel dies.

    A test replaces `take` to see what is sent before, or after, central has it.
    """

    def __init__(self, world: SeriesWorld) -> None:
        self.world = world
        self.sent: list[SentInstruction] = []
        self.kept: list[SentRound] = []
        self.last: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.cancelled = False
        self.finishing = False
        self.steps: int | None = None
        self.asked = 0
        self.take: Callable[[SentInstruction], None] = self._take

    def step(self) -> None:
        self.asked += 1
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise Killed

    # What the researcher's client calls

    def journey(self, _: str) -> JourneyView:
        self.step()
        return self.view()

    def instructions(self, _: str, after: int = 0, wait: float = 0.0) -> Instructions:
        self.step()
        found = [s for s in self.sent if instruction_of(s.instruction).number > after][:50]
        bare = [s.model_copy(update={"values": None}) for s in found[:-1]]
        return Instructions(instructions=(*bare, *found[-1:]))

    def rounds(
        self, _: str, after: int = 0, wait: float = 0.0, *, finishing: bool = False
    ) -> RoundsAnswer:
        self.step()
        for station in self.world.stations.values():
            station.work()
        if after == len(self.kept):
            self.world.clock.pass_by(wait)
        found = tuple(self.kept[after : after + 2])
        return RoundsAnswer(cursor=after + len(found), rounds=found)

    def put_instruction(self, _: str, sent: SentInstruction) -> None:
        self.step()
        self.take(sent)
        self.step()  # it is there, and the kernel does not hear of it

    def _take(self, sent: SentInstruction) -> None:
        if any(sent.instruction.digest == known.instruction.digest for known in self.sent):
            return
        claimed = instruction_of(sent.instruction)
        number = len(self.sent) + 2
        if claimed.number < number:
            raise JourneyError("There is another.", code="instruction-exists")
        instruction = verify_instruction(
            sent.instruction,
            journey=self.world.journey,
            order=self.world.order,
            roster=roster(),
            number=number,
            previous=self.sent[-1].instruction.digest if self.sent else self.world.journey,
        )
        known = {record.record.digest: record_of(record.record) for record in self.kept}
        for station, heard in instruction.heard.items():
            if heard not in known or (known[heard].station, known[heard].number) != (
                station,
                number - 1,
            ):
                raise OrderError("It heard what is not here.", code="instruction-heard")
        if self.cancelled or self.view().done:
            raise JourneyError("The journey is over.", code="journey-over")
        for inline, cargo in (
            (sent.values, instruction.values),
            (sent.report, instruction.report),
        ):
            if inline is not None:
                content = base64.b64decode(inline)
                assert cargo is not None
                assert (digest(content), len(content)) == (cargo.digest, cargo.size)
        self.sent.append(sent)

    def train(self, _: str) -> SimpleNamespace:
        signed = self.world.manifest.sign(identity("ada"), self.world.train, REPOSITORY)
        return SimpleNamespace(envelope=signed)

    def finish_rounds(self, _: str) -> JourneyView:
        self.finishing = True
        return self.view()

    def events(self, *_: Any, **__: Any) -> Iterator[JourneyEvent]:
        """The aggregator combines a round whenever somebody waits for the next event."""
        number = 0
        while self.world.aggregator is not None and not self.view().done:
            self.world.aggregator.step()
            view = self.view()
            for stop in view.stops:
                number += 1
                yield JourneyEvent(number=number, journey=view.id, stop=stop, rounds=view.rounds)

    # What stations do

    def put_round(self, station: str, number: int, sent: SentRound) -> None:
        digests = {1: None} | {n: s.instruction.digest for n, s in enumerate(self.sent, 2)}
        verify_round_record(
            sent.record,
            journey=self.world.journey,
            order=self.world.order,
            roster=roster(),
            station=station,
            number=number,
            instruction=digests[number],
            previous=self.last.get(station),
        )
        self.last[station] = sent.record.digest
        self.kept.append(sent)

    def end(self, station: str, state: str = "failed") -> None:
        self.ended[station] = state

    def view(self) -> JourneyView:
        ends = bool(self.sent) and instruction_of(self.sent[-1].instruction).ends
        if ends:
            for station in self.world.order.stops:
                self.ended.setdefault(station, "departed")
        order = self.world.order
        return JourneyView(
            id=self.world.journey,
            train=self.world.train,
            train_name="heart",
            researcher="ada",
            submitted=order.issued,
            expires=order.expires,
            cancelled=self.cancelled,
            order=self.world.signed,
            stops=tuple(
                StopView(
                    station=station,
                    number=number,
                    state=cast(Any, self.ended.get(station, "running")),
                    updated=self.world.clock(),
                    record=self._stop_record(station, number),
                )
                for number, station in enumerate(order.stops)
            ),
            rounds=self._rounds() if order.aggregator else None,
        )

    def _rounds(self) -> RoundsView:
        instructions = [instruction_of(sent.instruction) for sent in self.sent]
        ended = bool(instructions) and instructions[-1].ends
        number = len(instructions) + 1 - ended
        records = [record_of(sent.record) for sent in self.kept]
        heard = tuple(record.station for record in records if record.number == number)
        return RoundsView(number=number, ended=ended, heard=heard)

    def _stop_record(self, station: str, number: int) -> Envelope | None:
        """Return how a station closes its chain; None for one that goes on, or signed nothing."""
        failed = station == AGGREGATOR and self.ended.get(station) == "failed"
        if self.ended.get(station) != "departed" and not failed:
            return None
        world = self.world
        count, last = (
            (len(self.sent), self.sent[-1].instruction.digest if self.sent else None)
            if station == AGGREGATOR
            else (len(world.stations[station].computed), self.last.get(station))
        )
        return StopRecord(
            journey=world.journey,
            train=world.train,
            station=station,
            stop=number,
            outcome="failed" if failed else "departed",
            code="cell-error" if failed else "",
            sentence="A combine cell failed." if failed else "",
            rounds=RoundsDone(count=count, last=last),
            outputs=()
            if station == AGGREGATOR
            else (OutputVerdict(name="update", kind="model", verdict="released"),),
            roster_version=1,
            started=world.clock(),
            finished=world.clock(),
        ).sign(identity(station))


class SeriesWorld:
    """One journey of rounds. Every `kernel()` is a new one, with names of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        most: int = 20,
        quorum: int = 3,
        deadline: int = 60,
        combine: str = COMBINE,
        round_cell: str = ROUND_CELL,
        received: Received | None = None,
        aggregated: bool = False,
    ) -> None:
        self.folder = folder
        self.clock = Clock()
        key = new_journey_key()
        files = {NOTEBOOK: notebook(combine, round_cell)}
        self.manifest = manifest(received, files)
        self.cells: CombineCells = read_combine_cells(files[NOTEBOOK], self.manifest)
        image = compose(MANIFEST, CONFIG, declared_files(self.manifest, files))
        self.train = image.digest
        self.order = Order.new(
            self.train,
            STATIONS,
            {},
            ("ada",),
            1,
            route="rounds",
            rounds=OrderedRounds(
                most=most,
                key=None if aggregated else key.public,
                aggregator=AGGREGATOR if aggregated else None,
                quorum=quorum,
                deadline=deadline,
            ),
            now=BEGIN,
        )
        if not aggregated:
            keep_journey_key(identity("ada"), self.order.nonce, key)
        self.key = key
        self.signed = self.order.sign(identity("ada"))
        self.journey = self.signed.digest
        self.registry = Registry("http://registry.test", transport=RegistrySimulator().transport)
        for blob in (*(b"gz" + layer for layer in LOWER), image.layer, image.config):
            self.registry.put_blob(REPOSITORY, blob)
        self.registry.put_manifest(REPOSITORY, image.manifest)
        self.central = Central(self)
        self.stations = {name: Station(name, self) for name in STATIONS}
        self.shown: list[str] = []
        catalogue = SimpleNamespace(image=lambda _: KERNEL)
        trusted = SimpleNamespace(roster=roster(), catalogue=catalogue)
        self.session = cast(
            Session,
            SimpleNamespace(
                identity=identity("ada"),
                name="ada",
                central=self.central,
                registry=self.registry,
                trusted=trusted,
                refresh=lambda: trusted,
            ),
        )

        self.aggregator = Aggregator(self) if aggregated else None

    def open_journey(self) -> Journey:
        """The journey as `lab.journey(…)` returns it in a new kernel."""
        return Journey(self.session, self.central.view())

    def kernel(self) -> RoundDriver:
        combiner = Combiner(
            self.session,
            self.journey,
            self.order,
            self.manifest,
            lambda: self.cells,
            clock=self.clock,
            sleep=self.clock.pass_by,
        )
        return RoundDriver(
            self.session,
            self.journey,
            self.order,
            combiner,
            reports=self.reports(),
            read_view=lambda: self.central.journey(self.journey),
            show=self._show,
            clock=self.clock,
            sleep=self.clock.pass_by,
        )

    def reports(self) -> RoundReports:
        """The reports as they are read anew, none fetched yet."""
        return RoundReports(self.session, self.journey, self.order)

    def reported(self) -> RoundReports:
        """The reports that central has, opened with the researcher's key."""
        reports = self.reports()
        reports.refresh()
        return reports

    def finished(self, name: str = "beta") -> Any:
        """What the rounds ended with, by the last report."""
        values = self.reported().values
        assert values is not None
        return decoded_value(name, values[name])

    def _show(self, progress: RoundProgress) -> None:
        if not self.shown or self.shown[-1] != progress.text:
            self.shown.append(progress.text)

    def pooled(self, stations: Mapping[str, Station] | None = None) -> Any:
        """Fit all rows directly, with the same steps and sums in the same order."""
        beta = np.zeros(3)
        while True:
            computed = [s.computation(beta) for s in (stations or self.stations).values()]
            h = sum((c["h"] for c in computed[1:]), start=computed[0]["h"])
            g = sum((c["g"] for c in computed[1:]), start=computed[0]["g"])
            step = np.linalg.solve(h, g)
            beta = beta + step
            if np.abs(step).max() < 1e-10:
                return beta


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def instruction_of(envelope: Envelope) -> Instruction:
    return Instruction.model_validate(peek(envelope).predicate)


def record_of(envelope: Envelope) -> RoundRecord:
    return RoundRecord.model_validate(peek(envelope).predicate)


def _checked(files: dict[str, bytes]) -> list[CheckedOutput]:
    """The outputs that `files` are of; what is of none comes with the first."""
    loss = {name: content for name, content in files.items() if name == "loss.json"}
    update = {name: content for name, content in files.items() if name not in loss}
    return [
        CheckedOutput(
            OutputVerdict(name=output.name, kind=output.kind, verdict="released"), content, (), None
        )
        for output, content in ((UPDATE, update), (LOSS, loss))
        if content
    ]
