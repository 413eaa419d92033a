"""The sandbox as a pure function: from a job and its limits to what the engine is asked for.

The body is that of the Engine API's ``POST /containers/create``. docs/sandbox.md
explains each flag; tests/station/executor/test_sandbox.py holds them in place, and
tests/sandbox/test_probes.py tries to get past them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from phtlab.station.executor.contract import Job, Limits
from phtlab.train.image import ENTRYPOINT

USER = 65532
"""Nobody's user on any host: what the run is, inside and outside."""

LABEL_STATION = "phtlab.station"
LABEL_JOB = "phtlab.job"

IN = "/phtlab/in"
OUT = "/phtlab/out"
DATA = "/data"


@cache
def seccomp_profile() -> str:
    """Our seccomp profile, as the engine takes it: an allow list, all else is EPERM."""
    text = files("phtlab.station.executor").joinpath("seccomp.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


def container_name(station: str, job_id: str) -> str:
    """The station is in it: several stations may share an engine and be on one journey."""
    return f"phtlab-{station}-{job_id}"


def container_body(
    job: Job,
    output: Path,
    *,
    station: str,
    runtime: str = "runc",
    groups: Sequence[int] = (),
    entrypoint: Sequence[str] = ENTRYPOINT,
) -> dict[str, Any]:
    """What the engine is asked to create for ``job``, with ``output`` as its /phtlab/out.

    ``groups`` are further group ids of the run, by which it may read data files
    that are not readable for all. The entry point is ours, whatever the image
    says; so are user, working directory, stop signal and health check.
    """
    return {
        "Image": job.image,
        "Entrypoint": list(entrypoint),
        "Cmd": [],
        "User": f"{USER}:{USER}",
        "Hostname": "sandbox",
        "WorkingDir": "/tmp",  # noqa: S108 - the sandbox's own, empty tmpfs
        "Env": [f"{name}={value}" for name, value in _environment(job).items()],
        "Labels": {LABEL_STATION: station, LABEL_JOB: job.id},
        "StopSignal": "SIGTERM",
        "StopTimeout": job.limits.grace_seconds,
        "Healthcheck": {"Test": ["NONE"]},
        "NetworkDisabled": True,
        "Tty": False,
        "OpenStdin": False,
        "HostConfig": {
            **_walls(runtime, groups),
            **_ceilings(job.limits),
            "Mounts": [
                _bind(job.inputs, IN),
                *(_bind(path, data_target(name, path)) for name, path in sorted(job.data.items())),
                _bind(output, OUT, writable=True),
            ],
        },
    }


def data_target(name: str, path: Path) -> str:
    """Where the run sees a data set's host path: a folder as itself, a file in a folder."""
    return f"{DATA}/{name}" if path.is_dir() else f"{DATA}/{name}/{path.name}"


def _environment(job: Job) -> Mapping[str, str]:
    return {"HOME": "/tmp", **job.environment}  # noqa: S108 - as above


def _walls(runtime: str, groups: Sequence[int]) -> dict[str, Any]:
    """What the run cannot reach, whatever its limits."""
    return {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "Privileged": False,
        "SecurityOpt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "IpcMode": "none",
        "PidMode": "",
        "CgroupnsMode": "private",
        "UTSMode": "",
        "Init": True,  # reaps orphans; all die with it
        "GroupAdd": [str(group) for group in groups],
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": False,  # status and logs must outlive the run
        "Runtime": runtime,
    }


def _ceilings(limits: Limits) -> dict[str, Any]:
    """How much the run may use."""
    tmp = (
        # The owner and mode are explicit: otherwise the image's /tmp decides.
        f"rw,noexec,nosuid,nodev,size={limits.tmp_bytes},nr_inodes={limits.tmp_inodes},"
        f"mode=0700,uid={USER},gid={USER}"
    )
    body: dict[str, Any] = {
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,  # the sum: so no swap
        "NanoCpus": int(limits.cpus * 1_000_000_000),
        "PidsLimit": limits.pids,
        "OomScoreAdj": 500,  # on a full machine a run that does not mind dies first
        "Ulimits": [
            {"Name": "nofile", "Soft": limits.open_files, "Hard": limits.open_files},
            {"Name": "fsize", "Soft": limits.file_bytes, "Hard": limits.file_bytes},
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "msgqueue", "Soft": 0, "Hard": 0},  # the engine mounts /dev/mqueue
        ],
        "Tmpfs": {"/tmp": tmp},  # noqa: S108 - as above
        "LogConfig": {
            "Type": "json-file",
            "Config": {"max-size": str(limits.log_bytes), "max-file": "1"},
        },
    }
    if limits.gpus:
        body["DeviceRequests"] = [{"Count": limits.gpus, "Capabilities": [["gpu"]]}]
    return body


def _bind(source: Path, target: str, *, writable: bool = False) -> dict[str, Any]:
    """A bind that fails if its source is missing, and brings no mount below it along.

    A recursive read-only bind leaves the mounts below it writable on engines
    before 25, so that what is mounted inside a data folder is not seen at all.
    """
    return {
        "Type": "bind",
        "Source": str(source.resolve()),
        "Target": target,
        "ReadOnly": not writable,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }
