"""What a station sends, made by hand with the station's own key: honest, or changed by a test."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from phtlab.central.registry.token import RegistryTokens, read_registry_key
from phtlab.demo.world import World
from phtlab.lab import Journey
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.record import OutputVerdict, RecordedCargo, StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.train.sealing import Sealed, seal
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.cargo import push_cargo
from phtlab.wire.registry.client import Registry

ANSWER = 'import phtlab\nphtlab.publish("answer", 42, kind="scalar")\n'
"""A station cell whose one output is `answer`."""
HANDING_ON = """\
import phtlab
answer = phtlab.receive("answer", default=41)
phtlab.publish("answer", answer + 1, kind="scalar", to="next")
"""
"""A station cell that hands its one output `answer` on to the next station."""


def archive(journey: str, station: str, answer: object = 42) -> bytes:
    """The cargo of `ANSWER`, before it is sealed."""
    verdict = OutputVerdict(name="answer", kind="scalar", verdict="released")
    content = json.dumps({"value": answer}).encode()
    passed = [CheckedOutput(verdict, {"answer.json": content})]
    with open_cargo(journey, station, passed) as opened:
        return opened.read()


def kind_of(order: Order, station: str) -> Literal["cargo", "next"]:
    """What `station` sends: to the next station of a sequential route, else to the recipients."""
    return "next" if order.next_after(station) else "cargo"


def registry_tokens(world: World) -> RegistryTokens:
    """What signs the registry's tokens, for a test that is central, or that bends one token."""
    key = read_registry_key(world.directory / "central" / "registry-key.pem")
    return RegistryTokens(key, issuer="phtlab-central", service="phtlab-registry", seconds=300)


@dataclass(frozen=True)
class HandmadeStation:
    """A station without a daemon: its key, and its ways to central and the registry."""

    identity: Identity
    central: CentralClient
    registry: Registry
    folder: Path

    @property
    def name(self) -> str:
        return self.identity.name

    def sealed(
        self,
        journey: str,
        order: Order,
        roster: Roster,
        *,
        content: bytes | None = None,
        context: bytes | None = None,
        recipients: Sequence[str] | None = None,
    ) -> tuple[Path, Sealed]:
        """Cargo sealed as the order says, except for what is given."""
        path = self.folder / f"{journey[7:19]}.age"
        following = order.next_after(self.name)
        readers = (following,) if following else order.recipients
        keys = recipients or [roster.member(name).keys.age for name in readers]
        own = cargo_context(journey, order, self.name, kind_of(order, self.name))
        with path.open("wb") as target:
            made = seal(
                io.BytesIO(archive(journey, self.name) if content is None else content),
                target,
                keys,
                own if context is None else context,
            )
        return path, made

    def record(
        self,
        journey: str,
        order: Order,
        sealed: Sealed,
        /,
        context: str | None = None,
        **changes: Any,
    ) -> Envelope:
        """The record of a stop that departed with `sealed`, which it says is bound to `context`."""
        now = datetime.now(UTC).replace(microsecond=0)
        kind = kind_of(order, self.name)
        right = context_digest(cargo_context(journey, order, self.name, kind))
        cargo = RecordedCargo(
            kind=kind, digest=sealed.digest, size=sealed.size, context=context or right
        )
        said: Mapping[str, Any] = {
            "journey": journey,
            "train": order.train,
            "station": self.name,
            "stop": order.stop_of(self.name),
            "outcome": "departed",
            "outputs": (OutputVerdict(name="answer", kind="scalar", verdict="released"),),
            "cargos": (cargo,),
            "roster_version": order.roster_version,
            "started": now,
            "finished": now,
        }
        return StopRecord(**{**said, **changes}).sign(self.identity)

    def depart(self, journey: Journey, *, part_bytes: int = 1 << 20, **sealing: Any) -> Sealed:
        """Seal, push, sign and tell, as a station does."""
        _, order, _ = journey.verified()
        path, made = self.sealed(journey.id, order, journey._session.trusted.roster, **sealing)
        push_cargo(self.registry, journey.id, self.name, path, part_bytes=part_bytes)
        self.central.put_record(journey.id, self.name, self.record(journey.id, order, made))
        return made
