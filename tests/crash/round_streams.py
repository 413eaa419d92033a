"""Streams of journeys of rounds, combined by processes of a researcher or by an aggregator."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from phtlab.cli.exit_codes import exit_code
from phtlab.demo.world import World
from phtlab.errors import CentralUnreachableError
from phtlab.lab.rounds.journey_key import keep_journey_key
from phtlab.lab.rounds.ordered import RoundLimits
from phtlab.processes.services import phtlab_command
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.order import Order
from tests.crash.load import Stream
from tests.e2e.parts import PATIENCE
from tests.limits import LIMIT

MOST = 20
_MAY_END = (-signal.SIGKILL, 0, exit_code(CentralUnreachableError("")))


@dataclass
class DrivenRounds(Stream):
    """Journeys of rounds of `train`, each driven by a process of the researcher of `world`.

    A process that ends before its journey is started again. It may end because central is away
    when it begins; `said` is what others printed.
    """

    world: World = field(kw_only=True)
    folder: Path = field(kw_only=True)
    said: list[str] = field(default_factory=list)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @contextmanager
    def flowing(self) -> Iterator[DrivenRounds]:
        over = threading.Event()
        thread = threading.Thread(target=self._drive, args=(over,), daemon=True)
        thread.start()
        try:
            with super().flowing():
                yield self
        finally:
            over.set()
            thread.join(PATIENCE)
            for process in self._processes.values():
                process.kill()
                process.wait(LIMIT)
        if self.faults:
            raise self.faults[0]

    def running(self) -> list[subprocess.Popen[bytes]]:
        """The drivers that run just now."""
        return [process for process in tuple(self._processes.values()) if process.poll() is None]

    def _order(self) -> Order:
        order, key = _order_of_rounds(self, aggregator=None)
        assert key is not None
        keep_journey_key(self.lab.identity, order.nonce, key)
        return order

    def _drive(self, over: threading.Event) -> None:
        try:
            while not over.wait(0.2):
                for journey in self._open():
                    process = self._processes.get(journey)
                    if process is None or process.poll() is not None:
                        self._note_end(journey, process)
                        self._processes[journey] = self._started(journey)
        except BaseException as fault:
            self.faults.append(fault)

    def _note_end(self, journey: str, process: subprocess.Popen[bytes] | None) -> None:
        if process is not None and process.returncode not in _MAY_END:
            self.said.append(self._log(journey).read_text()[-2000:])

    def _log(self, journey: str) -> Path:
        return self.folder / f"{journey[7:19]}.log"

    def _started(self, journey: str) -> subprocess.Popen[bytes]:
        with self._log(journey).open("wb") as log:
            return subprocess.Popen(
                phtlab_command("journey", "wait", journey.removeprefix("sha256:")[:12]),
                env={**os.environ, **self.world.environment, "COLUMNS": "400"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@dataclass
class AggregatedRounds(Stream):
    """Journeys of rounds of `train`, combined by `aggregator`."""

    aggregator: str = field(kw_only=True)

    def _order(self) -> Order:
        return _order_of_rounds(self, self.aggregator)[0]


def _order_of_rounds(stream: Stream, aggregator: str | None) -> tuple[Order, Identity | None]:
    """A new order, and the key that it names."""
    ordered, key = RoundLimits(MOST, len(stream.stations), 3_600, aggregator).ordered()
    order = Order.new(
        stream.train.digest,
        stream.stations,
        {},
        (stream.lab.name,),
        stream.lab.trusted.roster.version,
        now=datetime.now(UTC),
        route=stream.train.manifest.route,
        rounds=ordered,
    )
    return order, key
