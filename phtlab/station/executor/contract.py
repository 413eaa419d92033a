"""The executor: one abstract class that runs stops, with docstrings that are its contract.

Modelled on the executor of OpenSAFELY's job-runner: every transition is idempotent, and the state
of a job is derived from what really exists, so that a station killed at any moment resumes by
querying the state again.
"""

from __future__ import annotations

import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from phtlab.errors import SandboxError

MIB = 1024 * 1024

JOB_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
IMAGE = re.compile(r"[a-z0-9.:\-\[\]]+/[a-z0-9._/\-]+@sha256:[0-9a-f]{64}")
_DATA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of one run. Sizes are in bytes, times in seconds of wall clock."""

    memory_bytes: int = 1024 * MIB
    """Memory of all processes, including swap and /tmp."""
    cpus: float = 1.0
    pids: int = 256
    seconds: int = 3600
    """The station stops the run after ``seconds + grace_seconds``."""
    grace_seconds: int = 5
    """Time between SIGTERM and SIGKILL."""
    output_bytes: int = 64 * MIB
    output_inodes: int = 1024
    tmp_bytes: int = 256 * MIB
    tmp_inodes: int = 65536
    file_bytes: int = 64 * MIB
    """The largest single file, wherever it is written."""
    open_files: int = 1024
    log_bytes: int = MIB
    gpus: int = 0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            least = 0 if name in ("gpus", "grace_seconds") else 1
            if value <= 0 if name == "cpus" else value < least:
                raise SandboxError(
                    f"The limit {name} is {value}, which is not a limit.",
                    f"Give a value of at least {least} in the station's settings.",
                    code="sandbox-limit",
                )


@dataclass(frozen=True, slots=True)
class Job:
    """One run: everything an executor needs, and nothing about the run's purpose."""

    id: str
    """Lower-case letters, digits and hyphens; each id is run at most once."""
    image: str
    """``host:port/repository@sha256:…``; never a tag."""
    inputs: Path
    """Mounted read-only at /phtlab/in. User 65532 must be able to read it."""
    data: Mapping[str, Path] = field(default_factory=dict)
    """A folder is mounted at /data/<name>; a file at /data/<name>/<its file name>."""
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not JOB_ID.fullmatch(self.id):
            raise SandboxError(
                f"{self.id!r} is not a job id.",
                "Use lower-case letters, digits and hyphens.",
                code="sandbox-job",
            )
        if not IMAGE.fullmatch(self.image):
            raise SandboxError(
                f"The image {self.image!r} of job {self.id} is not named by digest.",
                "Name it as host:port/repository@sha256:…",
                code="sandbox-image",
            )
        for name in self.data:
            if not _DATA_NAME.fullmatch(name):
                raise SandboxError(
                    f"{name!r} cannot name a data set in the sandbox of job {self.id}.",
                    "Use letters, digits, points, hyphens and underscores.",
                    code="sandbox-data-set",
                )
        for name, value in self.environment.items():
            if not _VARIABLE.fullmatch(name) or "\0" in value:
                raise SandboxError(
                    f"{name!r} cannot be an environment variable of job {self.id}.",
                    "Use upper-case letters, digits and underscores.",
                    code="sandbox-environment",
                )


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """Authorisation to pull one image: a bearer token, or None for an open registry."""

    token: str | None = None

    def __repr__(self) -> str:
        return "RegistryAuth(token=…)" if self.token else "RegistryAuth(token=None)"


State = Literal["absent", "running", "exited"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job's status as the engine reports it; the run's own report is in its run.json.

    ``exit_code`` is None unless the job exited. ``oom_killed`` is true if the kernel killed any
    process of the run for lack of memory, even if the run continued. Times are in UTC.
    """

    state: State
    exit_code: int | None = None
    oom_killed: bool = False
    started: datetime | None = None
    finished: datetime | None = None


CheckState = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource usage of a run: memory of all its processes now, and CPU time since its start."""

    memory_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check of the station: whether it passed, and how to repair it if not.

    A `warning` passed, but will fail in time. An `unfinished` check was interrupted: it is not ok,
    and gives no verdict.
    """

    name: str
    ok: bool
    sentence: str
    advice: str = ""
    warning: bool = False
    unfinished: bool = False

    @property
    def state(self) -> CheckState:
        if not self.ok:
            return "broken"
        return "warning" if self.warning else "ok"


@dataclass(frozen=True, slots=True)
class InstalledKernel:
    """A kernel or train image that the engine has, usable without a registry."""

    reference: str
    """Same form as `Job.image`."""
    name: str
    language: str
    kernelspec: str
    diff_ids: tuple[str, ...]


class Executor(ABC):
    """Runs jobs that can access nothing but their inputs.

    - Every method may be called again after an interruption at any point, by this process or by a
      later one; the object keeps no state.
    - A job whose ``start`` returned runs at most once. A second ``start`` of a running or exited
      job changes nothing.
    - The run sees only its image, ``inputs``, ``data`` and an output folder that is initially
      empty; it has no network. Limits are enforced.
    - The content of ``outputs`` is written by untrusted code: read it only through
      :mod:`phtlab.station.executor.untrusted_files`.
    - The caller enforces the wall-clock limit, by ``stop``.

    Any method raises :class:`~phtlab.errors.EngineMissingError` if the engine does not answer.
    Nothing is lost then: call the method again.
    """

    @abstractmethod
    def check(self) -> tuple[CheckResult, ...]:
        """Check whether the engine can enforce every limit. Never raises; changes nothing.

        Results named `sandbox` or `limit: …` come from a trial; they are `unfinished` if the trial
        was interrupted.
        """

    @abstractmethod
    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        """Fetch the image by digest and start the run; return once it has started.

        ``authorize`` is called only if the engine does not have the image. Neither having an image
        nor being able to fetch it is authorisation to run it.

        Raises:
            DataSetError: a path of ``job.data`` does not exist (``data-set-missing``).
            RegistryUnreachableError, RegistryError: the image cannot be fetched.
            SandboxError: the sandbox cannot be created as specified.
            TrialUnfinishedError: a trial of the sandbox was interrupted; start again later.
        """

    @abstractmethod
    def status(self, job_id: str) -> JobStatus:
        """Return the job's status: ``absent`` if it never started, or everything was removed.

        A job that was being prepared when the station was killed is ``absent``: start it.
        """

    @abstractmethod
    def stop(self, job_id: str) -> None:
        """Terminate the run, kill it after its grace period, and return when it has ended.

        Does nothing if the job is absent or exited. Outputs and logs remain.
        """

    @abstractmethod
    def outputs(self, job_id: str) -> Path:
        """Return the folder that the run sees as /phtlab/out, during and after the run.

        While the run lives it may change the folder's content: copy what is judged, and judge only
        the copy.

        Raises:
            SandboxError: the job has no outputs (``outputs-absent``).
        """

    @abstractmethod
    def logs(self, job_id: str) -> bytes:
        """Return the end of what the run printed: at most ``log_bytes``, untrusted.

        Empty if there is nothing. It leaves the station only if a person releases the run log.
        """

    @abstractmethod
    def remove(self, job_id: str) -> None:
        """End the run if necessary, and remove every process, volume and file of it.

        The image remains. Does nothing if there is nothing to remove.
        """

    @abstractmethod
    def jobs(self) -> frozenset[str]:
        """Return the ids of all jobs of this station that have left any trace."""

    def unreadable(self, data: Mapping[str, Path]) -> Mapping[str, str]:
        """Return what of `data` a run could not read: by data set, the first such file or folder.

        Decided by the mode for others, unless an executor can run a trial, which raises
        TrialUnfinishedError if it is interrupted. Changes nothing.
        """
        found = {}
        for name, path in data.items():
            mode = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            if path.stat().st_mode & mode != mode:
                found[name] = path.name
        return found

    def kernels(self) -> tuple[InstalledKernel, ...]:
        """Return the kernel images, and trains built on them, that the engine has; best first."""
        return ()

    def usage(self, job_id: str) -> Usage | None:
        """Return a running job's resource usage, for operators only.

        None if the job does not run, or the executor cannot measure it.
        """
        return None

    def has_image(self, reference: str) -> bool:
        """Whether the image ``host:port/repository@sha256:…`` need not be fetched any more."""
        return True

    def fetch(
        self,
        reference: str,
        authorize: Callable[[], RegistryAuth],
        moved: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        """Fetch an image ahead of its first run, unless the executor has it.

        Calls ``moved`` with the bytes that have come and those that are known to come. Raises as
        `start` of an image, and StationError (``station-disk-full``) for want of space.
        """
        return

    def tried(self) -> bool:
        """Whether the next run needs no trial of the sandbox any more."""
        return True

    def await_ends(self, seconds: float, report: Callable[[], None]) -> bool:
        """Call `report` whenever a run of this station ends within `seconds`; return True then.

        It may be called too often, never too early: `status` then says that the run has exited.
        An executor that cannot watch its runs returns False at once, and is asked for the status
        of each run at short intervals.
        """
        return False

    def close(self) -> None:  # noqa: B027 - an executor may hold nothing
        """Release connections. Runs continue."""
