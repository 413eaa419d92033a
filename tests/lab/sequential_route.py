"""A sequential train at a real central: a test departs from its stations, or fails there."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from phtlab.lab.client.journey import Journey
from phtlab.lab.client.lab import Lab
from phtlab.lab.session.session import Session
from phtlab.runtime.model import encode_tensors
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import (
    KernelRef,
    Output,
    OutputTarget,
    Received,
    TrainManifest,
)
from phtlab.train.documents.order import CargoKind, Order, cargo_context, context_digest
from phtlab.train.documents.record import Outcome, OutputVerdict, RecordedCargo, StopRecord
from phtlab.train.sealing import seal
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.registry.cargo import push_cargo
from phtlab.wire.registry.client import Registry
from tests.central.world import KERNEL, World, order_of
from tests.wire.registry_simulator import RegistrySimulator

IMAGE = digest(b"sequential")
MODEL = Output(name="model", kind="model", to=OutputTarget.NEXT)
TOTAL = Output(name="total", kind="scalar")
BOTH = Output(name="loss", kind="scalar", to=OutputTarget.BOTH)
ROUTE = ("ulm", "mainz", "jena")


class SequentialRoute:
    """Journeys of one train of `ada` over `ROUTE`; its stations send what a station would."""

    def __init__(self, central: World, folder: Path, outputs: tuple[Output, ...]) -> None:
        self.central = central
        self.folder = folder
        self.outputs = outputs
        self.registry = Registry("http://registry.test", transport=RegistrySimulator().transport)
        client = central.client("ada")
        trust = Trust(
            folder / "trust", client.tuf_fetcher(), client.metadata_url, client.targets_url
        )
        (folder / "trust").mkdir()
        trust.pin(central.founding.consortium.root)
        session = Session(central.identity("ada"), client, trust)
        session.registry = self.registry  # in place of the address that central gives
        self.lab = Lab(session)
        client.submit_train(self._train())

    def _train(self) -> Envelope:
        manifest = TrainManifest(
            name="heart",
            kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
            parameters={"type": "object", "properties": {}, "additionalProperties": False},
            outputs=self.outputs,
            received=(Received(name="model"),),
            datasets=("heart",),
            files=(),
        )
        return manifest.sign(self.central.identity("ada"), IMAGE, "trains/ada/heart")

    def journey(self) -> Journey:
        order = self.central.order(*ROUTE, train=IMAGE, route="sequential")
        return Journey(self.lab.session, self.lab.central.submit_journey(order))

    def depart(self, journey: Journey, station: str, number: float) -> None:
        """End the stop at `station` with outputs of this `number`, sealed to who gets them."""
        order = order_of(journey.view.order)
        following = order.next_after(station)
        to_next = [o for o in self.outputs if following and o.is_handed_on]
        to_all = [o for o in self.outputs if not following or o.to is not OutputTarget.NEXT]
        cargos = []
        if to_all:
            cargos.append(self._sealed(journey.id, order, station, "cargo", to_all, number))
        if to_next:
            cargos.append(self._sealed(journey.id, order, station, "next", to_next, number))
        self._end(journey, station, "departed", tuple(cargos))

    def fail(self, journey: Journey, station: str) -> None:
        self._end(journey, station, "failed", ())

    def _end(
        self,
        journey: Journey,
        station: str,
        outcome: Outcome,
        cargos: tuple[RecordedCargo, ...],
    ) -> None:
        order, departed = order_of(journey.view.order), outcome == "departed"
        before = self._before(journey.refresh().view, station)
        released = [
            OutputVerdict(name=output.name, kind=output.kind, verdict="released")
            for output in self.outputs
        ]
        handed_on = before[1].cargo_of("next") if before else None
        record = StopRecord(
            journey=journey.id,
            train=IMAGE,
            station=station,
            stop=order.stop_of(station),
            previous=before[0] if before else None,
            outcome=outcome,
            code="" if departed else "cell-failed",
            sentence="" if departed else "Cell 3 failed.",
            outputs=tuple(released) if departed else (),
            received=handed_on.digest if handed_on and departed else None,
            cargos=cargos,
            roster_version=order.roster_version,
            started=self.central.clock(),
            finished=self.central.clock(),
        )
        signed = record.sign(self.central.identity(station))
        self.central.client(station).put_record(journey.id, station, signed)
        journey.refresh()

    def _before(self, view: JourneyView, station: str) -> tuple[str, StopRecord] | None:
        """Return the digest and the record of the stop before `station` on the whole route."""
        order = order_of(view.order)
        records = [
            stop.record
            for stop in view.stops[: order.stop_of(station)]
            if stop.state == "departed" and stop.record
        ]
        if records:
            return records[-1].digest, StopRecord.model_validate(peek(records[-1]).predicate)
        if order.continues is None:
            return None
        earlier = self.lab.central.journey(order.continues.journey)
        return self._before(earlier, station)

    def _sealed(
        self,
        journey: str,
        order: Order,
        station: str,
        kind: CargoKind,
        outputs: list[Output],
        number: float,
    ) -> RecordedCargo:
        context = cargo_context(journey, order, station, kind)
        following = order.next_after(station)
        reader = following if kind == "next" and following else "ada"
        path, target = self.folder / f"{journey[7:19]}-{station}-{kind}", io.BytesIO()
        with open_cargo(journey, station, [_checked(output, number) for output in outputs]) as tar:
            keys = [self.central.identity(reader).public.age]
            sealed = seal(tar, target, keys, context)
        path.write_bytes(target.getvalue())
        push_cargo(self.registry, journey, station, path)
        assert kind != "log"
        return RecordedCargo(
            kind=kind, digest=sealed.digest, size=sealed.size, context=context_digest(context)
        )


def _checked(output: Output, number: float) -> CheckedOutput:
    verdict = OutputVerdict(name=output.name, kind=output.kind, verdict="released")
    if output.kind == "model":
        files = {f"{output.name}.safetensors": encode_tensors({"w": np.array([number])})}
    else:
        files = {f"{output.name}.json": json.dumps({"value": number}).encode()}
    return CheckedOutput(verdict, files, (), None)
