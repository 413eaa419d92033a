"""What must hold once all is quiet, whatever was killed: read from the records of all parties.

`World`'s parties are the researcher's lab, central's database, the registry's disk, each station's
folder, and the machine itself. Who counts the runs is none of them: `Witness` listens to the
engine's events while the test goes on, as the engine forgets all but the last few hundred.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import docker

from phtlab.demo.world import World
from phtlab.lab import Journey, Lab
from phtlab.station.executor.sandbox import LABEL_JOB, LABEL_STATION
from phtlab.station.settings.folder import StationFolder
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stops
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from tests.e2e.parts import job_of, left_behind

REPOSITORIES = Path("docker/registry/v2/repositories")


class Witness:
    """Counts how often the container of each job began to run, by the engine's own events."""

    def __init__(self, engine: docker.DockerClient) -> None:
        self.starts: Counter[tuple[str, str]] = Counter()
        self._events = engine.events(filters={"type": "container", "event": "start"}, decode=True)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._thread.join(10)

    def _listen(self) -> None:
        for event in self._events:
            labels = event["Actor"]["Attributes"]
            # A station's label is its name and its folder's mark.
            station = labels.get(LABEL_STATION, "").rpartition("-")[0]
            self.starts[station, labels.get(LABEL_JOB, "")] += 1


def violations(
    world: World,
    lab: Lab,
    engine: docker.DockerClient,
    starts: Mapping[tuple[str, str], int],
    sent: Iterable[str],
) -> list[str]:
    """Each thing that does not hold of the journeys `sent`, in a sentence; none if all is well."""
    found: list[str] = []
    journeys = frozenset(sent)
    for journey in sorted(journeys):
        found += _journey(world, lab, starts, journey)
    found += _central(world, journeys)
    found += _registry(world, journeys)
    for station in world.stations:
        found += [f"{station} left {what}" for what in left_behind(engine, world, station)]
        found += _station(world, station)
    return found


def _journey(
    world: World, lab: Lab, starts: Mapping[tuple[str, str], int], journey: str
) -> Iterator[str]:
    """Not lost, ended everywhere by a record that verifies, and run once at most."""
    short = journey[7:19]
    at_central = Journey(lab.session, lab.central.journey(journey))
    _, order, records = at_central.verified()
    for stop in at_central.stops:
        record = records.get(stop.station)
        if record is None and stop.code == "route-broken":
            if starts.get((stop.station, job_of(journey)), 0):
                yield f"{short} ran at {stop.station} after it had ended"
            continue
        if record is None:
            yield f"{short} has no record of {stop.station}, it is {stop.state}"
            continue
        runs = starts.get((stop.station, job_of(journey)), 0)
        # A run of rounds that was lost is started anew; `verified` has counted its rounds.
        again = runs > 1 and order.rounds is None
        if again or (runs == 0 and record.started is not None):
            yield f"{short} ran {runs} times at {stop.station}, where it {record.outcome}"
        own = Stops(StationFolder(world.station_folder(stop.station)).stops).stop(journey)
        if not own.has(Marker.RECORD) or own.record() != stop.record:
            yield f"{short}: {stop.station} keeps another record than central"
        if not own.is_reported:
            yield f"{short}: {stop.station} does not know that central has its record"
        sealed = record.outcome == "departed" and order.rounds is None
        if bool(record.cargos) != sealed:
            yield f"{short}: {stop.station} {record.outcome} with cargo {record.cargos}"
    finals = Counter(
        event.stop.station
        for event in lab.central.events(journey)
        if event.stop.record is not None or event.stop.state in ("departed", "failed", "refused")
    )
    yield from (f"{short}: {name} ended {n} times" for name, n in finals.items() if n != 1)
    opened = at_central.results()
    departed = {name for name, record in records.items() if record.outcome == "departed"}
    departed |= _departed_before(lab, order)
    departed.discard(order.aggregator or "")
    if set(opened.stations) != departed:
        yield f"{short}: cargo of {set(opened.stations)} opens, {departed} departed"


def _departed_before(lab: Lab, order: Order) -> set[str]:
    """The stations of the journeys that a journey continues, whose results are its too."""
    found: set[str] = set()
    while order.continues is not None:
        view = lab.central.journey(order.continues.journey)
        found |= {stop.station for stop in view.stops if stop.state == "departed"}
        order = Order.model_validate(peek(view.order).predicate)
    return found


def _central(world: World, journeys: frozenset[str]) -> Iterator[str]:
    """Its database is whole, and what is final has its record."""
    with closing(_database(world)) as database:
        for check in ("integrity_check", "foreign_key_check"):
            said = database.execute(f"PRAGMA {check}").fetchall()
            if said not in ([], [("ok",)]):
                yield f"central's database, {check}: {said}"
        odd = database.execute(
            "SELECT journey_id, station, state FROM stop "
            "WHERE final <> (record IS NOT NULL) AND code <> 'route-broken'"
        ).fetchall()
    for journey, station, state in odd:
        if journey in journeys:
            yield f"central: {journey[7:19]} at {station} is {state}"


def _database(world: World) -> sqlite3.Connection:
    return sqlite3.connect(world.directory / "central" / "central.sqlite", timeout=30)


def cargo_on_disk(storage: Path) -> set[tuple[str, str, str]]:
    """Journey, station and digest of all cargo that a registry keeps, by its own folders."""
    place = storage / REPOSITORIES / "cargo"
    return {
        (f"sha256:{tag.parents[3].parent.name}", tag.parents[3].name, f"sha256:{tag.parent.name}")
        for tag in place.glob("*/*/_manifests/tags/*/current")
    }


def _registry(world: World, journeys: frozenset[str]) -> Iterator[str]:
    """Cargo and records are there together, or neither is."""
    there = {
        cargo
        for cargo in cargo_on_disk(world.directory / "central" / "registry")
        if cargo[0] in journeys
    }
    with closing(_database(world)) as database:
        rows = database.execute(
            "SELECT journey_id, station, record FROM stop WHERE record IS NOT NULL"
        ).fetchall()
    signed = set()
    for journey, station, text in rows:
        record = StopRecord.model_validate(peek(Envelope.model_validate_json(text)).predicate)
        if journey in journeys:
            signed |= {(journey, station, sent.digest) for sent in record.cargos}
    for journey, station, _ in there - signed:
        yield f"cargo of {journey[7:19]} from {station} has no record"
    for journey, station, _ in signed - there:
        yield f"the record of {journey[7:19]} from {station} has no cargo"


def _station(world: World, station: str) -> Iterator[str]:
    """No sealed file is left of what has departed, and nothing half written at all."""
    folder = StationFolder(world.station_folder(station))
    for stop in Stops(folder.stops):
        if stop.is_reported and (stop.cargo.exists() or stop.next_cargo.exists()):
            yield f"{station} left the cargo of {stop.hex[:12]}"
    for draft in folder.path.rglob("*.part"):
        # The run's folder may go while we look.
        with suppress(OSError):
            if draft.exists():
                yield f"{station} left {draft.relative_to(folder.path)}"


def assert_soon(found: Callable[[], list[str]], seconds: float = 20.0) -> None:
    """Wait until `found()` is empty; AssertionError with what is left in it."""
    end = time.monotonic() + seconds
    while left := found():
        assert time.monotonic() < end, "\n".join(left)
        time.sleep(0.2)
