"""What every executor must do: a suite to inherit from, with two fixtures to give.

``make(entrypoint)`` makes an executor; made again it is the one of a station that
was killed and started anew. ``image`` is an image, by digest, that has python3.
"""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phtlab.errors import DataSetError, SandboxError
from phtlab.station.executor.contract import Executor, Job, JobStatus, Limits, RegistryAuth
from tests.limits import LIMIT
from tests.raising import raises_code

SCRIPT = ("python3", "/phtlab/in/script.py")
PRELUDE = """
import json, os, signal, sys, time
OUT = os.environ.get("PHTLAB_OUT", "/phtlab/out")
IN = os.environ.get("PHTLAB_IN", "/phtlab/in")
def wait_for_ever():
    while True:
        time.sleep(0.05)
def note(name, text=""):
    with open(f"{OUT}/{name}.new", "w") as file:
        file.write(text)
    os.replace(f"{OUT}/{name}.new", f"{OUT}/{name}")
"""

Make = Callable[[Sequence[str]], Executor]


def anyone() -> RegistryAuth:
    return RegistryAuth()


def until(true: Callable[[], object], what: str) -> None:
    """Poll; two minutes are for a machine that is busy, not for a run that is slow."""
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def ended(executor: Executor, job_id: str) -> JobStatus:
    until(lambda: executor.status(job_id).state == "exited", f"{job_id} has exited")
    return executor.status(job_id)


def write_inputs(folder: Path, script: str, job: object = None) -> Path:
    """An inputs folder that the run's user can read, with a script to run."""
    inputs = folder / "in"
    inputs.mkdir(parents=True, exist_ok=True)
    inputs.chmod(0o755)
    for name, text in (
        ("script.py", PRELUDE + textwrap.dedent(script)),
        ("job.json", json.dumps(job or {})),
    ):
        (inputs / name).write_text(text)
        (inputs / name).chmod(0o644)
    return inputs


class ExecutorContract:
    """Inherit as a class whose name begins with Test, and give `make` and `image`."""

    @pytest.fixture
    def executor(self, make: Make) -> Iterator[Executor]:
        executor = make(SCRIPT)
        yield executor
        for job_id in executor.jobs():
            executor.remove(job_id)

    @pytest.fixture
    def job(self, image: str, tmp_path: Path) -> Callable[..., Job]:
        def write(script: str, *, id: str = "stop-1", **fields: object) -> Job:
            description = fields.pop("description", None)
            inputs = write_inputs(tmp_path / id, script, description)
            return Job(id, image, inputs, **fields)  # type: ignore[arg-type]

        return write

    def test_a_job_that_never_began_is_absent(self, executor: Executor) -> None:
        assert executor.status("stop-1") == JobStatus("absent")
        assert executor.logs("stop-1") == b""
        assert executor.jobs() == frozenset()
        executor.stop("stop-1")
        executor.remove("stop-1")
        with raises_code(SandboxError, "outputs-absent"):
            executor.outputs("stop-1")

    def test_a_run_ends_with_its_code_its_log_its_outputs_and_its_times(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        before = datetime.now(UTC)
        executor.start(
            job("note('result', 'here'); print('said', flush=True); sys.exit(3)"), anyone
        )
        status = ended(executor, "stop-1")
        assert (status.exit_code, status.oom_killed) == (3, False)
        assert status.started and status.finished
        assert before <= status.started <= status.finished <= datetime.now(UTC)
        assert executor.logs("stop-1") == b"said\n"
        assert (executor.outputs("stop-1") / "result").read_text() == "here"

    def test_a_job_runs_once_however_often_it_is_started(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            with open(f"{OUT}/runs", "a") as file:
                file.write("run ")
            while not os.path.exists(f"{OUT}/enough"):
                time.sleep(0.01)
        """
        executor.start(job(script), anyone)
        runs = executor.outputs("stop-1") / "runs"
        until(runs.exists, "the run has begun")
        executor.start(job(script), anyone)
        assert executor.status("stop-1").state == "running"
        (runs.parent / "enough").touch()
        first = ended(executor, "stop-1")
        executor.start(job(script), anyone)
        assert executor.status("stop-1") == first
        assert runs.read_text() == "run "

    def test_outputs_are_readable_while_it_runs(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        executor.start(job("note('progress.json', '{\"cell\": 2}'); wait_for_ever()"), anyone)
        progress = executor.outputs("stop-1") / "progress.json"
        until(progress.exists, "progress was written")
        assert json.loads(progress.read_text()) == {"cell": 2}
        assert executor.status("stop-1").state == "running"
        assert executor.status("stop-1").exit_code is None

    def test_a_station_started_anew_finds_the_same_run(
        self, make: Make, executor: Executor, job: Callable[..., Job]
    ) -> None:
        executor.start(job("note('begun'); wait_for_ever()"), anyone)
        until((executor.outputs("stop-1") / "begun").exists, "the run has begun")
        status = executor.status("stop-1")
        executor.close()
        later = make(SCRIPT)
        assert later.jobs() == {"stop-1"}
        assert later.status("stop-1") == status
        assert later.outputs("stop-1") == executor.outputs("stop-1")
        later.stop("stop-1")
        assert executor.status("stop-1").state == "exited"

    def test_the_end_of_a_run_is_reported_once_the_status_says_so(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        states: list[str] = []

        def report() -> None:  # other runs of this station may have ended just before
            states.append(executor.status("stop-1").state)

        executor.start(job("pass"), anyone)
        until(
            lambda: not executor.await_ends(1.0, report) or "exited" in states,
            "the end of the run is reported",
        )

    def test_stop_asks_first(self, executor: Executor, job: Callable[..., Job]) -> None:
        script = """
            def end(*_):
                note("asked")
                sys.exit(7)
            signal.signal(signal.SIGTERM, end)
            note("ready")
            wait_for_ever()
        """
        executor.start(job(script, limits=Limits(grace_seconds=60)), anyone)
        out = executor.outputs("stop-1")
        until((out / "ready").exists, "the run is ready")
        executor.stop("stop-1")
        assert executor.status("stop-1").exit_code == 7
        assert (out / "asked").exists()
        executor.stop("stop-1")
        assert executor.status("stop-1").exit_code == 7

    def test_stop_kills_what_does_not_listen(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            note("ready")
            wait_for_ever()
        """
        executor.start(job(script, limits=Limits(grace_seconds=1)), anyone)
        until((executor.outputs("stop-1") / "ready").exists, "the run is ready")
        executor.stop("stop-1")
        assert executor.status("stop-1").exit_code == 137

    def test_remove_leaves_nothing_and_may_be_repeated(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        executor.start(job("note('begun'); wait_for_ever()"), anyone)
        out = executor.outputs("stop-1")
        for _ in range(2):
            executor.remove("stop-1")
            assert executor.status("stop-1") == JobStatus("absent")
            assert executor.jobs() == frozenset()
            assert not out.exists()

    def test_jobs_do_not_see_each_other(self, executor: Executor, job: Callable[..., Job]) -> None:
        for number in (1, 2):
            executor.start(job(f"note('mine', '{number}')", id=f"stop-{number}"), anyone)
        for number in (1, 2):
            ended(executor, f"stop-{number}")
            assert (executor.outputs(f"stop-{number}") / "mine").read_text() == str(number)
        executor.remove("stop-1")
        assert executor.jobs() == {"stop-2"}
        assert (executor.outputs("stop-2") / "mine").exists()

    @pytest.mark.parametrize("kind", ["file", "folder"])
    def test_the_run_sees_its_data(
        self, executor: Executor, job: Callable[..., Job], tmp_path: Path, kind: str
    ) -> None:
        heart = tmp_path / "heart"
        heart.mkdir()
        heart.chmod(0o755)
        (heart / "heart.csv").write_text("age\n63\n")
        (heart / "heart.csv").chmod(0o644)
        description = {"datasets": {"heart": {"path": "/data/heart/heart.csv"}}}
        script = """
            with open(f"{IN}/job.json") as file:
                path = json.load(file)["datasets"]["heart"]["path"]
            with open(path) as file:
                note("seen", file.read())
        """
        source = heart if kind == "folder" else heart / "heart.csv"
        executor.start(job(script, description=description, data={"heart": source}), anyone)
        assert ended(executor, "stop-1").exit_code == 0, executor.logs("stop-1")
        assert (executor.outputs("stop-1") / "seen").read_text() == "age\n63\n"

    def test_a_missing_data_set_is_named(
        self, executor: Executor, job: Callable[..., Job], tmp_path: Path
    ) -> None:
        gone = tmp_path / "gone.csv"
        with raises_code(DataSetError, "data-set-missing"):
            executor.start(job("pass", data={"heart": gone}), anyone)
        assert executor.status("stop-1").state == "absent"

    def test_the_environment_is_what_was_stated(
        self, executor: Executor, job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STATION_SECRET", "swordfish")
        executor.start(
            job("note('env', json.dumps(dict(os.environ)))", environment={"PHTLAB_ROUND": "2"}),
            anyone,
        )
        ended(executor, "stop-1")
        seen = json.loads((executor.outputs("stop-1") / "env").read_text())
        assert seen["PHTLAB_ROUND"] == "2"
        assert "STATION_SECRET" not in seen

    @pytest.mark.parametrize("bad", ["", "../etc", "a/b", "A", "-a", "x" * 64])
    def test_an_id_that_is_a_path_is_refused_everywhere(self, executor: Executor, bad: str) -> None:
        for method in (executor.status, executor.stop, executor.outputs, executor.remove):
            with raises_code(SandboxError, "sandbox-job"):
                method(bad)
