"""What runs a stop: one abstract class, whose docstrings are the contract.

Modelled on the executor of OpenSAFELY's job-runner: every transition is
idempotent, and the state of a job is derived from what really exists, so that
a station killed at any moment carries on by asking again.
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
    """What one run may use. Bytes are bytes; times are seconds of wall clock."""

    memory_bytes: int = 1024 * MIB
    """Memory of all its processes, swap included, /tmp included."""
    cpus: float = 1.0
    pids: int = 256
    seconds: int = 3600
    """The station stops the run after ``seconds + grace_seconds``."""
    grace_seconds: int = 5
    """Between the request to end and the kill."""
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
    """One run: what an executor needs to know and nothing of why it runs."""

    id: str
    """Lower-case letters, digits and hyphens; one id is run at most once."""
    image: str
    """``host:port/repository@sha256:…``; never a tag."""
    inputs: Path
    """Folder seen read-only as /phtlab/in. User 65532 must be able to read it."""
    data: Mapping[str, Path] = field(default_factory=dict)
    """A folder is seen as /data/<name>; a file as /data/<name>/<its file name>."""
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
    """Leave to pull one image: a bearer token, or nothing for an open registry."""

    token: str | None = None

    def __repr__(self) -> str:
        return "RegistryAuth(token=…)" if self.token else "RegistryAuth(token=None)"


State = Literal["absent", "running", "exited"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What the engine says of a job now; what the run says is in its run.json.

    ``exit_code`` is None unless exited. ``oom_killed`` is true when the kernel
    killed any process of the run for memory, even if the run went on. Times are
    in UTC.
    """

    state: State
    exit_code: int | None = None
    oom_killed: bool = False
    started: datetime | None = None
    finished: datetime | None = None


CheckState = Literal["ok", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used: memory of all its processes now, and processor time since it began."""

    memory_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that a station needs: whether it is so, and how to mend it.

    A `warning` is well as it is, and will not stay so. An `unfinished` check was cut off: it is
    not ok, and no verdict on what it checks.
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
    """An image that the engine has and that a run could use without a registry."""

    reference: str
    """As `Job.image`."""
    name: str
    language: str
    kernelspec: str
    diff_ids: tuple[str, ...]


class Executor(ABC):
    """Runs jobs out of sight of everything but their inputs.

    - Every method may be called again after it was interrupted at any point, by
      this process or by a later one; nothing is remembered in the object.
    - A job whose ``start`` returned runs at most once. A second ``start`` of a
      running or exited job changes nothing.
    - The run sees only its image, ``inputs``, ``data`` and an output folder that
      is empty when it begins; it has no network. Limits are enforced, not advised.
    - What lies in ``outputs`` is written by code that nobody trusts: read it only
      through :mod:`phtlab.station.executor.untrusted_files`.
    - Wall-clock time is the caller's to enforce, by ``stop``.

    Any method raises :class:`~phtlab.errors.EngineMissingError` when the engine
    does not answer. Nothing is lost by that: ask again.
    """

    @abstractmethod
    def check(self) -> tuple[CheckResult, ...]:
        """Whether the engine can hold every limit. Never raises; changes nothing.

        A result of the name `sandbox` or `limit: …` is what a trial found; it is `unfinished` if
        the trial was cut off.
        """

    @abstractmethod
    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        """Fetch the image by digest and begin the run; return once it has begun.

        ``authorize`` is called only when the image is not here yet. That an image
        is here or can be fetched is never proof of a right to run it.

        Raises:
            DataSetError: a path of ``job.data`` is not there (``data-set-missing``).
            RegistryUnreachableError, RegistryError: the image cannot be fetched.
            SandboxError: the sandbox cannot be made as asked.
            TrialUnfinishedError: whether it holds is not known yet; start again later.
        """

    @abstractmethod
    def status(self, job_id: str) -> JobStatus:
        """What exists: ``absent`` means that nothing has ever begun, or all is removed.

        A job that was being prepared when the station died is ``absent``: start it.
        """

    @abstractmethod
    def stop(self, job_id: str) -> None:
        """Ask the run to end, kill it after its grace, return when it has ended.

        Does nothing to a job that is absent or exited. Outputs and logs stay.
        """

    @abstractmethod
    def outputs(self, job_id: str) -> Path:
        """The folder that the run sees as /phtlab/out, while it runs and after.

        Raises:
            SandboxError: the job has no outputs (``outputs-absent``).
        """

    @abstractmethod
    def logs(self, job_id: str) -> bytes:
        """The last of what the run printed: at most ``log_bytes``, hostile bytes.

        Empty when there is nothing. Never send it anywhere.
        """

    @abstractmethod
    def remove(self, job_id: str) -> None:
        """End the run if need be and leave nothing of it: no process, volume or file.

        The image stays. Does nothing when there is nothing.
        """

    @abstractmethod
    def jobs(self) -> frozenset[str]:
        """The ids of all jobs of this station that have left any trace."""

    def unreadable(self, data: Mapping[str, Path]) -> Mapping[str, str]:
        """What of `data` a run could not read: by data set, the first such file or folder.

        By the mode for others, unless an executor can try: then TrialUnfinishedError is raised if
        the trial was cut off. Changes nothing.
        """
        found = {}
        for name, path in data.items():
            mode = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            if path.stat().st_mode & mode != mode:
                found[name] = path.name
        return found

    def kernels(self) -> tuple[InstalledKernel, ...]:
        """The kernel images, and trains built on them, that are here; the best first."""
        return ()

    def usage(self, job_id: str) -> Usage | None:
        """What a running job uses, for the operator's eyes; None if it does not run, or the
        executor cannot tell."""
        return None

    def close(self) -> None:  # noqa: B027 - an executor may hold nothing
        """Release connections. Runs go on."""
