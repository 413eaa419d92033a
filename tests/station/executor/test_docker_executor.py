"""The Docker executor against the real engine; what needs none stands at the end."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import docker
import pytest

from phtlab.errors import (
    EngineMissingError,
    RegistryError,
    RegistryUnreachableError,
    SandboxError,
)
from phtlab.station.executor.contract import Executor, Job, JobStatus, Limits, RegistryAuth
from phtlab.station.executor.docker_executor import DEFAULT_ENGINE, DockerExecutor
from phtlab.station.executor.engine_answers import status_of
from phtlab.station.executor.output_volume import LoopbackVolumes, loop_devices, mounts_at
from phtlab.station.executor.sandbox import container_body, container_name
from tests.limits import LIMIT
from tests.raising import raises_code
from tests.station.executor.executor_contract import (
    SCRIPT,
    ExecutorContract,
    Make,
    anyone,
    ended,
    until,
)

MIB = 1024 * 1024
STATION = f"contract-{secrets.token_hex(4)}"  # other sessions use this engine too


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
class TestDockerExecutor(ExecutorContract):
    @pytest.fixture
    def image(self, kernel_image: str) -> str:
        return kernel_image

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "runs"

    @pytest.fixture
    def make(self, root: Path) -> Iterator[Make]:
        made: list[DockerExecutor] = []

        def at_engine(entrypoint: Sequence[str]) -> DockerExecutor:
            made.append(DockerExecutor(root, station=STATION, entrypoint=entrypoint))
            return made[-1]

        yield at_engine
        for executor in made:
            executor.close()

    @pytest.fixture
    def api(self) -> Iterator[docker.APIClient]:
        api = docker.APIClient(base_url=DEFAULT_ENGINE, version="auto")
        yield api
        api.close()

    def test_this_engine_can_hold_every_limit(self, executor: Executor) -> None:
        assert [result.sentence for result in executor.check() if not result.ok] == []

    def test_runs_of_a_namesake_in_another_folder_are_not_its_own(
        self, executor: Executor, job: Callable[..., Job], tmp_path: Path
    ) -> None:
        executor.start(job("wait_for_ever()"), anyone)
        namesake = DockerExecutor(tmp_path / "elsewhere", station=STATION)
        try:
            assert namesake.jobs() == frozenset()
            assert executor.jobs() == {"stop-1"}
        finally:
            namesake.close()

    def test_what_a_run_uses_is_told_while_it_runs(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        assert executor.usage("stop-1") is None
        executor.start(job("held = bytearray(64 << 20); note('begun'); wait_for_ever()"), anyone)
        until((executor.outputs("stop-1") / "begun").exists, "the run has begun")
        used = executor.usage("stop-1")
        assert used is not None
        assert used.memory_bytes > 64 * MIB
        assert used.cpu_seconds > 0
        executor.stop("stop-1")
        assert executor.usage("stop-1") is None
        with pytest.raises(SandboxError):
            executor.usage("../stop-1")

    # A station killed while it prepared a run

    def test_killed_after_the_volume_was_made(
        self, executor: Executor, job: Callable[..., Job], root: Path
    ) -> None:
        root.mkdir()
        stale = LoopbackVolumes().create(root / "stop-1", Limits()) / "stale"
        stale.touch()
        assert executor.status("stop-1").state == "absent"
        assert executor.jobs() == {"stop-1"}
        executor.start(job("note('found', repr(sorted(os.listdir(OUT))))"), anyone)
        assert ended(executor, "stop-1").exit_code == 0
        assert (executor.outputs("stop-1") / "found").read_text() == "[]"

    def test_killed_within_making_the_volume(
        self, executor: Executor, job: Callable[..., Job], root: Path
    ) -> None:
        (root / "stop-1" / "out").mkdir(parents=True)
        (root / "stop-1" / "volume.img").write_bytes(b"half")
        executor.start(job("note('done')"), anyone)
        assert ended(executor, "stop-1").exit_code == 0

    def test_killed_between_create_and_start(
        self, executor: Executor, job: Callable[..., Job], root: Path, api: docker.APIClient
    ) -> None:
        prepared = job("note('done')")
        executor.start(prepared, anyone)  # so that the image is here
        executor.remove("stop-1")
        root.mkdir(exist_ok=True)
        out = LoopbackVolumes().create(root / "stop-1", Limits())
        body = container_body(prepared, out, station=STATION, entrypoint=SCRIPT)
        api.create_container_from_config(body, container_name(STATION, "stop-1"))
        assert executor.status("stop-1") == JobStatus("absent")
        assert executor.logs("stop-1") == b""
        executor.stop("stop-1")
        executor.start(prepared, anyone)
        assert ended(executor, "stop-1").exit_code == 0
        assert (executor.outputs("stop-1") / "done").exists()

    def test_killed_within_remove(
        self, executor: Executor, job: Callable[..., Job], root: Path, api: docker.APIClient
    ) -> None:
        executor.start(job("wait_for_ever()"), anyone)
        api.remove_container(container_name(STATION, "stop-1"), force=True)
        assert executor.status("stop-1").state == "absent"
        assert executor.jobs() == {"stop-1"}
        executor.remove("stop-1")
        assert executor.jobs() == frozenset()
        assert list(root.iterdir()) == []

    def test_outputs_outlive_a_start_of_the_machine(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        executor.start(job("note('result', 'kept')"), anyone)
        ended(executor, "stop-1")
        out = executor.outputs("stop-1")
        subprocess.run(["umount", out], check=True, timeout=LIMIT)
        assert list(out.iterdir()) == []
        assert (executor.outputs("stop-1") / "result").read_text() == "kept"

    def test_remove_leaves_no_mount_no_loop_device_no_container(
        self, executor: Executor, job: Callable[..., Job], root: Path, api: docker.APIClient
    ) -> None:
        executor.start(job("wait_for_ever()"), anyone)
        image = root / "stop-1" / "volume.img"
        assert (mounts_at(root / "stop-1" / "out"), len(loop_devices(image))) == (1, 1)
        with (executor.outputs("stop-1") / "held").open("w"):  # a reader that is not yet done
            executor.remove("stop-1")
        assert mounts_at(root / "stop-1" / "out") == 0
        until(lambda: not loop_devices(image), "the loop device is free")
        assert list(root.iterdir()) == []
        assert api.containers(all=True, filters={"label": f"phtlab.station={STATION}"}) == []

    def test_jobs_of_another_station_on_this_engine_are_not_ours(
        self, executor: Executor, job: Callable[..., Job], tmp_path: Path
    ) -> None:
        executor.start(job("wait_for_ever()"), anyone)
        other = DockerExecutor(tmp_path / "other", station=f"other-{STATION}", entrypoint=SCRIPT)
        try:
            assert other.jobs() == frozenset()
            other.remove("stop-1")
        finally:
            other.close()
        assert executor.status("stop-1").state == "running"

    # Limits

    def test_out_of_memory_is_told_apart(self, executor: Executor, job: Callable[..., Job]) -> None:
        limits = Limits(memory_bytes=64 * MIB)
        executor.start(job("hoard = [b'x' * (1 << 20) for _ in range(500)]", limits=limits), anyone)
        status = ended(executor, "stop-1")
        assert (status.exit_code, status.oom_killed) == (137, True)

    def test_a_child_out_of_memory_is_seen_though_the_run_goes_on(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            child = os.fork()
            if child == 0:
                with open("/proc/self/oom_score_adj", "w") as file:
                    file.write("1000")
                hoard = [b'x' * (1 << 20) for _ in range(500)]
                os._exit(0)
            print(os.waitpid(child, 0)[1], flush=True)
        """
        executor.start(job(script, limits=Limits(memory_bytes=64 * MIB)), anyone)
        status = ended(executor, "stop-1")
        assert executor.logs("stop-1") == b"9\n"
        assert (status.exit_code, status.oom_killed) == (0, True)

    def test_too_much_output_is_refused_by_the_volume(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            import errno
            written = 0
            for number in range(20):
                try:
                    with open(f"{OUT}/part-{number}", "wb") as file:
                        file.write(bytes(1 << 20))
                    written += 1
                except OSError as error:
                    print(written, errno.errorcode[error.errno], flush=True)
                    break
        """
        executor.start(job(script, limits=Limits(output_bytes=8 * MIB)), anyone)
        ended(executor, "stop-1")
        written, error = executor.logs("stop-1").split()
        assert error == b"ENOSPC"
        assert 8 <= int(written) <= 9

    def test_too_many_files_are_refused_by_the_volume(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            import errno
            for number in range(5000):
                try:
                    open(f"{OUT}/{number}", "w").close()
                except OSError as error:
                    print(number, errno.errorcode[error.errno], flush=True)
                    break
        """
        executor.start(job(script, limits=Limits(output_inodes=100)), anyone)
        ended(executor, "stop-1")
        made, error = executor.logs("stop-1").split()
        assert error == b"ENOSPC"
        assert 100 <= int(made) < 200

    def test_too_many_processes_are_refused(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            import errno
            made = 0
            while True:
                try:
                    if os.fork() == 0:
                        time.sleep(3600)
                    made += 1
                except OSError as error:
                    print(made, errno.errorcode[error.errno], flush=True)
                    break
        """
        executor.start(job(script, limits=Limits(pids=64)), anyone)
        ended(executor, "stop-1")
        made, error = executor.logs("stop-1").split()
        assert error == b"EAGAIN"
        assert int(made) < 64

    def test_a_flood_of_prints_is_cut_and_the_run_goes_on(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            for _ in range(2000):
                sys.stdout.write("x" * 9999 + "\\n")
            print("last", flush=True)
        """
        executor.start(job(script, limits=Limits(log_bytes=100_000)), anyone)
        assert ended(executor, "stop-1").exit_code == 0
        log = executor.logs("stop-1")
        assert len(log) <= 100_000
        assert log.endswith(b"last\n")

    def test_whatever_a_run_leaves_behind_ends_with_it(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        script = """
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    note("alive", str(time.time()))
            until = time.time() + 60
            while not os.path.exists(f"{OUT}/alive") and time.time() < until:
                time.sleep(0.01)
        """
        executor.start(job(script), anyone)
        assert ended(executor, "stop-1").exit_code == 0
        alive = executor.outputs("stop-1") / "alive"
        assert datetime.fromtimestamp(float(alive.read_text()), UTC) <= datetime.now(UTC)
        subprocess.run(
            ["umount", alive.parent], check=True, timeout=LIMIT
        )  # busy, if anyone still wrote
        executor.outputs("stop-1")

    # The image

    def test_an_image_that_the_registry_lacks(
        self, executor: Executor, image: str, tmp_path: Path
    ) -> None:
        unknown = image.partition("@")[0] + "@sha256:" + "0" * 64
        with raises_code(RegistryError, "image-refused"):
            executor.start(Job("stop-1", unknown, tmp_path), anyone)
        assert executor.jobs() == frozenset()

    def test_a_registry_that_does_not_answer(self, executor: Executor, tmp_path: Path) -> None:
        nowhere = "127.0.0.1:1/kernels/python@sha256:" + "0" * 64
        with raises_code(RegistryUnreachableError, "registry-unreachable"):
            executor.start(Job("stop-1", nowhere, tmp_path), anyone)
        assert executor.status("stop-1").state == "absent"

    def test_an_image_that_is_here_asks_for_no_leave(
        self, executor: Executor, job: Callable[..., Job]
    ) -> None:
        executor.start(job("pass"), anyone)
        executor.remove("stop-1")
        asked: list[str] = []

        def ask() -> RegistryAuth:
            asked.append("asked")
            return RegistryAuth("token")

        executor.start(job("pass"), ask)
        assert asked == []

    def test_a_program_that_is_not_there_ends_as_a_failure(
        self, make: Make, job: Callable[..., Job], executor: Executor
    ) -> None:
        make(("no-such-program",)).start(job("pass"), anyone)
        assert ended(executor, "stop-1").exit_code == 127
        assert b"no-such-program" in executor.logs("stop-1")

    def test_what_the_engine_cannot_start_is_said_and_may_be_tried_again(
        self, executor: Executor, job: Callable[..., Job], root: Path
    ) -> None:
        broken = DockerExecutor(root, station=STATION, runtime="no-such-runtime", entrypoint=SCRIPT)
        try:
            for _ in range(2):
                with raises_code(SandboxError, "sandbox-not-held"):
                    broken.start(job("pass"), anyone)
            assert broken.status("stop-1").state == "absent"
            assert [result.name for result in broken.check() if not result.ok] == [
                "container runtime",
                "sandbox",
            ]
        finally:
            broken.close()
        executor.start(job("pass"), anyone)
        assert ended(executor, "stop-1").exit_code == 0


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_plain_folder_takes_outputs_where_no_volume_can_be_mounted(
    tmp_path: Path, kernel_image: str
) -> None:
    inputs = tmp_path / "in"
    inputs.mkdir()
    (inputs / "script.py").write_text("open('/phtlab/out/result', 'w').write('here')")
    executor = DockerExecutor(
        tmp_path / "runs", station=STATION, output_volume="directory", entrypoint=SCRIPT
    )
    try:
        executor.start(Job("stop-1", kernel_image, inputs), anyone)
        ended(executor, "stop-1")
        assert (executor.outputs("stop-1") / "result").read_text() == "here"
        (quota,) = (result for result in executor.check() if result.name == "output quota")
        assert (quota.ok, "not enforced" in quota.sentence) == (False, True)
    finally:
        executor.remove("stop-1")
        executor.close()
    assert list((tmp_path / "runs").iterdir()) == []


class TestWithoutAnEngine:
    @pytest.fixture
    def executor(self, tmp_path: Path) -> DockerExecutor:
        return DockerExecutor(tmp_path, station=STATION, engine=f"unix://{tmp_path}/no.sock")

    def test_every_call_says_how_to_start_it(self, executor: DockerExecutor) -> None:
        for ask in (executor.status, executor.stop, executor.logs, executor.remove):
            with raises_code(EngineMissingError, "engine-missing"):
                ask("stop-1")
        with pytest.raises(EngineMissingError):
            executor.jobs()

    def test_check_reports_it(self, executor: DockerExecutor) -> None:
        engine, _ = executor.check()
        assert not engine.ok
        assert engine.sentence.endswith("does not answer.")
        assert engine.advice == "Start it: systemctl start docker"


def test_an_engine_that_hangs_up_is_missing_and_found_again(tmp_path: Path) -> None:
    """Each call connects anew: a restart of the engine needs no restart of the station."""
    executor = DockerExecutor(tmp_path, station=STATION, engine=f"unix://{tmp_path}/e.sock")
    for _ in range(2):
        with pytest.raises(EngineMissingError):
            executor.status("stop-1")
    assert executor._client is None


@pytest.mark.parametrize(
    ("status", "running", "state"),
    [
        ("created", False, "absent"),
        ("running", True, "running"),
        ("paused", True, "running"),
        ("exited", False, "exited"),
        ("dead", False, "exited"),
        ("removing", False, "exited"),
    ],
)
def test_every_state_of_the_engine_is_one_of_ours(status: str, running: bool, state: str) -> None:
    told = {
        "Status": status,
        "Running": running,
        "OOMKilled": False,
        "ExitCode": 255,
        "StartedAt": "2026-01-02T03:04:05.123456789Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
    }
    ours = status_of(told)
    assert ours.state == state
    assert ours.exit_code == (255 if state == "exited" else None)
    assert ours.finished is None
    if state != "absent":
        assert ours.started == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)
