"""Latency of an offer, with a thousand stations waiting and ten thousand journeys queued.

Central is a process of its own on a real PostgreSQL. Each station makes long polls of 25 seconds,
as a real station does, one as soon as the last is answered, each with a token that the station's
own key signed. Every station has at least ten unfinished stops, which every answer contains again.
Then one journey after another is dispatched to a random station. **Measured is the time from the
first byte of the dispatch to the last byte of that station's answer**: central verifies the order,
stores it, wakes the station's poll, reads the station's inbox and sends all of it.

The client uses asyncio streams in this process, on the same machine as central.
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
# All queued journeys have the same researcher.
_NO_QUOTA = {"PHTLAB_CENTRAL_JOURNEYS_PER_DAY": "1000000"}
START_SECONDS = 300.0  # time limit for central's start


@dataclass
class LoadedCentral:
    """A running central, with the keys of its members and the stations' cursors."""

    url: str
    dsn: str
    pid: int
    researcher: Identity
    stations: list[Identity]
    train: str = ""
    cursors: dict[str, int] = field(default_factory=dict)


def measure(size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the row."""
    with _loaded_central(size.waiting_stations) as central:
        _queue(central, size.waiting_queued)
        # All stations are in this process: a garbage collection would stop all of them.
        gc.disable()
        try:
            figures = asyncio.run(_Load(central, size).run())
        finally:
            gc.enable()
    waited = sorted(figures.answered)
    p99 = waited[int(len(waited) * 0.99)]
    half = waited[len(waited) // 2]
    print(f"{size.waiting_stations:,} stations wait, {size.waiting_queued:,} journeys are queued:")
    print(line("dispatch to the station's answer", waited))
    parts(
        "  of these",
        {
            "p50": half,
            "p99": p99,
            "dispatch answered, p50": sorted(figures.posted)[len(figures.posted) // 2],
        },
    )
    idle = f"central used {figures.idle_cpu:.0%} of a processor while no journey was dispatched"
    rate = f"{1 / size.waiting_interval:g} a second"
    note = f"p50 {half * 1000:.0f} ms for {len(waited)} dispatches, {rate}; {idle}."
    return [row("central_wait_p99", p99, note)]


@dataclass
class Figures:
    """Seconds from each dispatch to the station's answer and to the researcher's; idle load."""

    answered: list[float] = field(default_factory=list)
    posted: list[float] = field(default_factory=list)
    idle_cpu: float = 0.0


class _Load:
    """The stations and the researcher, each on a connection of its own."""

    def __init__(self, central: LoadedCentral, size: BenchSize) -> None:
        self._central = central
        self._size = size
        self._audience = audience_of(NAME)
        self._awaited: dict[str, asyncio.Future[float]] = {}
        self._answers = 0

    async def run(self) -> Figures:
        figures = Figures()
        orders = self._orders()
        waiting = [
            asyncio.create_task(self._station(station)) for station in self._central.stations
        ]
        await asyncio.sleep(self._size.waiting_settle)  # until all stations wait
        used, before = _cpu(self._central.pid), time.monotonic()
        await asyncio.sleep(self._size.waiting_settle)
        figures.idle_cpu = (_cpu(self._central.pid) - used) / (time.monotonic() - before)
        async with _Line.to(self._central.url) as line:
            for journey, body in orders:
                began = time.perf_counter()
                await self._dispatch(line, journey, body, figures)
                rest = self._size.waiting_interval - (time.perf_counter() - began)
                await asyncio.sleep(max(0.0, rest))
        for task in waiting:
            require(not task.done(), "a station stopped waiting")
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return figures

    async def _dispatch(self, line: _Line, journey: str, body: bytes, figures: Figures) -> None:
        began = time.perf_counter()
        answered = self._awaited[journey] = asyncio.get_running_loop().create_future()
        await line.send("POST", "/api/v1/journeys", self._token(self._central.researcher), body)
        status, reply = await line.answer()
        require(status in (200, 201), f"central answered {status}: {reply[:300]!r}")
        figures.posted.append(time.perf_counter() - began)
        figures.answered.append(await asyncio.wait_for(answered, 60) - began)

    async def _station(self, identity: Identity) -> None:
        async with _Line.to(self._central.url) as line:
            await self._poll(line, identity)

    async def _poll(self, line: _Line, identity: Identity) -> None:
        """Make long polls, one after the other, as a station's daemon does."""
        cursor = self._central.cursors[identity.name]
        wait = random.uniform(5, WAIT)  # so that the polls do not all begin together
        while True:
            path = f"/api/v1/inbox?after={cursor}&wait={wait}"
            await line.send("GET", path, self._token(identity))
            status, reply = await line.answer()
            now = time.perf_counter()
            require(status == 200, f"central answered {status}: {reply[:300]!r}")
            inbox = json.loads(reply)
            for offer in inbox["offers"]:
                answered = self._awaited.pop(offer["journey"], None)
                if answered is not None:
                    answered.set_result(now)
            cursor, wait = inbox["cursor"], WAIT

    def _orders(self) -> list[tuple[str, bytes]]:
        """Return signed orders; signing them is not measured."""
        made = []
        for _ in range(self._size.waiting_dispatches):
            station = random.choice(self._central.stations).name
            ada = self._central.researcher
            envelope = Order.new(
                self._central.train, (station,), {}, (ada.name,), 1, now=datetime.now(UTC)
            ).sign(ada)
            made.append((envelope.digest, envelope.model_dump_json().encode()))
        return made

    def _token(self, identity: Identity) -> str:
        return mint(identity, self._audience)


class _Line:
    """An HTTP/1.1 connection, with one request at a time."""

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
def _loaded_central(station_count: int) -> Iterator[LoadedCentral]:
    """Found a consortium with `station_count` stations, run its central, publish its roster."""
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
        names = [f"station-{number:04}" for number in range(station_count)]
        ada, *stations = [Identity.generate(name) for name in ("ada", *names)]
        members = [Member(name="ada", roles=("researcher",), keys=ada.public)]
        members += [Member(name=s.name, roles=("station",), keys=s.public) for s in stations]
        # All in one call: for each call the roster is read, checked and written.
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
            _wait_until_ready(process, port, place / "central.log")
            _publish(url, consortium)
            yield LoadedCentral(url, dsn, process.pid, ada, stations)
        finally:
            process.terminate()
            process.wait()


def _publish(url: str, consortium: Consortium) -> None:
    """Publish the roster; try again after a timeout.

    A busy machine needs long for so many members. Publishing the same roster again has no effect.
    """
    bundle = RosterBundle.model_validate(consortium.bundle())
    with CentralClient(url, consortium.officer("vera", OFFICERS["vera"])) as officer:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return officer.publish_roster(bundle)
            except CentralUnreachableError:
                if time.monotonic() > until:
                    raise


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not answers(port):
        runs = process.poll() is None and time.monotonic() < until
        require(runs, f"central did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _queue(central: LoadedCentral, queued: int) -> None:
    """Dispatch a journey, and insert `queued` copies of it into the database."""
    manifest = TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
        parameters={"type": "object", "properties": {}, "additionalProperties": False},
        outputs=(),
        datasets=("heart",),
        files=(),
    )
    central.train = digest(b"a train")
    first, stations = central.stations[0].name, len(central.stations)
    with CentralClient(central.url, central.researcher) as client:
        client.submit_train(manifest.sign(central.researcher, central.train, "trains/ada/heart"))
        order = Order.new(central.train, (first,), {}, ("ada",), 1, now=datetime.now(UTC))
        client.submit_journey(order.sign(central.researcher))
    with psycopg.connect(central.dsn) as connection:
        connection.execute(_QUEUE.format(queued=queued, stations=stations))
        rows = connection.execute("SELECT station, max(offered) FROM stop GROUP BY station")
        central.cursors = {str(station): int(cursor) for station, cursor in rows}
    with psycopg.connect(central.dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")
    require(len(central.cursors) == stations, f"only {len(central.cursors)} stations have a stop")


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
    """Return the seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    keep(measure(FULL))
