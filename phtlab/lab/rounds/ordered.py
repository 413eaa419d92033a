"""What an order says of rounds, with a new key for its journey alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from phtlab.errors import OrderError
from phtlab.lab.rounds.journey_key import new_journey_key
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import MAX_ROUNDS, OrderedRounds
from phtlab.train.sealing import MAX_RECIPIENTS

DEFAULT_ROUNDS: Final = 50
DEFAULT_DEADLINE: Final = 3_600
MAX_DEADLINE: Final = 30 * 86_400


@dataclass(frozen=True)
class RoundLimits:
    """The most rounds of a journey, the fewest stations of one, and the seconds that it waits."""

    most: int
    quorum: int
    deadline: int

    def ordered(self) -> tuple[OrderedRounds, Identity]:
        """Return what an order says of these limits, and the key that it names."""
        key = new_journey_key()
        ordered = OrderedRounds(
            most=self.most, key=key.public, quorum=self.quorum, deadline=self.deadline
        )
        return ordered, key

    def text(self, stations: int) -> str:
        """Describe the limits to whoever confirms a dispatch to so many `stations`."""
        of = "all stations" if self.quorum == stations else f"{self.quorum} stations at least"
        return f"at most {self.most}, of {of}, combined in this kernel"


def round_limits(
    manifest: TrainManifest,
    stations: int,
    rounds: int | None,
    quorum: int | None,
    deadline: int,
) -> RoundLimits | None:
    """Return the limits of a journey of `manifest` to so many `stations`; None without rounds.

    Raises OrderError (``order-no-rounds``) for limits of a train without rounds, and
    (``order-rounds``) for limits that no order may have.
    """
    if manifest.rounds is None:
        if rounds is not None or quorum is not None:
            raise OrderError(
                f"The train '{manifest.name}' has no rounds: none of its cells has the role "
                "'round'.",
                "Dispatch it without rounds= and quorum=, or give its cells the roles 'round' and "
                "'combine'.",
                code="order-no-rounds",
            )
        return None
    if stations > MAX_RECIPIENTS - 1:
        raise OrderError(
            f"A journey of rounds has at most {MAX_RECIPIENTS - 1} stations; this has {stations}.",
            "What combine cells send is sealed to each station and to you. Name fewer stations.",
            code="order-rounds",
        )
    limits = RoundLimits(
        DEFAULT_ROUNDS if rounds is None else rounds,
        stations if quorum is None else quorum,
        deadline,
    )
    for name, value, most in (
        ("rounds", limits.most, MAX_ROUNDS),
        ("quorum", limits.quorum, stations),
        ("deadline", limits.deadline, MAX_DEADLINE),
    ):
        if type(value) is not int or not 1 <= value <= most:
            raise OrderError(
                f"{name}= is a whole number from 1 to {most}; this is {value!r}.",
                "quorum= is the fewest stations that a round needs, deadline= the seconds that it "
                "waits for the others.",
                code="order-rounds",
            )
    return limits
