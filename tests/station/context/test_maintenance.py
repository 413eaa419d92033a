"""A paused station begins nothing new, goes on with what it has begun, and says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.cli.station.maintenance import moment
from phtlab.errors import StationError
from phtlab.station.context import maintenance
from phtlab.station.context.maintenance import closed, pause, pause_of, resume, within
from phtlab.station.context.self_test_result import (
    SelfTestSchedule,
    keep_report,
    last_report,
    report_of,
)
from phtlab.station.executor.contract import CheckResult
from tests.raising import raises_code
from tests.station.station_world import FakeRun, World, make_world

SUNDAY = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    return world


def test_a_paused_station_begins_nothing_and_what_waits_begins_when_it_is_resumed(
    world: World,
) -> None:
    daemon, offer = world.daemon(), world.offer()
    pause(daemon.station, by="grace", reason="A new disk")
    daemon.receive(offer)
    for _ in range(5):
        daemon.step()
    assert world.stop(offer).state == "verified"
    assert world.scripted.started == []
    resume(daemon.station, by="grace")
    daemon.step()
    assert world.stop(offer).state == "admitted"
    pause(daemon.station, by="grace", reason="Once more")
    daemon.step()
    assert world.scripted.started == []
    resume(daemon.station, by="grace")
    assert world.travel(offer).outcome == "departed"


def test_what_runs_goes_on_through_a_pause_and_is_awaited(world: World) -> None:
    world.scripted.script = FakeRun(files=world.scripted.script.files, lasts=True)
    offer = world.offer()
    daemon = world.begun(offer, steps=5)
    station = daemon.station
    pause(station, by="grace", reason="Updates")
    assert maintenance.running_stops(station.stops) == [offer.journey]
    world.scripted.stop(world.stop(offer).job_id)
    for _ in range(10):
        daemon.step()
    assert world.stop(offer).is_reported
    assert maintenance.running_stops(station.stops) == []


def test_an_order_that_expires_during_a_pause_is_refused_with_a_reason(world: World) -> None:
    daemon, offer = world.daemon(), world.offer()
    pause(daemon.station, by="grace", reason="Holidays")
    daemon.receive(offer)
    daemon.step()
    world.ahead = timedelta(days=8)
    record = world.travel(offer)
    assert (record.outcome, record.code) == ("refused", "order-expired")
    assert "nothing new began" in record.sentence


def test_a_pause_ends_by_itself_at_its_time(world: World) -> None:
    station = world.station()
    pause(station, by="grace", reason="An hour", until=world.now() + timedelta(hours=1))
    assert closed(station)
    world.ahead = timedelta(hours=1, seconds=1)
    assert closed(station) is None


def test_a_pause_is_told_to_central_and_so_is_its_end(world: World) -> None:
    daemon = world.daemon()
    pause(daemon.station, by="grace", reason="A new disk")
    daemon.publish()
    daemon.publish()
    resume(daemon.station, by="grace")
    daemon.publish()
    assert [profile.paused for profile in world.central.profiles] == ["Paused: A new disk", ""]


def test_who_paused_and_resumed_is_in_the_log(world: World) -> None:
    station = world.station()
    pause(station, by="grace", reason="A new disk")
    resume(station, by="alan")
    assert [(entry.action, entry.actor) for entry in station.audit.entries()] == [
        ("station-paused", "grace"),
        ("station-resumed", "alan"),
    ]


def test_a_pause_that_cannot_be_read_stops_as_well_and_ends_no_stop(world: World) -> None:
    daemon, offer = world.daemon(), world.offer()
    world.folder.pause.write_text("{")
    daemon.receive(offer)
    for _ in range(3):
        daemon.step()
    assert world.stop(offer).state == "verified"
    with raises_code(StationError, "pause"):
        pause_of(world.folder)
    world.folder.pause.unlink()
    world.ahead = timedelta(minutes=2)
    assert world.travel(offer).outcome == "departed"


def test_a_pause_has_a_reason_and_an_end_to_come(world: World) -> None:
    station = world.station()
    with raises_code(StationError, "pause-reason"):
        pause(station, by="grace", reason=" ")
    with raises_code(StationError, "pause-over"):
        pause(station, by="grace", reason="x", until=world.now())
    with raises_code(StationError, "pause-none"):
        resume(station, by="grace")


@pytest.mark.parametrize(
    ("window", "local", "inside"),
    [
        ("sun 02:00-04:00", SUNDAY.replace(hour=3), True),
        ("sun 02:00-04:00", SUNDAY.replace(hour=4), False),
        ("sat 02:00-04:00", SUNDAY.replace(hour=3), False),
        ("sat 23:00-01:00", SUNDAY.replace(minute=30), True),
        ("sun 23:00-01:00", SUNDAY.replace(minute=30), False),
        ("daily 23:00-01:00", SUNDAY.replace(minute=30), True),
        ("daily 00:00-00:00", SUNDAY.replace(hour=12), True),
    ],
)
def test_a_window(window: str, local: datetime, inside: bool) -> None:
    assert within(window, local) is inside


def test_within_a_window_nothing_begins(world: World) -> None:
    settings = world.settings.model_copy(update={"maintenance": ("daily 00:00-00:00",)})
    world.settings = settings
    daemon, offer = world.daemon(), world.offer()
    daemon.receive(offer)
    for _ in range(3):
        daemon.step()
    assert world.stop(offer).state == "verified"
    assert (why := closed(daemon.station)) and why.cause == "window"


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2028, 1, 1)))
def test_a_time_of_day_is_the_next_one(now: datetime) -> None:
    now = now.replace(tzinfo=UTC)
    ends = moment("18:00", now)
    assert now < ends <= now + timedelta(days=1)
    assert (ends.hour, ends.minute) == (18, 0)


def test_a_time_that_is_none_is_refused() -> None:
    with raises_code(StationError, "pause-time"):
        moment("soon", SUNDAY)


# What a self-test found


def found(world: World, name: str, *, ok: bool = False) -> None:
    results = [CheckResult(name, ok, "A sentence.", "A command")]
    keep_report(world.folder, report_of(world.settings, results, world.now()))


@pytest.mark.parametrize("name", ["limit: memory", "sandbox", "clock", "key on the roster"])
def test_what_makes_a_run_unsafe_stops_new_ones_until_a_self_test_finds_it_mended(
    world: World, name: str
) -> None:
    station = world.station()
    found(world, name)
    assert (why := closed(station)) and why.cause == "self-test"
    assert name not in why.reason  # researchers read it
    found(world, name, ok=True)
    assert closed(station) is None


@pytest.mark.parametrize("name", ["data set heart", "registry", "policy", "container engine"])
def test_what_harms_no_run_stops_none(world: World, name: str) -> None:
    found(world, name)
    assert closed(world.station()) is None


@pytest.mark.parametrize("written", ["", "[]", "{}"])
def test_a_report_that_is_damaged_stops_new_runs_until_the_station_is_tested_anew(
    world: World, written: str
) -> None:
    assert last_report(world.folder) is None
    world.folder.self_test.write_text(written)
    assert (report := last_report(world.folder)) and report.damaged
    assert (why := closed(world.station())) and why.cause == "self-test"
    assert nightly(world).due()
    found(world, "registry")
    assert closed(world.station()) is None


def nightly(world: World, **changed: object) -> SelfTestSchedule:
    changes = {"self_test_at": "03:30", "self_test_jitter": 0, **changed}
    world.settings = world.settings.model_copy(update=changes)
    return SelfTestSchedule(world.station(), zone=lambda moment: moment)


def at(world: World, moment: datetime) -> None:
    world.ahead = moment - datetime.now(UTC)


def test_the_nightly_self_test_is_due_once_a_day(world: World) -> None:
    at(world, SUNDAY.replace(hour=2))
    plan = nightly(world)
    assert not plan.due()
    at(world, SUNDAY.replace(hour=3, minute=31))
    assert plan.due()
    found(world, "policy")
    assert not plan.due()
    at(world, SUNDAY.replace(hour=23))
    assert not plan.due()
    at(world, SUNDAY.replace(hour=3, minute=31) + timedelta(days=1))
    assert plan.due()


def test_a_station_that_was_off_at_its_time_tests_itself_as_it_begins(world: World) -> None:
    at(world, SUNDAY.replace(hour=12))
    found(world, "policy")
    at(world, SUNDAY.replace(hour=12) + timedelta(days=2))
    assert nightly(world).due()


def test_while_new_runs_are_stopped_it_looks_again_soon(world: World) -> None:
    at(world, SUNDAY.replace(hour=12))
    found(world, "clock")
    plan = nightly(world)
    assert not plan.due()
    at(world, SUNDAY.replace(hour=12, minute=11))
    assert plan.due()


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(days=1), timedelta(days=400)])
def test_what_a_clock_that_was_ahead_found_is_looked_at_again_once_it_is_right(
    world: World, ahead: timedelta
) -> None:
    at(world, SUNDAY.replace(hour=12) + ahead)
    found(world, "clock")
    at(world, SUNDAY.replace(hour=12))
    plan = nightly(world)
    assert plan.due()
    found(world, "policy")
    assert not plan.due()


def test_without_a_time_there_is_no_nightly_test(world: World) -> None:
    found(world, "policy")
    world.ahead = timedelta(days=9)
    assert not nightly(world, self_test_at="").due()


def test_a_station_tests_itself_a_little_later_than_others_but_always_the_same(
    world: World,
) -> None:
    one = nightly(world, self_test_jitter=30)
    assert timedelta(0) <= one._later() <= timedelta(minutes=30)
    assert one._later() == nightly(world, self_test_jitter=30)._later()


def test_status_says_why_nothing_begins(world: World) -> None:
    from typer.testing import CliRunner

    from phtlab.cli.station.commands import app

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "-C", str(world.folder.path)])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    run("pause", "--reason", "A new disk", "--by", "grace", "--drain")
    assert json.loads(run("status", "--json"))["closed"] == "cleveland is paused: A new disk"
    run("resume", "--by", "grace")
    found(world, "data set heart")
    status = json.loads(run("status", "--json"))
    assert (status["closed"], status["broken"]) == (None, "data set heart")
    assert status["self_test"].endswith("1 broken of 1 things.")
