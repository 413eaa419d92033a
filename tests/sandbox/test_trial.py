"""The trial of the sandbox: it finds each flag that is missing, and no run begins without it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from phtlab.errors import EngineMissingError
from phtlab.station.executor import docker_executor, sandbox_trial
from phtlab.station.executor.contract import Job
from phtlab.station.executor.docker_executor import DEFAULT_ENGINE, DockerExecutor
from phtlab.station.executor.engine_answers import images_here
from phtlab.station.executor.sandbox_trial import LIMITS, NAME, TRIED, judge_trial
from tests.sandbox.conftest import Open
from tests.station.executor.executor_contract import SCRIPT, anyone, write_inputs
from tests.station.real_world import travel

STATION = f"trial-{secrets.token_hex(4)}"  # other sessions use this engine too

HELD: dict[str, Any] = {
    **dict.fromkeys(("root", "inputs"), "EROFS"),
    **dict.fromkeys(("tmp", "tmp files", "output quota", "output files"), "ENOSPC"),
    **dict.fromkeys(("tmp programs", "output programs"), "EACCES"),
    "network": "ENETUNREACH",
    "interfaces": "lo",
    "user": "65532",
    "capabilities": "0000000000000000",
    "privileges": "1",
    "calls": "",
    "open files": "EMFILE",
    "file size": "EFBIG",
    "core": "(0, 0)",
    "processes": "EAGAIN",
    "memory": "killed",
    "processors": 6,
    "log": 20_000,
}


def test_all_held_is_one_sentence() -> None:
    (result,) = judge_trial(HELD)
    assert (result.ok, result.name) == (True, "sandbox")
    assert set(HELD) == set(TRIED)


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("answer", ["allowed", None, [], {"a": 1}, True])
def test_another_answer_names_the_limit_and_how_to_repair_it(name: str, answer: object) -> None:
    (result,) = judge_trial({**HELD, name: answer})
    assert (result.ok, result.name) == (False, f"limit: {name}")
    assert result.sentence.endswith(".")
    assert result.advice


@pytest.mark.parametrize("name", TRIED)
def test_an_answer_that_is_missing_is_no_yes(name: str) -> None:
    (result,) = judge_trial({key: value for key, value in HELD.items() if key != name})
    assert result.name == f"limit: {name}"


def test_open_calls_are_named() -> None:
    (result,) = judge_trial({**HELD, "calls": "AF_VSOCK, ptrace"})
    assert result.sentence.endswith("refuses: AF_VSOCK, ptrace.")


def test_a_runtime_that_goes_down_with_the_trial_is_named_with_the_limit() -> None:
    found = {name: answer for name, answer in HELD.items() if name != "processes"}
    down, *more = judge_trial({**found, "log": 0, "trying": "processes"})
    assert (down.ok, down.name, more) == (False, "limit: processes", [])
    assert "went down" in down.sentence
    memory, down = judge_trial({**found, "memory": "allowed", "trying": "processes"})
    assert (memory.name, down.name) == ("limit: memory", "limit: processes")


def test_an_image_to_try_with_is_one_of_trains_or_kernels() -> None:
    digest = "sha256:" + "a" * 64
    other, ours = f"127.0.0.1:5000/library/x@{digest}", f"127.0.0.1:5000/kernels/python@{digest}"
    assert images_here([{"RepoDigests": None}, {"RepoDigests": [other]}]) == []
    assert images_here([{"RepoDigests": [other]}, {"RepoDigests": [ours]}]) == [ours]


Take = Callable[[dict[str, Any]], None]


def _unset(key: str, value: object) -> Take:
    def take(body: dict[str, Any]) -> None:
        body["HostConfig"][key] = value

    return take


def _unlimit(name: str, value: int) -> Take:
    def take(body: dict[str, Any]) -> None:
        limits = [limit for limit in body["HostConfig"]["Ulimits"] if limit["Name"] != name]
        body["HostConfig"]["Ulimits"] = [*limits, {"Name": name, "Soft": value, "Hard": value}]

    return take


def _tmp(body: dict[str, Any]) -> None:
    body["HostConfig"]["Tmpfs"] = {"/tmp": "rw,exec,mode=0777"}


def _inputs(body: dict[str, Any]) -> None:
    body["HostConfig"]["Mounts"][0]["ReadOnly"] = False
    Path(body["HostConfig"]["Mounts"][0]["Source"]).chmod(0o777)


def _seccomp(body: dict[str, Any]) -> None:
    body["HostConfig"]["SecurityOpt"][-1] = "seccomp=unconfined"


def _network(body: dict[str, Any]) -> None:
    body["NetworkDisabled"] = False
    body["HostConfig"]["NetworkMode"] = "host"


def _root(body: dict[str, Any]) -> None:
    """As an image's user and with its capabilities."""
    body["User"] = "0:0"
    body["HostConfig"].update({"ReadonlyRootfs": False, "CapDrop": []})


TAKEN: dict[str, tuple[Take, set[str]]] = {
    "memory": (lambda body: body["HostConfig"].update(Memory=0, MemorySwap=0), {"memory"}),
    "pids": (_unset("PidsLimit", 0), {"processes"}),
    "processors": (_unset("NanoCpus", 0), {"processors"}),
    "seccomp": (_seccomp, {"calls"}),
    "privileges": (
        lambda body: body["HostConfig"]["SecurityOpt"].remove("no-new-privileges"),
        {"privileges"},
    ),
    "open files": (_unlimit("nofile", 4096), {"open files"}),
    "file size": (_unlimit("fsize", -1), {"file size"}),
    "core": (_unlimit("core", 10_000), {"core"}),
    "tmp": (_tmp, {"tmp", "tmp files", "tmp programs"}),
    "inputs": (_inputs, {"inputs"}),
    "log": (_unset("LogConfig", {"Type": "json-file", "Config": {}}), {"log"}),
    "network": (_network, {"interfaces"}),
    "root": (_root, {"root", "user", "capabilities"}),
}


@pytest.fixture
def executor(kernel_image: str, tmp_path: Path) -> Iterator[DockerExecutor]:
    executor = DockerExecutor(tmp_path / "runs", station=STATION)
    yield executor
    executor.close()


def tried_without(
    executor: DockerExecutor, monkeypatch: pytest.MonkeyPatch, *takes: Take
) -> set[str]:
    """The limits that a trial finds broken when the flags are taken away."""
    whole = sandbox_trial.container_body

    def body(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        made = whole(*arguments, **keywords)
        for take in takes:
            take(made)
        return made

    monkeypatch.setattr(sandbox_trial, "container_body", body)
    results = [result for result in executor.check() if not result.ok]
    monkeypatch.undo()
    assert all(result.advice for result in results)
    return {result.name.removeprefix("limit: ") for result in results}


@pytest.mark.engine
def test_a_trial_holds_here_and_leaves_nothing(executor: DockerExecutor, tmp_path: Path) -> None:
    assert [result for result in executor.check() if not result.ok] == []
    assert executor.jobs() == frozenset()
    assert list((tmp_path / "runs").iterdir()) == []
    api = docker.APIClient(base_url=DEFAULT_ENGINE, version="auto")
    try:
        assert api.containers(all=True, filters={"label": f"phtlab.station={STATION}"}) == []
    finally:
        api.close()


@pytest.mark.engine
def test_a_trial_finds_every_flag_that_is_missing(
    executor: DockerExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but root's, which would get past others: the long form takes them one by one."""
    takes = {name: taken for name, taken in TAKEN.items() if name != "root"}
    broken = set().union(*(limits for _, limits in takes.values()))
    found = tried_without(executor, monkeypatch, *(take for take, _ in takes.values()))
    assert found >= broken
    assert "sandbox" not in found


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.parametrize("flag", TAKEN)
def test_a_trial_names_the_limit_whose_flag_is_missing(
    executor: DockerExecutor, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    take, broken = TAKEN[flag]
    found = tried_without(executor, monkeypatch, take)
    assert found >= broken
    if flag not in ("root", "network"):
        assert found == broken


@pytest.mark.engine
def test_what_a_station_left_that_died_within_a_trial_goes_with_the_next(
    executor: DockerExecutor, tmp_path: Path
) -> None:
    place = tmp_path / "runs" / NAME
    place.mkdir(parents=True)
    executor._volumes.create(place / "run", LIMITS)
    assert executor.jobs() == frozenset()
    assert all(result.ok for result in executor.check())
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.engine
def test_no_run_begins_on_an_engine_that_does_not_hold_a_limit(
    open_world: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory, say. The researcher reads that it cannot; the operator, why and what to do."""
    monkeypatch.setattr(docker_executor, "_HELD", set())
    whole = sandbox_trial.container_body

    def body(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        made = whole(*arguments, **keywords)
        made["HostConfig"].update(Memory=0, MemorySwap=0)
        return made

    monkeypatch.setattr(sandbox_trial, "container_body", body)
    with open_world() as world:
        record = travel(world, world.offer())
        assert (record.outcome, record.code) == ("failed", "sandbox")
        assert world.executor.jobs() == frozenset()
    assert "Ask its operator" in record.sentence


@pytest.mark.engine
def test_an_engine_is_tried_once_a_process_and_again_when_it_was_away(
    kernel_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: set[tuple[str, str, str]] = set()
    monkeypatch.setattr(docker_executor, "_HELD", held)
    tries = []
    whole = docker_executor.try_sandbox

    def count(*arguments: Any, **keywords: Any) -> Any:
        tries.append(1)
        return whole(*arguments, **keywords)

    monkeypatch.setattr(docker_executor, "try_sandbox", count)
    inputs = write_inputs(tmp_path, "pass")
    runs = DockerExecutor(tmp_path / "runs", station=STATION, entrypoint=SCRIPT)
    try:
        for number in range(2):
            runs.start(Job(f"stop-{number}", kernel_image, inputs), anyone)
        assert len(tries) == 1
        assert held == {(DEFAULT_ENGINE, "runc", "LoopbackVolumes")}
        monkeypatch.setattr(docker_executor, "check_socket", hang_up)
        with pytest.raises(EngineMissingError):
            runs.status("stop-1")
        assert held == set()
    finally:
        monkeypatch.undo()
        for job in runs.jobs():
            runs.remove(job)
        runs.close()


def hang_up(address: str) -> None:
    raise ConnectionError(address)
