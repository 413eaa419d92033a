"""A journey that was found to be what it claims: what `arrival` verified, kept with its stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from phtlab.station.stops.stop import Stop, now_text
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import KernelImage


@dataclass(frozen=True)
class VerifiedOffer:
    """What was verified of an offer: kept as `verified.json`."""

    train: Train
    order: Order
    researcher: str
    kernel: KernelImage
    roster_version: int
    parameters: dict[str, Any]

    @property
    def notebook(self) -> str:
        """The digest of its notebook: a train whose image was verified has exactly one."""
        files = self.train.manifest.files
        return next(file.sha256 for file in files if file.path.endswith(".ipynb"))

    def as_json(self) -> dict[str, Any]:
        return {
            "train": self.train.model_dump(mode="json"),
            "order": self.order.model_dump(mode="json"),
            "researcher": self.researcher,
            "kernel": self.kernel.model_dump(mode="json"),
            "roster_version": self.roster_version,
            "parameters": self.parameters,
            "at": now_text(),
        }

    @classmethod
    def of(cls, stop: Stop) -> VerifiedOffer:
        """What `arrival.verify` wrote for `stop`."""
        kept = stop.read("verified")
        return cls(
            Train.model_validate(kept["train"]),
            Order.model_validate(kept["order"]),
            kept["researcher"],
            KernelImage.model_validate(kept["kernel"]),
            kept["roster_version"],
            kept["parameters"],
        )


def claimed_order(stop: Stop) -> Order:
    """The order as it claims to be, before anything is verified."""
    return Order.model_validate(peek(stop.offer().order).predicate)
