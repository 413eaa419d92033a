"""A station whose trial of the sandbox was cut off begins nothing new, and tries again."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from phtlab.cli.station.maintenance import maintenance_status
from phtlab.errors import TrialUnfinishedError
from phtlab.station.context.maintenance import closed
from phtlab.station.context.self_test_result import SelfTestSchedule, last_report
from phtlab.station.daemon import trial_retry
from phtlab.station.daemon.trial_retry import retry_trial
from phtlab.station.executor.contract import CheckResult
from phtlab.station.executor.unfinished_trial import keep_unfinished, note_trial, unfinished_trial
from phtlab.station.health import checks
from phtlab.station.health.self_test import run_self_test
from phtlab.station.pipeline.transitions import Transitions
from phtlab.station.stops.marker import Marker
from phtlab.wire.api.journeys import Offer
from tests.e2e.parts import until
from tests.limits import join
from tests.station.station_world import World, make_world

CUT = CheckResult("sandbox", False, "A trial was cut off.", "Check again", unfinished=True)
HELD = CheckResult("sandbox", True, "All held.")
VERDICT = CheckResult("limit: network", False, "A run reaches a network.", "Use runc")


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    world.add_hearts()
    world.settings = world.settings.model_copy(update={"self_test_at": ""})
    return world


def cut_off(world: World) -> None:
    """Each trial is killed: that of a check, and that before a run."""
    world.scripted.trials = [CUT]
    world.scripted.refuses = TrialUnfinishedError("A trial was cut off: it ended with 137. Again")


def answers(world: World, *trials: CheckResult) -> None:
    world.scripted.trials = list(trials)
    world.scripted.refuses = None


def begun(world: World) -> Offer:
    """An order whose run waits for the trial."""
    cut_off(world)
    offer = world.offer()
    world.begun(offer, steps=6)
    assert world.stop(offer).has(Marker.STARTING)
    return offer


def test_a_run_that_waits_for_a_trial_closes_the_station_and_ends_no_stop(world: World) -> None:
    offer = begun(world)
    assert not world.stop(offer).has(Marker.ENDING)
    why = closed(world.station())
    assert why is not None
    assert why.cause == "trial"
    assert "it ended with 137" in why.sentence
    assert "137" not in why.reason  # researchers read it


def test_nothing_new_is_admitted_until_the_trial_has_an_answer(world: World) -> None:
    first = begun(world)
    second = world.offer()
    daemon = world.begun(second, steps=4)
    assert world.stop(second).state == "verified"
    answers(world, HELD)
    assert retry_trial(daemon.station) == ""
    assert closed(daemon.station) is None
    world.ahead = timedelta(seconds=30)
    daemon = world.daemon()
    for _ in range(40):
        daemon.step()
    assert world.stop(first).is_reported
    assert world.stop(second).is_reported
    assert len(world.scripted.started) == 2


def test_central_shows_that_the_station_is_closed_and_that_it_is_open_again(world: World) -> None:
    daemon = world.daemon()
    keep_unfinished(world.folder, "A trial was cut off.", world.now())
    daemon.publish()
    note_trial(world.folder, [HELD], world.now())
    daemon.publish()
    told = [profile.paused for profile in world.central.profiles]
    assert told == ["Whether its sandbox holds is being tried", ""]


def test_a_run_that_never_began_for_want_of_an_answer_ends_when_patience_does(
    world: World,
) -> None:
    offer = begun(world)
    world.ahead = timedelta(seconds=world.settings.engine_patience + 100)
    daemon = world.daemon()
    for _ in range(6):
        daemon.step()
    record = world.record(offer)
    assert (record.outcome, record.code) == ("failed", "trial-unfinished")
    assert world.scripted.started == []


def test_one_that_is_cut_off_again_keeps_the_station_closed_since_the_first(world: World) -> None:
    cut_off(world)
    station = world.station()
    keep_unfinished(world.folder, "A first one was cut off.", world.now())
    first = unfinished_trial(world.folder)
    world.ahead = timedelta(minutes=5)
    assert retry_trial(station) == CUT.sentence
    second = unfinished_trial(world.folder)
    assert first is not None
    assert second is not None
    assert (second.since, second.sentence) == (first.since, CUT.sentence)


def test_an_engine_that_is_away_is_no_answer(world: World) -> None:
    keep_unfinished(world.folder, "A trial was cut off.", world.now())
    world.scripted.missing = True
    assert retry_trial(world.station()) == "Scripted."
    assert unfinished_trial(world.folder) is not None


@pytest.fixture
def scripted_check(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A self-test opens an executor of its own by the settings: let it be the scripted one."""
    monkeypatch.setattr(checks, "open_executor", lambda folder, settings: world.scripted)


@pytest.mark.usefixtures("scripted_check")
def test_a_verdict_takes_the_place_of_the_note_and_stops_new_runs(world: World) -> None:
    keep_unfinished(world.folder, "A trial was cut off.", world.now())
    answers(world, VERDICT)
    assert retry_trial(world.station()) == ""
    assert unfinished_trial(world.folder) is None
    why = closed(world.station())
    assert why is not None
    assert why.cause == "self-test"
    assert VERDICT.sentence in why.sentence


@pytest.mark.usefixtures("scripted_check")
def test_a_self_test_that_was_cut_off_closes_the_station_and_is_renewed_once_there_is_an_answer(
    world: World,
) -> None:
    world.scripted.trials = [CUT]
    station = world.station()
    report = run_self_test(station)
    (found,) = [one for one in report.results if one.name == "sandbox"]
    assert (found.state, found.stops, found.unfinished) == ("broken", False, True)
    assert last_report(world.folder) == report
    assert "self-test train" not in {one.name for one in report.results}
    why = closed(station)
    assert why is not None
    assert why.cause == "trial"
    world.ahead = timedelta(minutes=2)
    assert not SelfTestSchedule(station).due()
    answers(world, HELD)
    assert retry_trial(station) == ""
    assert closed(station) is None
    assert SelfTestSchedule(station).due()


@pytest.mark.parametrize("written", ["", "[]", '{"since": null}'])
def test_a_note_that_is_damaged_keeps_the_station_closed_until_there_is_an_answer(
    world: World, written: str
) -> None:
    world.folder.unfinished_trial.write_text(written)
    assert (why := closed(world.station())) is not None
    assert why.cause == "trial"
    world.scripted.trials = [CUT, HELD]
    assert retry_trial(world.station()) == CUT.sentence
    assert retry_trial(world.station()) == ""
    assert closed(world.station()) is None


def test_status_and_console_read_why_the_station_is_closed(world: World) -> None:
    keep_unfinished(world.folder, "A trial was cut off.", world.now())
    said = maintenance_status(world.folder, world.settings)["closed"]
    assert said is not None
    assert said.startswith("Whether the sandbox holds is not known. A trial was cut off.")


def test_the_running_daemon_tries_again_by_itself_until_there_is_an_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_retry, "_TICK", 0.05)
    keep_unfinished(world.folder, "A trial was cut off.", world.now())
    world.scripted.trials = [CUT, CUT, HELD]
    daemon, enough = world.daemon(), threading.Event()
    with capture_logs() as logs:
        thread = threading.Thread(target=daemon.run, args=(enough,))
        thread.start()
        try:
            until(lambda: unfinished_trial(world.folder) is None, seconds=60)
            offer = world.offer()
            world.central.offer(offer)
            until(lambda: world.stop(offer).is_reported, seconds=60)
        finally:
            enough.set()
            join(thread)
    assert world.record(offer).outcome == "departed"
    told = [line["event"] for line in logs if "trial" in str(line)]
    assert told.count("nothing new begins") >= 1
    assert told.count("trial of the sandbox without an answer") == 2


def test_a_local_train_waits_for_an_answer_and_closes_nothing(world: World) -> None:
    """Whoever started it waits; nobody would open a folder of local trains again."""
    cut_off(world)
    offer = world.offer()
    station = world.station()
    stop = station.stops.open(offer)
    steps = Transitions(station, lambda journey, update: None, lambda: [stop])
    for _ in range(6):
        steps.advance(stop)
    assert stop.has(Marker.STARTING)
    assert not stop.has(Marker.ENDING)
    assert closed(station) is None
    answers(world, HELD)
    world.ahead = timedelta(seconds=30)
    for _ in range(40):
        steps.advance(stop)
    assert world.record(offer).outcome == "departed"
