"""A trial of the sandbox that was cut off is no verdict: it is tried again, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import docker
import pytest

from phtlab.cli.station.commands import _require_able
from phtlab.errors import EngineMissingError, SandboxError, TrialUnfinishedError
from phtlab.station.executor import data_trial, docker_executor, repeated_trial, sandbox_trial
from phtlab.station.executor.contract import CheckResult, Job
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.station.executor.sandbox import container_name
from phtlab.station.executor.unfinished_trial import trial_results
from tests.raising import raises_code
from tests.sandbox.simulated_engine import (
    IMAGE,
    End,
    SimulatedEngine,
    answers,
    endless,
    killed,
    no_image,
    refused,
    removed,
)
from tests.sandbox.test_trial import HELD
from tests.sandbox.trial_killer import killing
from tests.station.executor.executor_contract import SCRIPT, anyone, write_inputs

held = answers(HELD)
broken = answers({**HELD, "network": "allowed"})


def down(limit: str) -> End:
    """Killed, or gone down by itself, while it went past `limit`; what came before held."""
    missing = ("memory", "processes", "log")
    found = {name: answer for name, answer in HELD.items() if name not in missing}
    return answers({**found, "trying": limit}, exit_code=137)


Simulated = Callable[..., tuple[DockerExecutor, SimulatedEngine]]


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    """An executor on an engine whose trials end one after another as the test says."""
    monkeypatch.setattr(docker_executor, "_HELD", set())
    monkeypatch.setattr(repeated_trial, "_PAUSE", 0.0)
    monkeypatch.setattr(docker_executor, "check_socket", lambda address: None)

    def make(*ends: End) -> tuple[DockerExecutor, SimulatedEngine]:
        engine = SimulatedEngine(list(ends))
        executor = DockerExecutor(tmp_path / "runs", station="x", output_volume="directory")
        executor._client = cast(docker.APIClient, engine)
        return executor, engine

    return make


def sandbox_of(executor: DockerExecutor) -> CheckResult:
    (result,) = trial_results(executor.check())
    return result


CUT_OFF = (killed, removed, endless, no_image, down("memory"))


@pytest.mark.parametrize("cut_off", CUT_OFF)
@pytest.mark.parametrize("times", [1, 2])
def test_a_trial_that_is_cut_off_is_tried_again_until_it_answers(
    simulated: Simulated, cut_off: End, times: int
) -> None:
    executor, engine = simulated(*[cut_off] * times, held)
    result = sandbox_of(executor)
    assert (result.name, result.ok, result.unfinished) == ("sandbox", True, False)
    assert engine.started.count("trial") == (1 if cut_off is no_image else times + 1)


@pytest.mark.parametrize("cut_off", [killed, removed, endless, no_image])
def test_a_trial_that_is_cut_off_each_time_is_unfinished_and_no_verdict(
    simulated: Simulated, cut_off: End
) -> None:
    executor, _ = simulated(cut_off)
    result = sandbox_of(executor)
    assert (result.name, result.ok, result.unfinished) == ("sandbox", False, True)
    assert "cut off" in result.sentence
    assert result.advice


def test_one_that_is_killed_while_it_tries_a_limit_is_no_verdict_on_the_limit(
    simulated: Simulated,
) -> None:
    executor, _ = simulated(down("memory"), killed, down("processes"))
    assert sandbox_of(executor).unfinished


def test_one_that_is_killed_before_it_fills_the_log_is_no_verdict_on_the_log(
    simulated: Simulated,
) -> None:
    whole = answers(HELD, exit_code=137, log=b"")
    assert sandbox_of(simulated(whole, whole, held)[0]).ok
    assert sandbox_of(simulated(whole, whole, killed)[0]).unfinished


def test_a_runtime_that_goes_down_at_the_same_limit_each_time_does_not_hold_it(
    simulated: Simulated,
) -> None:
    executor, _ = simulated(down("processes"))
    result = sandbox_of(executor)
    assert (result.name, result.ok, result.unfinished) == ("limit: processes", False, False)


def test_an_answer_that_a_limit_does_not_hold_is_a_verdict_whatever_was_cut_off_between(
    simulated: Simulated,
) -> None:
    executor, _ = simulated(killed, broken, killed, broken)
    result = sandbox_of(executor)
    assert (result.name, result.ok, result.unfinished) == ("limit: network", False, False)


def test_a_runtime_that_starts_no_sandbox_is_a_verdict(simulated: Simulated) -> None:
    executor, engine = simulated(refused)
    result = sandbox_of(executor)
    assert (result.name, result.ok, result.unfinished) == ("sandbox", False, False)
    assert "cannot start the sandbox" in result.sentence
    assert engine.started == []


def test_an_engine_that_goes_away_within_a_trial_has_not_answered(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor, _ = simulated(held)

    def gone(*arguments: Any, **keywords: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(docker_executor, "try_sandbox", gone)
    assert sandbox_of(executor).unfinished


def test_no_run_begins_before_a_trial_has_an_answer(simulated: Simulated, tmp_path: Path) -> None:
    executor, engine = simulated(*[killed] * 3, held)
    job = Job("stop-1", IMAGE, write_inputs(tmp_path, "pass"))
    with pytest.raises(TrialUnfinishedError) as raised:
        executor.start(job, anyone)
    assert not isinstance(raised.value, SandboxError | EngineMissingError)
    assert "run" not in engine.started
    executor.start(job, anyone)
    assert engine.started == [*["trial"] * 4, "run"]


def test_the_trial_of_the_stations_start_counts_for_its_first_run(
    simulated: Simulated, tmp_path: Path
) -> None:
    executor, engine = simulated(held)
    assert sandbox_of(executor).ok
    executor.start(Job("stop-1", IMAGE, write_inputs(tmp_path, "pass")), anyone)
    assert engine.started == ["trial", "run"]


def test_a_later_trial_that_finds_a_limit_broken_takes_that_back(
    simulated: Simulated, tmp_path: Path
) -> None:
    executor, engine = simulated(held, broken)
    assert sandbox_of(executor).ok
    assert not sandbox_of(executor).ok
    with raises_code(SandboxError, "sandbox-not-held"):
        executor.start(Job("stop-1", IMAGE, write_inputs(tmp_path, "pass")), anyone)
    assert "run" not in engine.started


def test_no_run_begins_after_a_verdict(simulated: Simulated, tmp_path: Path) -> None:
    executor, engine = simulated(broken)
    with pytest.raises(SandboxError):
        executor.start(Job("stop-1", IMAGE, write_inputs(tmp_path, "pass")), anyone)
    assert "run" not in engine.started


def test_a_station_begins_unless_there_is_a_verdict(simulated: Simulated) -> None:
    def of_trial(*ends: End) -> tuple[CheckResult, ...]:
        return trial_results(simulated(*ends)[0].check())

    _require_able(of_trial(held), "cleveland")
    _require_able(of_trial(killed), "cleveland")
    with raises_code(SandboxError, "sandbox"):
        _require_able(of_trial(broken), "cleveland")


# On the real engine


@pytest.fixture
def real(
    kernel_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DockerExecutor]:
    monkeypatch.setattr(docker_executor, "_HELD", set())
    executor = DockerExecutor(tmp_path / "runs", station="cut-off", entrypoint=SCRIPT)
    yield executor
    for job in executor.jobs():
        executor.remove(job)
    executor.close()


HANGS = "import time; time.sleep(600)"
"""In a trial's place, so that whoever kills it is never late."""


@pytest.mark.engine
def test_while_each_trial_is_killed_no_run_begins_and_once_none_is_it_does(
    real: DockerExecutor, kernel_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job("stop-1", kernel_image, write_inputs(tmp_path, "pass"))
    with monkeypatch.context() as patch, killing(container_name("cut-off", sandbox_trial.NAME)):
        patch.setattr(sandbox_trial, "_COMMAND", ("python3", "-c", HANGS))
        assert sandbox_of(real).unfinished
        with raises_code(TrialUnfinishedError, "trial-unfinished"):
            real.start(job, anyone)
        assert real.status("stop-1").state == "absent"
    assert sandbox_of(real).ok
    real.start(job, anyone)
    assert real.status("stop-1").state != "absent"


@pytest.mark.engine
def test_whether_data_can_be_read_is_no_verdict_if_each_trial_of_it_is_killed(
    real: DockerExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "heart.csv"
    data.write_text("age\n40\n")
    data.chmod(0o600)
    with monkeypatch.context() as patch, killing(container_name("cut-off", data_trial.NAME)):
        patch.setattr(data_trial, "_SCRIPT", HANGS)
        with raises_code(TrialUnfinishedError, "trial-unfinished"):
            real.unreadable({"heart": data})
    assert real.unreadable({"heart": data}) == {"heart": "heart/heart.csv"}
