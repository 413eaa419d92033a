"""A sequential train, and journeys of it on which `cleveland` has its turn."""

from __future__ import annotations

import io
import json
import secrets
import tarfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.station.stops.marker import Marker
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import Output, Received
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.record import OutputVerdict, RecordedCargo, StopRecord
from phtlab.train.sealing import open_sealed, seal
from phtlab.train.verify import verify_record
from phtlab.wire.api.journeys import Offer
from tests.station.station_world import FakeRun, World, identity, make_world

Kind = Literal["cargo", "next"]

SEQUENTIAL = """\
import phtlab
heart = phtlab.dataset("heart")
model = phtlab.receive("model", default={"w": 0.0})
phtlab.publish("model", model, kind="model", of=len(heart), tensors="w", to="next")
"""
POLICY = """\
mode = "auto"

[allow]
routes = ["parallel", "sequential"]

[airlock.models]
membership = "pass"
"""


def model_file(*numbers: float) -> bytes:
    return encode_tensors({"w": np.array(numbers)})


def published(*numbers: float, of: int = 56) -> dict[str, bytes]:
    """What a run leaves that published the model."""
    index = {"name": "model", "kind": "model", "counts": None, "of": of}
    return {
        "outputs/model.safetensors": model_file(*numbers),
        "outputs/model.json": json.dumps(index | {"files": ["model.safetensors"]}).encode(),
    }


def archive(journey: str, station: str, content: bytes, name: str = "model.safetensors") -> bytes:
    """What `station` hands on before it is sealed: one output, in the file `name`."""
    output, _, ending = name.partition(".")
    kind: Literal["scalar", "model"] = "scalar" if ending == "json" else "model"
    verdict = OutputVerdict(name=output, kind=kind, verdict="released")
    with open_cargo(journey, station, [CheckedOutput(verdict, {name: content}, (), None)]) as made:
        return made.read()


def order_of(offer: Offer) -> Order:
    return Order.model_validate(peek(offer.order).predicate)


def record_of(envelope: Envelope) -> StopRecord:
    return StopRecord.model_validate(peek(envelope).predicate)


def handed_on_by(envelope: Envelope) -> str:
    """The digest of the cargo for the next station that a record names."""
    cargo = record_of(envelope).cargo_of("next")
    assert cargo is not None
    return cargo.digest


@dataclass
class Route:
    """A sequential train at the station of `world`, and the stations before it by hand."""

    world: World
    train: Envelope

    def order(self, *stations: str, **changes: Any) -> Offer:
        unique = {"nonce": secrets.token_hex(16)}
        return self.world.offer(
            self.train, **({"stations": stations, "route": "sequential"} | unique | changes)
        )

    def after_hungary(
        self, *stations: str, content: bytes = model_file(0.5), **handed_on: Any
    ) -> Offer:
        """An offer on whose route hungary has handed `content` on, sealed to cleveland."""
        offer = self.order("hungary", *(stations or ("cleveland",)))
        record = self.departed(offer, "hungary", content, **handed_on)
        return offer.model_copy(update={"previous": (record,)})

    def departed(
        self,
        offer: Offer,
        station: str,
        content: bytes = model_file(0.5),
        *,
        to: Sequence[str] = (),
        kind: Kind = "next",
        bound: bytes | None = None,
        plain: bytes | None = None,
        previous: Envelope | None = None,
        signer: Identity | None = None,
        **changes: Any,
    ) -> Envelope:
        """The record of a departed stop, whose cargo is in the registry.

        The cargo is sealed to the next station, holds `content`, and is bound to its stop; `to`,
        `plain` (the whole archive) and `bound` replace these. `changes` are fields of the record.
        """
        order = order_of(offer)
        following = order.next_after(station)
        context = cargo_context(offer.journey, order, station, kind)
        target = io.BytesIO()
        sealed = seal(
            io.BytesIO(archive(offer.journey, station, content) if plain is None else plain),
            target,
            [identity(name).public.age for name in to or [following or "ada"]],
            context if bound is None else bound,
        )
        self.world.artifacts.cargos[sealed.digest] = target.getvalue()
        cargo = RecordedCargo(
            kind=kind, digest=sealed.digest, size=sealed.size, context=context_digest(context)
        )
        before = record_of(previous).cargo_of("next") if previous else None
        record = StopRecord(
            journey=offer.journey,
            train=order.train,
            station=station,
            stop=order.stop_of(station),
            previous=previous.digest if previous else None,
            outcome="departed",
            cargos=(cargo,),
            roster_version=self.world.roster.version,
            started=order.issued,
            finished=order.issued,
            received=before.digest if before else None,
        )
        return record.model_copy(update=changes).sign(signer or identity(station))

    def failed(self, offer: Offer, station: str, previous: Envelope | None = None) -> Envelope:
        """The record of a stop at which a cell failed."""
        return self.departed(
            offer,
            station,
            previous=previous,
            outcome="failed",
            code="cell-failed",
            cargos=(),
            received=None,
        )

    def end(self, offer: Offer, *, steps: int = 40) -> StopRecord:
        """Take `offer` in and step until the station has signed its record, which is returned."""
        daemon = self.world.daemon()
        daemon.receive(offer)
        stop = self.world.stop(offer)
        for _ in range(steps):
            daemon.step()
            if stop.has(Marker.RECORD):
                return stop.final_record()
        raise AssertionError(f"still {stop.state}")

    def travel(self, offer: Offer, *, steps: int = 40) -> StopRecord:
        """Take `offer` in and step until its record is at central; return the verified record."""
        daemon = self.world.daemon()
        daemon.receive(offer)
        for _ in range(steps):
            daemon.step()
            if self.world.stop(offer).is_reported:
                break
        envelope = {r.digest: r for r in self.world.central.records}.popitem()[1]
        return verify_record(
            envelope,
            journey=offer.journey,
            order=order_of(offer),
            roster=self.world.roster,
            station="cleveland",
            previous=offer.previous[-1] if offer.previous else None,
        )

    def opened(
        self, offer: Offer, record: StopRecord, kind: Kind, reader: str, station: str = "cleveland"
    ) -> list[float]:
        """The numbers of the model in the cargo of `kind`, as `reader` opens it."""
        cargo = record.cargo_of(kind)
        assert cargo is not None
        sealed, target = io.BytesIO(self.world.artifacts.cargos[cargo.digest]), io.BytesIO()
        context = cargo_context(offer.journey, order_of(offer), station, kind)
        open_sealed(sealed, target, identity(reader).age, context, 1)
        target.seek(0)
        with tarfile.open(fileobj=target) as tar:
            content = tar.extractfile("model.safetensors")
            assert content is not None
            numbers: list[float] = decode_tensors(content.read())["w"].tolist()
            return numbers

    @property
    def ran(self) -> bool:
        return bool(self.world.scripted.started)

    def left(self, offer: Offer) -> list[str]:
        """What was received, or half received, of the stop's folder."""
        stop = self.world.stop(offer)
        folders = (stop.received, stop.receiving, stop.job / "received")
        return [folder.name for folder in folders if folder.exists()]


def sequential_train(world: World, *received: Received, **manifest: Any) -> Envelope:
    """A train of `SEQUENTIAL` that receives what its cells hand on, as `received` narrows it."""
    outputs = tuple(Output(**asdict(o)) for o in world.analysis(SEQUENTIAL).outputs)
    declared = received or (Received(name="model"),)
    return world.train(SEQUENTIAL, **({"outputs": outputs, "received": declared} | manifest))


def make_route(world: World) -> Route:
    """`world` with a policy that allows sequential routes, and a run that publishes 1.5."""
    world.folder.policy.write_text(POLICY)
    world.scripted.script = FakeRun(files=published(1.5))
    return Route(world, sequential_train(world))


def sequential_route(folder: Path) -> Route:
    """A sequential train, and a station in `folder` whose policy admits it."""
    world = make_world(folder)
    world.add_hearts()
    return make_route(world)
