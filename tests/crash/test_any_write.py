"""A station killed anywhere goes on from its folder: nothing is lost, nothing is done twice."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import digest
from phtlab.wire.api.journeys import Offer
from tests.evidence import Evidence
from tests.station.pipeline.combining_series import STATIONS, Combining, make_combining
from tests.station.pipeline.rounds_series import Series, make_series
from tests.station.pipeline.sequential_route import Route, handed_on_by, make_route, record_of
from tests.station.station_world import FakeRun, World, make_world, member

Made = TypeVar("Made")


class Killed(BaseException):
    """As kill -9: nothing of the station's own code may catch it."""


@contextmanager
def killed_at(
    sync: int, monkeypatch: pytest.MonkeyPatch, *, renames_in: Path | None = None
) -> Iterator[list[int]]:
    """Kill at the `sync`-th time that something is made durable: once before each file is
    renamed into place, and once after. Also before each rename of a file below `renames_in`."""
    count = [0]

    def counted(real: Callable[..., None], below: Path | None = None) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            count[0] += below is None or below in Path(arguments[0]).parents
            if count[0] == sync:
                raise Killed
            real(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        if renames_in is not None:
            patch.setattr(os, "rename", counted(os.rename, renames_in))
            patch.setattr(os, "replace", counted(os.replace, renames_in))
        yield count


def killed_at_each_write(
    make: Callable[[int], Made],
    run: Callable[[Made], None],
    monkeypatch: pytest.MonkeyPatch,
    renames_in: Callable[[Made], Path | None] = lambda made: None,
) -> Iterator[tuple[int, Made]]:
    """Kill what `run` does with a new `make` at each write, run it again, and yield both.

    Ends after the first run that survives: its number is one more than there are writes.
    """
    for sync in itertools.count(1):
        made = make(sync)
        killed = killed_at(sync, monkeypatch, renames_in=renames_in(made))
        with killed as count, suppress(Killed):
            run(made)
        survived = count[0] < sync
        run(made)
        yield sync, made
        if survived:
            return


def finish(world: World, offer: Offer, steps: int = 40) -> None:
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.sweep()
    for _ in range(steps):
        if world.stop(offer).is_reported:
            break
        daemon.step()
    daemon.sweep()


def final(world: World, offer: Offer) -> tuple[str, str, list[tuple[str, str]]]:
    record = world.record(offer)
    if record.outcome == "departed":
        (sent,) = record.cargos
        assert digest(world.artifacts.delivered[offer.journey]) == sent.digest
    return record.outcome, record.code, [(o.name, o.verdict) for o in record.outputs]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("completed", ("departed", "", [("counts", "released")])),
        ("cell-failed", ("failed", "cell-failed", [])),
    ],
)
def test_a_new_daemon_after_every_step_ends_the_same(
    tmp_path: Path, outcome: str, expected: object
) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.scripted.script = FakeRun(outcome, world.scripted.script.files)
    offer = world.offer()
    world.daemon().receive(offer)
    for _ in range(20):
        world.daemon().step()
    assert final(world, offer) == expected
    assert len(world.scripted.started) == 1
    assert len(world.central.records) == 1
    assert world.executor.jobs() == frozenset()


@pytest.mark.parametrize("cancelled", [False, True], ids=["departing", "cancelled"])
def test_killed_at_any_write_the_stop_ends_the_same_and_ran_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence, cancelled: bool
) -> None:
    def offered(sync: int) -> tuple[World, Offer]:
        world = make_world(tmp_path / str(sync))
        world.add_hearts()
        return world, world.offer(cancelled=cancelled)

    sync = 0
    for sync, (world, offer) in killed_at_each_write(
        offered, lambda made: finish(*made), monkeypatch
    ):
        assert final(world, offer)[0] == ("cancelled" if cancelled else "departed"), sync
        assert len(world.scripted.started) == (0 if cancelled else 1), sync
        assert world.executor.jobs() == frozenset(), sync
        assert not world.stop(offer).cargo.exists(), sync
    assert sync > (6 if cancelled else 30)
    evidence(
        "kills",
        kill_point="station, before and after each durable write of a stop"
        + " that is cancelled" * cancelled,
        count=sync - 1,
        outcome="not run, ended once" if cancelled else "run once, ended once",
    )


def sequential(folder: Path) -> tuple[Route, Offer]:
    """A stop in the middle of a route: it receives from hungary, and hands on to basel."""
    world = make_world(folder)
    world.add_hearts()
    route = make_route(world)
    members = (*world.roster.members, member("basel", "station"))
    world.roster = world.roster.model_copy(update={"members": members})
    return route, route.after_hungary("cleveland", "basel")


def test_killed_at_any_write_a_stop_in_the_middle_of_a_route_receives_and_hands_on_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    sync = 0
    for sync, (route, offer) in killed_at_each_write(
        lambda sync: sequential(tmp_path / str(sync)),
        lambda made: finish(made[0].world, made[1]),
        monkeypatch,
    ):
        world = route.world
        (envelope,) = {record.digest: record for record in world.central.records}.values()
        record = record_of(envelope)
        assert (record.outcome, record.previous) == ("departed", offer.previous[0].digest), sync
        assert record.received == handed_on_by(offer.previous[0]), sync
        (sent,) = record.cargos
        assert digest(world.artifacts.delivered[offer.journey]) == sent.digest, sync
        (run,) = world.scripted.started
        assert world.scripted.seen[run.id] == ["model.safetensors"], sync
        assert route.left(offer) == [], sync
        assert not list(world.folder.path.rglob("*.part")), sync
        assert not world.stop(offer).next_cargo.exists(), sync
    assert sync > 30
    evidence(
        "kills",
        kill_point="station, before and after each durable write of a stop that receives and "
        "hands on",
        count=sync - 1,
        outcome="run once on what was handed on, handed on once",
    )


def combine(series: Series, steps: int = 60) -> None:
    """Step until the stop is over; ask for a second round, and then for no more."""
    daemon = series.begin()
    daemon.sweep()
    for _ in range(steps):
        if series.stop.is_reported:
            break
        daemon.step()
        if len(series.sent()) == series.number == 1:
            series.instruct(10.0)
        elif len(series.sent()) == series.number == 2:
            series.end()
    daemon.sweep()


def test_killed_at_any_write_a_stop_computes_and_sends_each_round_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    sync = 0
    for sync, series in killed_at_each_write(
        lambda sync: make_series(tmp_path / str(sync)),
        combine,
        monkeypatch,
        lambda series: series.world.folder.path,
    ):
        record = series.record()
        assert record.outcome == "departed", (sync, record)
        assert [series.update(sent) for sent in series.sent()] == [1.0, 11.0], sync
        assert [done.number for done in series.records()] == [1, 2], sync
        assert record.rounds and record.rounds.count == 2, sync
        assert series.world.executor.computed == [1, 2], sync  # type: ignore[attr-defined]
        assert series.world.executor.jobs() == frozenset(), sync
        assert not list(series.stop.path.rglob("*.age")), sync
    assert sync > 50
    evidence(
        "kills",
        kill_point="station, before and after each durable write of a stop of two rounds",
        count=sync - 1,
        outcome="each round computed once, sent once",
    )


def aggregate(series: Combining, steps: int = 60) -> None:
    """Step until the stop is over; stations answer each round once it is instructed."""
    daemon = series.begin()
    daemon.sweep()
    for _ in range(steps):
        if series.stop.is_reported:
            break
        number = len(series.world.central.instructed) + 1
        answered = len(series.world.central.sent_rounds) // len(STATIONS)
        if answered < number <= 2:
            for station, value in zip(STATIONS, (number, 10.0 * number), strict=True):
                series.answer(station, value)
        daemon.step()
    daemon.sweep()


def test_killed_at_any_write_an_aggregator_combines_and_instructs_each_round_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    sync = 0
    for sync, series in killed_at_each_write(
        lambda sync: make_combining(tmp_path / str(sync), most=2),
        aggregate,
        monkeypatch,
        lambda series: series.world.folder.path,
    ):
        record = series.record()
        assert record.outcome == "departed", (sync, record)
        assert list(series.values()) == [11.0, None], sync
        assert [values for _, values in series.reports()] == [{}, {"beta": 33.0}], sync
        assert record.rounds and record.rounds.count == 2, sync
        assert series.executor.combined == [1, 2], sync
        assert series.executor.jobs() == frozenset(), sync
        assert not list(series.stop.path.rglob("*.age")), sync
        assert not list(series.stop.path.rglob("*.safetensors")), sync
    assert sync > 50
    evidence(
        "kills",
        kill_point="aggregator, before and after each durable write of a stop of two rounds",
        count=sync - 1,
        outcome="each round combined once, instructed once",
    )


def test_half_written_files_of_a_kill_are_no_state(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    (world.stop(offer).path / ".record.json.0123456789abcdef.part").write_bytes(b'{"payl')
    assert world.stop(offer).state == "offered"
    finish(world, offer)
    assert final(world, offer)[0] == "departed"
    assert not list(world.folder.path.rglob("*.part"))


def test_cancelled_once_its_cargo_is_in_the_registry_it_departs(tmp_path: Path) -> None:
    """So that no cargo lies there without its record."""
    world = make_world(tmp_path)
    world.add_hearts()
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    while not world.stop(offer).has(Marker.PUSHED):
        daemon.step()
    daemon.receive(offer.model_copy(update={"cancelled": True}))
    finish(world, offer)
    assert final(world, offer)[0] == "departed"
