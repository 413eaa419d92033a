"""What an order says of rounds, with a new key for its journey alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from phtlab.errors import NotOnRosterError, OrderError
from phtlab.lab.rounds.journey_key import new_journey_key
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import MAX_READERS, MAX_ROUNDS, OrderedRounds
from phtlab.train.documents.roster import Roster
from phtlab.train.sealing import MAX_RECIPIENTS

DEFAULT_ROUNDS: Final = 50
DEFAULT_DEADLINE: Final = 3_600
MAX_DEADLINE: Final = 30 * 86_400


@dataclass(frozen=True)
class RoundLimits:
    """The most rounds of a journey, the fewest stations of one, and the seconds that it waits.

    `aggregator` combines them; None if the researcher's kernel does.
    """

    most: int
    quorum: int
    deadline: int
    aggregator: str | None = None

    def ordered(self) -> tuple[OrderedRounds, Identity | None]:
        """Return what an order says of these limits, and the key that it names.

        It names none where an aggregator signs the instructions, with its own keys.
        """
        key = new_journey_key() if self.aggregator is None else None
        ordered = OrderedRounds(
            most=self.most,
            aggregator=self.aggregator,
            key=key.public if key is not None else None,
            quorum=self.quorum,
            deadline=self.deadline,
        )
        return ordered, key

    def text(self, stations: int) -> str:
        """Describe the limits to whoever confirms a dispatch to so many `stations`."""
        of = "all stations" if self.quorum == stations else f"{self.quorum} stations at least"
        by = f"by the aggregator {self.aggregator}" if self.aggregator else "in this kernel"
        return f"at most {self.most}, of {of}, combined {by}"


def round_limits(
    manifest: TrainManifest,
    stations: int,
    rounds: int | None,
    quorum: int | None,
    deadline: int,
    aggregator: str | None = None,
) -> RoundLimits | None:
    """Return the limits of a journey of `manifest` to so many `stations`; None without rounds.

    Raises OrderError (``order-no-rounds``) for limits, or an aggregator, of a train without rounds,
    and (``order-rounds``) for limits that no order may have.
    """
    if manifest.rounds is None:
        if rounds is not None or quorum is not None or aggregator is not None:
            raise OrderError(
                f"The train '{manifest.name}' has no rounds: none of its cells has the role "
                "'round'.",
                "Dispatch it without rounds=, quorum= and aggregator=, or give its cells the roles "
                "'round' and 'combine'.",
                code="order-no-rounds",
            )
        return None
    if stations > MAX_RECIPIENTS - 1:
        raise OrderError(
            f"A journey of rounds has at most {MAX_RECIPIENTS - 1} stations; this has {stations}.",
            "What combine cells send is sealed to each station and to whoever combines. Name fewer "
            "stations.",
            code="order-rounds",
        )
    limits = RoundLimits(
        DEFAULT_ROUNDS if rounds is None else rounds,
        stations if quorum is None else quorum,
        deadline,
        aggregator,
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


def require_aggregator(
    name: str, roster: Roster, stations: Collection[str], recipients: Collection[str]
) -> None:
    """Require that `name` can combine the rounds of a journey to `stations`.

    Raises NotOnRosterError (``order-aggregator``) for a member without the role, and OrderError
    (``order-rounds``) if it is one of the stations, or one reader of updates too many.
    """
    known = [member.name for member in roster.with_role("aggregator")]
    if name not in known:
        raise NotOnRosterError(
            f"There is no aggregator called '{name}' on the roster of {roster.consortium}.",
            f"Its aggregators: {', '.join(known)}. Without aggregator=, this kernel combines."
            if known
            else "It has none: dispatch without aggregator=, so that this kernel combines.",
            code="order-aggregator",
        )
    if name in stations:
        raise OrderError(
            f"{name} cannot combine the rounds of a journey that computes at {name} too.",
            "Name other stations, or another aggregator.",
            code="order-rounds",
        )
    if len({*recipients, name}) > MAX_READERS:
        raise OrderError(
            f"At most {MAX_READERS} members read updates, the aggregator included.",
            "Name fewer recipients.",
            code="order-rounds",
        )
