"""The executor on this machine's Docker engine.

A job's state is one container, found by name, and one folder with the output volume. The executor
stores nothing else, in memory or on disk.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from phtlab.errors import (
    DataSetError,
    EngineMissingError,
    PhtlabError,
    SandboxError,
    TrialUnfinishedError,
)
from phtlab.station.executor.contract import (
    JOB_ID,
    MIB,
    CheckResult,
    Executor,
    InstalledKernel,
    Job,
    JobStatus,
    RegistryAuth,
    Usage,
)
from phtlab.station.executor.data_trial import try_reading
from phtlab.station.executor.disk_space import ENGINE_DISK, disk_check, require_free
from phtlab.station.executor.engine_answers import first_user, images_here, kernel_here, status_of
from phtlab.station.executor.engine_check import engine_checks
from phtlab.station.executor.image_pull import engine_message, fetch_image, require_image
from phtlab.station.executor.output_volume import DirectoryVolumes, LoopbackVolumes, OutputVolumes
from phtlab.station.executor.repeated_trial import confirmed, until_finished
from phtlab.station.executor.sandbox import (
    LABEL_JOB,
    LABEL_STATION,
    USER,
    container_body,
    container_name,
)
from phtlab.station.executor.sandbox_trial import (
    refusal,
    remove_container,
    try_sandbox,
)
from phtlab.train.image.image_format import (
    ENTRYPOINT,
)
from phtlab.wire.engine_socket import check_socket

DEFAULT_ENGINE = "unix:///var/run/docker.sock"

OutputVolume = Literal["loopback", "directory"]

_VOLUMES: Mapping[str, Callable[[], OutputVolumes]] = {
    "loopback": LoopbackVolumes,
    "directory": DirectoryVolumes,
}
_IMAGE_BYTES = 256 * MIB
"""Minimum free space: enough for a train's own layer, or a part of a kernel image."""
_AHEAD_BYTES = 4096 * MIB
"""Free space below which no image is fetched ahead: a large one and its unpacking leave some."""

# Engines whose sandbox passed a trial in this process, by address, runtime and kind of volume; an
# engine that was unreachable since is tried again.
_HELD: set[tuple[str, str, str]] = set()
_TRIAL = threading.Lock()


class DockerExecutor(Executor):
    """Runs each job in one container of the engine at ``engine``.

    ``root`` holds a folder per job and is accessible to the station only (0700). ``runtime`` is a
    runtime that the engine knows, such as runc or runsc. ``output_volume`` is ``loopback``, which
    enforces the quota and needs root, or ``directory``, which does not enforce it. ``groups`` are
    supplementary group ids of every run.
    """

    def __init__(
        self,
        root: Path,
        *,
        station: str,
        engine: str = DEFAULT_ENGINE,
        output_volume: OutputVolume = "loopback",
        runtime: str = "runc",
        groups: Sequence[int] = (),
        entrypoint: Sequence[str] = ENTRYPOINT,
    ) -> None:
        self._root = root.absolute()
        self._station = station
        self._address = engine
        self._volumes = _VOLUMES[output_volume]()
        self._runtime = runtime
        self._groups = tuple(groups)
        self._entrypoint = tuple(entrypoint)
        self._client: docker.APIClient | None = None
        self._first_user: int | None = None

    def check(self) -> tuple[CheckResult, ...]:
        try:
            with self._engine() as engine:
                version, info = engine.version(), engine.info()
        except EngineMissingError as error:
            missing = CheckResult("container engine", False, error.message, error.hint)
            return missing, self._volumes.check()
        own_outcome = (
            *engine_checks(version, info, runtime=self._runtime, address=self._address),
            self._volumes.check(),
            disk_check(ENGINE_DISK, Path(info["DockerRootDir"]), needed=_IMAGE_BYTES),
        )
        return *own_outcome, *self._tried()

    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        with self._engine() as engine:
            found = self._inspect(engine, job.id)
            if found is not None and not _never_begun(found):
                return
            _demand_paths(job)
            fetch_image(engine, job.image, authorize)
            self._require_tried(engine, job.image)
            if found is not None:
                # Prepared by a station that was killed. Its volume's mount may be gone: start over.
                remove_container(engine, found["Id"])
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            output = self._volumes.create(self._folder(job.id), job.limits, self._owner(engine))
            body = container_body(
                job,
                output,
                station=self._station,
                runtime=self._runtime,
                groups=self._groups,
                entrypoint=self._entrypoint,
            )
            try:
                created = engine.create_container_from_config(  # type: ignore[no-untyped-call]
                    body, container_name(self._station, job.id)
                )
                engine.start(created["Id"])
            except APIError as error:
                raise SandboxError(
                    f"The engine did not start job {job.id}: {engine_message(error)}.",
                    "Run 'phtlab station check', which says what is missing.",
                ) from error

    def status(self, job_id: str) -> JobStatus:
        with self._engine() as engine:
            found = self._inspect(engine, job_id)
        return JobStatus("absent") if found is None else status_of(found["State"])

    def stop(self, job_id: str) -> None:
        with self._engine() as engine:
            found = self._inspect(engine, job_id)
            if found is None or not found["State"]["Running"]:
                return
            with suppress(NotFound):
                engine.stop(found["Id"], timeout=found["Config"].get("StopTimeout", 10))

    def outputs(self, job_id: str) -> Path:
        return self._volumes.path(self._folder(job_id))

    def logs(self, job_id: str) -> bytes:
        with self._engine() as engine:
            found = self._inspect(engine, job_id)
            if found is None or _never_begun(found):
                return b""
            cap = int(found["HostConfig"]["LogConfig"]["Config"]["max-size"])
            content: bytes = engine.logs(found["Id"])
        return content[-cap:]

    def remove(self, job_id: str) -> None:
        with self._engine() as engine:
            if (found := self._inspect(engine, job_id)) is not None:
                remove_container(engine, found["Id"])
        self._volumes.remove(self._folder(job_id))

    def jobs(self) -> frozenset[str]:
        with self._engine() as engine:
            named = engine.containers(
                all=True, filters={"label": f"{LABEL_STATION}={self._station}"}
            )
        # Another consortium's station on this engine may have the same name.
        mine = (container for container in named if self._writes_here(container))
        folders = self._root.iterdir() if self._root.is_dir() else ()
        return frozenset(
            name
            for name in (
                *(container["Labels"].get(LABEL_JOB, "") for container in mine),
                *(folder.name for folder in folders),
            )
            if JOB_ID.fullmatch(name)
        )

    def kernels(self) -> tuple[InstalledKernel, ...]:
        found = []
        with self._engine() as engine:
            # Kernel images before the trains that were built on them.
            for image in sorted(images_here(engine.images()), key=lambda name: "/trains/" in name):
                with suppress(NotFound):  # removed meanwhile by another user of the engine
                    kernels = kernel_here(image, engine.inspect_image(image))  # type: ignore[no-untyped-call]
                    if kernels is not None:
                        found.append(kernels)
        return tuple(found)

    def usage(self, job_id: str) -> Usage | None:
        self._folder(job_id)
        with self._engine() as engine:
            try:
                stats = engine.stats(
                    container_name(self._station, job_id), stream=False, one_shot=True
                )
            except NotFound:
                return None
        memory = stats.get("memory_stats", {}).get("usage")
        cpu = stats.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage")
        if memory is None or not cpu:  # the run has ended
            return None
        return Usage(int(memory), int(cpu) / 1e9)

    def has_image(self, reference: str) -> bool:
        with self._engine() as engine:
            try:
                require_image(engine, reference)
            except NotFound:
                return False
        return True

    def fetch(
        self,
        reference: str,
        authorize: Callable[[], RegistryAuth],
        moved: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        with self._engine() as engine:
            require_free(Path(engine.info()["DockerRootDir"]), _AHEAD_BYTES)
            fetch_image(engine, reference, authorize, moved)

    def tried(self) -> bool:
        return self._trial_key in _HELD

    def await_ends(self, seconds: float, report: Callable[[], None]) -> bool:
        now = int(time.time())
        with self._engine() as engine:
            for _ in engine.events(
                since=now - 1,  # what ended between two calls
                until=now + max(1, int(seconds)),
                filters={
                    "type": "container",
                    "event": "die",
                    "label": f"{LABEL_STATION}={self._station}",
                },
                decode=True,
            ):
                report()
        return True

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
            self._first_user = None

    def _writes_here(self, container: Mapping[str, Any]) -> bool:
        place = f"{self._root}/"
        return any(mount.get("Source", "").startswith(place) for mount in container["Mounts"])

    def _tried(self) -> tuple[CheckResult, ...]:
        """Run a trial of the sandbox now, if the engine has an image for it."""
        try:
            with self._engine() as engine:
                if self._image_here(engine) is not None:
                    with _TRIAL:  # a run that needs the first trial waits for it
                        return self._trial(engine, lambda: self._image_here(engine))
        except PhtlabError as error:
            # An engine that became unreachable meanwhile gives no verdict either.
            unfinished = isinstance(error, TrialUnfinishedError | EngineMissingError)
            return (
                CheckResult("sandbox", False, error.message, error.hint, unfinished=unfinished),
            )
        return (
            CheckResult(
                "sandbox",
                True,
                "Not tried yet, for want of a kernel image: the first run begins with a trial, "
                "and only if all limits hold.",
            ),
        )

    def unreadable(self, data: Mapping[str, Path]) -> Mapping[str, str]:
        with self._engine() as engine:
            if data and (image := self._image_here(engine)) is not None:
                return until_finished(
                    lambda: try_reading(
                        engine,
                        image,
                        self._root,
                        data,
                        station=self._station,
                        runtime=self._runtime,
                        groups=self._groups,
                    )
                )
        return super().unreadable(data)

    def _image_here(self, engine: docker.APIClient) -> str | None:
        """Return an image that can run a trial, or None."""
        for image in images_here(engine.images()):
            with suppress(NotFound):  # removed meanwhile by another user of the engine
                found = engine.inspect_image(image)  # type: ignore[no-untyped-call]
                if found["Config"].get("Entrypoint") == list(ENTRYPOINT):
                    return image
        return None

    def _require_tried(self, engine: docker.APIClient, image: str) -> None:
        """Require that a trial passed, in this process and since the engine was last unreachable.

        Raises SandboxError (``sandbox-not-held``) if a limit was not enforced, TrialUnfinishedError
        if no trial could be finished.
        """
        if self._trial_key in _HELD:
            return
        with _TRIAL:
            if self._trial_key in _HELD:  # by a trial that this one has waited for
                return
            broken = refusal(self._trial(engine, lambda: image))
        if broken:
            raise SandboxError(
                "No run begins, because the engine does not hold the sandbox.",
                broken,
                code="sandbox-not-held",
            )

    @property
    def _trial_key(self) -> tuple[str, str, str]:
        return self._address, self._runtime, type(self._volumes).__name__

    def _trial(
        self, engine: docker.APIClient, image: Callable[[], str | None]
    ) -> tuple[CheckResult, ...]:
        """What a trial in `image()` found, which is what counts for the next runs.

        Raises TrialUnfinishedError, as `confirmed`.
        """

        def once() -> tuple[CheckResult, ...]:
            if (name := image()) is None:
                raise TrialUnfinishedError(
                    "No trial was made: the kernel image was removed from the engine meanwhile.",
                    "Try again: phtlab station check",
                )
            return try_sandbox(
                engine,
                name,
                self._root,
                station=self._station,
                runtime=self._runtime,
                volumes=self._volumes,
                groups=self._groups,
                owner=self._owner(engine),
            )

        found = confirmed(once)
        if refusal(found):
            _HELD.discard(self._trial_key)
        else:
            _HELD.add(self._trial_key)
        return found

    def _owner(self, engine: docker.APIClient) -> int:
        """Return the host's user id of the run; queried once per engine."""
        if self._first_user is None:
            self._first_user = first_user(engine.info())
        return self._first_user + USER

    def _folder(self, job_id: str) -> Path:
        if not JOB_ID.fullmatch(job_id):  # the id becomes a path that is deleted
            raise SandboxError(f"{job_id!r} is not a job id.", code="sandbox-job")
        return self._root / job_id

    def _inspect(self, engine: docker.APIClient, job_id: str) -> dict[str, Any] | None:
        self._folder(job_id)
        try:
            found: dict[str, Any] = engine.inspect_container(container_name(self._station, job_id))
        except NotFound:
            return None
        return found

    @contextmanager
    def _engine(self) -> Iterator[docker.APIClient]:
        """Yield the engine's API; its connection and server errors become EngineMissingError."""
        try:
            check_socket(self._address)
            if self._client is None:
                self._client = docker.APIClient(base_url=self._address, version="auto")
            yield self._client
        except APIError as error:
            if error.status_code is not None and error.status_code < 500:
                raise SandboxError(
                    f"The container engine refused: {engine_message(error)}.",
                    "Run 'phtlab station check', which says what is missing.",
                ) from error
            raise self._missing(engine_message(error)) from error
        except (DockerException, requests.exceptions.RequestException, ConnectionError) as error:
            self.close()
            _HELD.difference_update([held for held in _HELD if held[0] == self._address])
            raise self._missing("") from error

    def _missing(self, message: str) -> EngineMissingError:
        path = Path(self._address.removeprefix("unix://"))
        if message:
            return EngineMissingError(
                f"The container engine at {self._address} failed: {message}.",
                "Look at its log: journalctl -u docker",
            )
        if self._address.startswith("unix://") and path.exists() and not os.access(path, os.W_OK):
            return EngineMissingError(
                f"The container engine at {self._address} may not be used by this user.",
                "Run the station as root, or add its user to the group docker.",
            )
        return EngineMissingError(
            f"The container engine at {self._address} does not answer.",
            "Start it: systemctl start docker",
        )


def _never_begun(found: Mapping[str, Any]) -> bool:
    return status_of(found["State"]).state == "absent"


def _demand_paths(job: Job) -> None:
    if not job.inputs.is_dir():
        raise SandboxError(f"The inputs of job {job.id} are not there: {job.inputs}.")
    for name, path in job.data.items():
        if not path.exists():
            raise DataSetError(
                f"The data set {name} is not at {path}.",
                "Put it there, or correct its path in the data set's description.",
                code="data-set-missing",
            )
