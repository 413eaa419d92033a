"""A stream of small journeys, and a killer of whatever takes part in them."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import docker

from phtlab.demo.world import World
from phtlab.errors import UnreachableError
from phtlab.lab import Lab
from phtlab.lab.client.train import Train
from phtlab.station.executor.sandbox import LABEL_STATION
from phtlab.train.documents.order import Order
from phtlab.wire.registry.trains import push_train
from tests.e2e.parts import PATIENCE, bring_back, kill, service

IN_FLIGHT = 4
DRIVER = "driver"
"""The researcher's process that combines a journey's rounds."""
SANDBOX = ("kernel", "runtime", "shim")
"""What is killed of a run: its kernel, its first process, and the engine's keeper of it."""


@dataclass
class Stream:
    """Sends journeys of `train` to all stations, a few at a time, until it is told to end.

    `sent` holds every order that was signed and given to central, answered or not.
    """

    lab: Lab
    train: Train
    stations: tuple[str, ...]
    in_flight: int = IN_FLIGHT
    sent: list[str] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)

    @contextmanager
    def flowing(self) -> Iterator[Stream]:
        """Journeys are sent while the block runs; all that were sent have ended after it."""
        enough = threading.Event()
        self._push()
        thread = threading.Thread(target=self._flow, args=(enough,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            enough.set()
            thread.join(PATIENCE)
        assert not thread.is_alive(), "the stream does not end"
        if self.faults:
            raise self.faults[0]
        self._until(lambda: not self._open(), PATIENCE)

    def _flow(self, enough: threading.Event) -> None:
        try:
            while not enough.is_set():
                if len(self._open()) < self.in_flight:
                    self._send()
                enough.wait(0.1)
        except BaseException as fault:
            self.faults.append(fault)

    def _push(self) -> None:
        train = self.train
        push_train(self.lab.registry, train.image, train.repository, train.kernel)
        self.lab.central.submit_train(train.sign())

    def _send(self) -> None:
        """A researcher who sends again what central did not answer: one order, one journey."""
        order = self._order().sign(self.lab.identity)
        self.sent.append(order.digest)
        self._until(lambda: _answered(lambda: self.lab.central.submit_journey(order)), PATIENCE)

    def _order(self) -> Order:
        return Order.new(
            self.train.digest,
            self.stations,
            {"min_age": 40},
            (self.lab.name,),
            self.lab.trusted.roster.version,
            now=datetime.now(UTC),
            route=self.train.manifest.route,
        )

    def _open(self) -> list[str]:
        """The journeys that have not ended, as central has it; all, if it does not answer."""
        with suppress(UnreachableError):
            done = {j.id for j in self._journeys() if j.done}
            return [journey for journey in self.sent if journey not in done]
        return self.sent

    def _journeys(self):  # type: ignore[no-untyped-def]
        page = self.lab.central.journeys()
        yield from page.journeys
        while page.next is not None:
            page = self.lab.central.journeys(before=page.next)
            yield from page.journeys

    def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"still open: {self._open()}"
            time.sleep(0.2)


def _answered(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except UnreachableError:
        return False
    return True


@dataclass
class Killer:
    """kill -9 of a random part at a random moment, as its seed says; each is brought back."""

    world: World
    engine: docker.DockerClient
    seed: int
    parts: tuple[str, ...]
    drivers: Callable[[], list[subprocess.Popen[bytes]]] = list
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def strike(self, times: int, longest: float) -> None:
        """Kill `times` parts, with pauses of up to `longest` seconds."""
        while self.killed.total() < times:
            time.sleep(self._random.uniform(0.05, longest))
            part = self._random.choice(self.parts)
            if part in SANDBOX:
                if self.kill_in_sandbox(part):
                    self.killed[part] += 1
                continue
            if part == DRIVER:
                if running := self.drivers():
                    self._random.choice(running).kill()
                    self.killed[part] += 1
                continue
            kill(service(self.world, part))
            time.sleep(self._random.uniform(0, longest / 2))
            bring_back(self.world, part)
            self.killed[part] += 1

    def kill_in_sandbox(self, part: str) -> bool:
        """Of one of the runs of this world; False if none runs just now."""
        pids = sorted(self._runs())
        if not pids:
            return False
        first = self._random.choice(pids)
        try:
            os.kill({"shim": parent_of, "runtime": int, "kernel": _last_of}[part](first), 9)
        except (ProcessLookupError, FileNotFoundError):  # it has just ended by itself
            return False
        return True

    def _runs(self) -> Iterator[int]:
        """The first process of each run, by its number on this machine."""
        stations = {mark_of(self.world, name) for name in self.world.stations}
        for found in self.engine.api.containers():
            if found["Labels"].get(LABEL_STATION) in stations:
                with suppress(docker.errors.NotFound):
                    pid = self.engine.api.inspect_container(found["Id"])["State"]["Pid"]
                    if pid:
                        yield pid


def mark_of(world: World, station: str) -> str:
    """A station's label at the engine."""
    return f"{station}-{(world.station_folder(station) / 'mark').read_text()}"


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _last_of(pid: int) -> int:
    """The youngest of `pid`'s line: the kernel, once the runtime has started it."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[-1])
    return pid
