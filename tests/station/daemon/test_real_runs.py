"""The daemon's threads over the real runtime, which runs here as a plain process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phtlab.errors import StationError
from phtlab.station.daemon.loop import Daemon
from phtlab.station.stops.marker import Marker
from tests.raising import raises_code
from tests.station.executor.local_executor import LocalExecutor
from tests.station.station_world import COUNTS, World, make_world


@contextmanager
def at_work(daemon: Daemon) -> Iterator[None]:
    until = threading.Event()
    thread = threading.Thread(target=daemon.run, args=(until,))
    thread.start()
    try:
        yield
    finally:
        until.set()
        thread.join(timeout=60)
        assert not thread.is_alive()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path, inbox_wait=1)
    world.add_hearts(women=25, men=5)
    world.executor = LocalExecutor(tmp_path / "runs")
    return world


def test_an_offer_becomes_a_record_of_a_real_run(world: World) -> None:
    offer = world.offer()
    with at_work(world.daemon()):
        world.central.offer(offer)
        assert world.central.told.wait(60)
    record = world.record(offer)
    assert record.outcome == "departed", record
    # 5 men: their row stayed.
    assert [(o.verdict, o.suppressed_rows) for o in record.outputs] == [("suppressed", 1)]
    assert world.executor.jobs() == frozenset()
    assert world.central.profiles[0].datasets[0].name == "heart"
    executed = (world.stop(offer).operator / "executed.ipynb").read_text()
    assert "min_age = 50" in executed


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ('raise KeyError("eoD enaJ"[::-1])', "cell-failed", ("KeyError", 2, 6)),
        ("import os; os._exit(3)", "kernel-died", ("KernelDied", 2, None)),
        ("open('/dev/full', 'w').write('x' * 9999)", "output-quota", ("OSError", 2, 6)),
    ],
)
def test_a_real_failure_is_told_with_cell_and_line(
    world: World, line: str, code: str, error: tuple[str, int, int | None]
) -> None:
    offer = world.offer(world.train(COUNTS + line + "\n"))
    with at_work(world.daemon()):
        world.central.offer(offer)
        assert world.central.told.wait(60)
    record = world.record(offer)
    assert (record.outcome, record.code) == ("failed", code)
    assert record.error is not None
    assert (record.error.type, record.error.cell, record.error.line) == error
    assert "Jane" not in world.central.records[0].body.decode()


def test_a_station_that_ends_leaves_its_run_to_the_next(world: World) -> None:
    gate = world.root / "gate"
    source = (
        COUNTS + f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    )
    offer = world.offer(world.train(source))
    running = threading.Event()
    first = world.daemon()
    with at_work(first):
        world.central.offer(offer)
        while not running.wait(0.02):
            if world.stop(offer).path.exists() and world.stop(offer).has(Marker.STARTED):
                running.set()
    assert world.executor.jobs() == {world.stop(offer).job_id}
    gate.touch()
    with at_work(world.daemon()):
        assert world.central.told.wait(60)
    assert world.record(offer).outcome == "departed"


def test_a_cancelled_run_is_ended(world: World) -> None:
    offer = world.offer(world.train(COUNTS + "import time\ntime.sleep(600)\n"))
    with at_work(world.daemon()):
        world.central.offer(offer)
        while not (world.stop(offer).path.exists() and world.stop(offer).has(Marker.STARTED)):
            threading.Event().wait(0.02)
        world.central.offer(offer.model_copy(update={"cancelled": True}))
        assert world.central.told.wait(60)
    assert world.record(offer).outcome == "cancelled"
    assert world.executor.jobs() == frozenset()


def test_two_daemons_never_share_a_folder(world: World) -> None:
    first, second = world.daemon(), world.daemon()
    with at_work(first):
        world.central.offer(world.offer())
        assert world.central.told.wait(60)
        with raises_code(StationError, "station-runs"):
            second.run(threading.Event())


def test_a_declaration_with_a_slip_does_not_make_the_station_deaf(world: World) -> None:
    (world.folder.datasets / "broken.toml").write_text("title = ")
    offer = world.offer(world.train("x = 1\n", outputs=(), datasets=()))
    with at_work(world.daemon()):
        world.central.offer(offer)
        while not world.stop(offer).has(Marker.VERIFIED):
            threading.Event().wait(0.02)
    assert world.central.profiles == []
