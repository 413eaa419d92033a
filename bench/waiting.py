"""A thousand stations wait at one central with ten thousand journeys queued: who is told, when?

Central is a process of its own on a real PostgreSQL. The stations are long polls of 25 seconds, as
a station's own, each begun again as soon as it is answered; each holds the token that its own key
signed. Every station has ten unfinished stops, which every answer brings again. Then one journey
after another is dispatched to a station by lot. **Measured is from the first byte of the dispatch
to the last byte of that station's answer**: central verifies the order, stores it, wakes the
station, looks for what waits for it and sends all of it.

The client is of asyncio's plain streams, in this process: it shares the machine with central.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

from bench.figures import Row, keep, line, parts, require, row
from bench.size import FULL, BenchSize
from phtlab.central.context import read_online_key
from phtlab.central.founding import init_central, pin
from phtlab.consortium.consortium import Consortium
from phtlab.errors import CentralUnreachableError
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.manifest import KernelRef, TrainManifest
from phtlab.train.documents.order import Order
from phtlab.trust_store.repository import online_public_key
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.token import audience_of, mint
from tests.central.postgresql import new_database, postgresql
from tests.central.world import KERNEL, OFFICERS
from tests.real_registry import answers, free_port

WAIT = 25  # seconds of a long poll: the station's own default
NAME = "bench"
# The queued journeys are all one researcher's.
_NO_QUOTA = {"PHTLAB_CENTRAL_JOURNEYS_PER_DAY": "1000000"}
STARTS = 300.0  # seconds until central answers, at most


@dataclass
class Crowd:
    """A central with its members' keys."""

    url: str
    dsn: str
    pid: int
    researcher: Identity
    stations: list[Identity]
    train: str = ""
    cursors: dict[str, int] = field(default_factory=dict)


def measure(size: BenchSize) -> list[Row]:
    """Print what was found, and return its row."""
    with _crowd(size.waiting_stations) as crowd:
        _queue(crowd, size.waiting_queued)
        # A thousand stations in one process: its collections would halt all of them.
        gc.disable()
        try:
            found = asyncio.run(_Load(crowd, size).run())
        finally:
            gc.enable()
    waited = sorted(found.told)
    p99 = waited[int(len(waited) * 0.99)]
    half = waited[len(waited) // 2]
    print(f"{size.waiting_stations:,} stations wait, {size.waiting_queued:,} journeys are queued:")
    print(line("dispatch to the station's answer", waited))
    parts(
        "  of these",
        {
            "p50": half,
            "p99": p99,
            "dispatch answered, p50": sorted(found.posted)[len(found.posted) // 2],
        },
    )
    idle = f"central used {found.idle_cpu:.0%} of a processor while nothing happened"
    rate = f"{1 / size.waiting_interval:g} a second"
    note = f"p50 {half * 1000:.0f} ms of {len(waited)} dispatches, {rate}; {idle}."
    return [row("central_wait_p99", p99, note)]


@dataclass
class Found:
    told: list[float] = field(default_factory=list)
    posted: list[float] = field(default_factory=list)
    idle_cpu: float = 0.0


class _Load:
    """The stations and the researcher, each on a connection of its own."""

    def __init__(self, crowd: Crowd, size: BenchSize) -> None:
        self._crowd = crowd
        self._size = size
        self._audience = audience_of(NAME)
        self._heard: dict[str, asyncio.Future[float]] = {}
        self._answers = 0

    async def run(self) -> Found:
        found = Found()
        orders = self._orders()
        waiting = [asyncio.create_task(self._station(one)) for one in self._crowd.stations]
        await asyncio.sleep(self._size.waiting_settle)  # all are there
        used, before = _cpu(self._crowd.pid), time.monotonic()
        await asyncio.sleep(self._size.waiting_settle)
        found.idle_cpu = (_cpu(self._crowd.pid) - used) / (time.monotonic() - before)
        async with _Line.to(self._crowd.url) as line:
            for journey, body in orders:
                began = time.perf_counter()
                await self._dispatch(line, journey, body, found)
                rest = self._size.waiting_interval - (time.perf_counter() - began)
                await asyncio.sleep(max(0.0, rest))
        for task in waiting:
            require(not task.done(), "a station stopped waiting")
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return found

    async def _dispatch(self, line: _Line, journey: str, body: bytes, found: Found) -> None:
        began = time.perf_counter()
        heard = self._heard[journey] = asyncio.get_running_loop().create_future()
        await line.send("POST", "/api/v1/journeys", self._token(self._crowd.researcher), body)
        status, told = await line.answer()
        require(status in (200, 201), f"central answered {status}: {told[:300]!r}")
        found.posted.append(time.perf_counter() - began)
        found.told.append(await asyncio.wait_for(heard, 60) - began)

    async def _station(self, identity: Identity) -> None:
        async with _Line.to(self._crowd.url) as line:
            await self._poll(line, identity)

    async def _poll(self, line: _Line, identity: Identity) -> None:
        """Long polls, one after the other, as a station's daemon makes them."""
        cursor = self._crowd.cursors[identity.name]
        wait = random.uniform(5, WAIT)  # they did not all begin at once
        while True:
            path = f"/api/v1/inbox?after={cursor}&wait={wait}"
            await line.send("GET", path, self._token(identity))
            status, told = await line.answer()
            now = time.perf_counter()
            require(status == 200, f"central answered {status}: {told[:300]!r}")
            inbox = json.loads(told)
            for offer in inbox["offers"]:
                heard = self._heard.pop(offer["journey"], None)
                if heard is not None:
                    heard.set_result(now)
            cursor, wait = inbox["cursor"], WAIT

    def _orders(self) -> list[tuple[str, bytes]]:
        """Signed before: the researcher's own work is no part of it."""
        made = []
        for _ in range(self._size.waiting_dispatches):
            station = random.choice(self._crowd.stations).name
            ada = self._crowd.researcher
            envelope = Order.new(
                self._crowd.train, (station,), {}, (ada.name,), 1, now=datetime.now(UTC)
            ).sign(ada)
            made.append((envelope.digest, envelope.model_dump_json().encode()))
        return made

    def _token(self, identity: Identity) -> str:
        return mint(identity, self._audience)


class _Line:
    """One connection, HTTP/1.1, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[_Line]:
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**20)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def send(self, method: str, path: str, token: str, body: bytes = b"") -> None:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        return int(head.split(" ")[1]), await self._reader.readexactly(length)


@contextmanager
def _crowd(stations_wanted: int) -> Iterator[Crowd]:
    """A consortium of so many stations, its central running, its roster published."""
    with TemporaryDirectory(prefix="phtlab-bench-") as made, postgresql() as server:
        place, port = Path(made), free_port()
        central = init_central(place / "central", name=NAME, listen=f"127.0.0.1:{port}")
        online = read_online_key(central.settings.online_key_file)
        consortium = Consortium.found(
            place / "consortium",
            NAME,
            OFFICERS,
            online_key=online_public_key(online),
            log_n=4,
        )
        pin(central.directory, consortium.root)
        names = [f"station-{number:04}" for number in range(stations_wanted)]
        ada, *stations = [Identity.generate(name) for name in ("ada", *names)]
        members = [Member(name="ada", roles=("researcher",), keys=ada.public)]
        members += [Member(name=s.name, roles=("station",), keys=s.public) for s in stations]
        # All at once: one after the other, each is a roster read, checked and written.
        consortium._write_members((*consortium.roster.members, *members))
        consortium.add_image(KERNEL)
        consortium.sign(OFFICERS)
        dsn, url = new_database(server), f"http://127.0.0.1:{port}"
        with (place / "central.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "phtlab", "central", "run", str(central.directory)],
                env={**os.environ, "PHTLAB_CENTRAL_DATABASE": dsn, **_NO_QUOTA},
                stderr=log,
            )
        try:
            _until_it_answers(process, port, place / "central.log")
            _publish(url, consortium)
            yield Crowd(url, dsn, process.pid, ada, stations)
        finally:
            process.terminate()
            process.wait()


def _publish(url: str, consortium: Consortium) -> None:
    """The roster of so many takes a busy machine long; sent again, it changes nothing."""
    bundle = RosterBundle.model_validate(consortium.bundle())
    with CentralClient(url, consortium.officer("vera", OFFICERS["vera"])) as officer:
        until = time.monotonic() + STARTS
        while True:
            try:
                return officer.publish_roster(bundle)
            except CentralUnreachableError:
                if time.monotonic() > until:
                    raise


def _until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + STARTS
    while not answers(port):
        runs = process.poll() is None and time.monotonic() < until
        require(runs, f"central did not come: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _queue(crowd: Crowd, queued: int) -> None:
    """One journey as it is dispatched, and then as many of its like in the database itself."""
    manifest = TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
        route="parallel",
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        outputs=(),
        datasets=("heart",),
        files=(),
    )
    crowd.train = digest(b"a train")
    first, stations = crowd.stations[0].name, len(crowd.stations)
    with CentralClient(crowd.url, crowd.researcher) as client:
        client.submit_train(manifest.sign(crowd.researcher, crowd.train, "trains/ada/heart"))
        order = Order.new(crowd.train, (first,), {}, ("ada",), 1, now=datetime.now(UTC))
        client.submit_journey(order.sign(crowd.researcher))
    with psycopg.connect(crowd.dsn) as connection:
        connection.execute(_QUEUE.format(queued=queued, stations=stations))
        rows = connection.execute("SELECT station, max(offered) FROM stop GROUP BY station")
        crowd.cursors = {str(station): int(cursor) for station, cursor in rows}
    with psycopg.connect(crowd.dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")
    require(len(crowd.cursors) == stations, f"only {len(crowd.cursors)} stations have a stop")


_QUEUE = """
CREATE TEMPORARY TABLE more AS
  SELECT 'sha256:' || encode(sha256(g::text::bytea), 'hex') AS id_, number + g AS number_,
         'station-' || lpad((g % {stations})::text, 4, '0') AS station
  FROM (SELECT number FROM clock) AS clock, generate_series(1, {queued}) AS g;
INSERT INTO journey
  SELECT copied.* FROM journey, more,
    jsonb_populate_record(journey, jsonb_build_object('id', id_, 'number', number_)) AS copied;
INSERT INTO party (journey_id, member, opens) SELECT id_, 'ada', true FROM more;
INSERT INTO party (journey_id, member, opens) SELECT id_, station, false FROM more;
INSERT INTO stop (journey_id, number, station, state, final, offered, code, sentence, updated)
  SELECT id_, 0, station, 'offered', false, number_, '', '', now() FROM more;
UPDATE clock SET number = (SELECT max(number_) FROM more);
"""


def _cpu(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    keep(measure(FULL))
