"""Size of each bench: rows of `FULL` are kept; `TINY` only runs every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class BenchSize:
    """Numbers of runs and of bytes, and seconds. The names of the rows are the same in any size.

    `warmups` is the number of runs of each side before the counted runs; PHT-meDIC's library has
    none.
    """

    warmups: int = 1

    seal_bytes: int = 10**9
    seal_runs: int = 3
    openssl_seconds: int = 2

    airlock_rows: int = 1_000_000
    airlock_runs: int = 7

    waiting_stations: int = 1_000
    waiting_queued: int = 10_000
    """At least one for each station."""
    waiting_dispatches: int = 300
    waiting_interval: float = 0.1
    """Seconds from one dispatch to the next."""
    waiting_settle: float = 8.0
    """Seconds until all stations wait; central's idle load is measured for as long again."""

    journey_runs: int = 7
    journey_builds: int = 19

    stop_runs: Mapping[str, int] = field(
        default_factory=lambda: {"1mb": 5, "10mb": 5, "100mb": 3, "625mb": 3}
    )
    """The number of runs for each size of output."""
    stop_peer_runs: Mapping[str, int] = field(
        default_factory=lambda: {"1mb": 3, "10mb": 3, "100mb": 2, "625mb": 1}
    )
    stop_settle: float = 2.0
    """Seconds between two readings of the daemon's memory; it is idle when they are equal."""

    approval_runs: int = 15
    approval_others: int = 100
    """Number of other approvals at the station."""

    scheduler_runs: int = 5
    scheduler_step: float = 1.0
    """Seconds of each cell of the notebook whose progress is compared."""
    scheduler_grace: float = 30.0
    """Seconds for the peer's job to end, after its server was killed and the dry run has ended."""

    interface_runs: int = 7

    rounds_runs: int = 3
    rounds_further: int = 20
    """Number of rounds after the first."""
    rounds_peer: int = 3
    """The same of a peer, of which each takes seconds."""
    rounds_payloads: Mapping[str, int] = field(
        default_factory=lambda: {
            "1kb": 20,
            "10kb": 20,
            "100kb": 10,
            "1mb": 10,
            "10mb": 5,
            "100mb": 3,
        }
    )
    """The number of further rounds for each size of payload."""
    rounds_stations: tuple[int, ...] = (3, 10, 30)
    """Numbers of simulated stations."""
    rounds_many: int = 1_000
    rounds_settle: float = 1.0
    """Seconds between two readings of the memory."""


FULL: Final = BenchSize()
TINY: Final = BenchSize(
    warmups=0,
    seal_bytes=10**6,
    seal_runs=1,
    openssl_seconds=1,
    airlock_rows=1_000,
    airlock_runs=1,
    waiting_stations=3,
    waiting_queued=6,
    waiting_dispatches=3,
    waiting_interval=0.01,
    waiting_settle=0.1,
    journey_runs=1,
    journey_builds=1,
    stop_runs={"1mb": 1},
    stop_peer_runs={"1mb": 1},
    stop_settle=0.1,
    approval_runs=1,
    approval_others=2,
    scheduler_runs=1,
    scheduler_step=0.1,
    scheduler_grace=1.0,
    interface_runs=1,
    rounds_runs=1,
    rounds_further=2,
    rounds_peer=1,
    rounds_payloads={"1mb": 1},
    rounds_stations=(2, 3),
    rounds_many=3,
    rounds_settle=0.1,
)
"""For tests; its figures have no meaning, and are not kept."""
