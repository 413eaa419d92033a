"""The sandbox as a pure function from a job and its limits to the engine's request.

The body is that of the Engine API's ``POST /containers/create``. docs/sandbox.md explains each
flag; tests/station/executor/test_sandbox.py checks them, and tests/sandbox/test_probes.py tries to
break out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from phtlab.station.executor.contract import Job, Limits
from phtlab.train.image.image_format import (
    ENTRYPOINT,
)

USER = 65532
"""User id of the run, inside and outside the container; no user of any host has it."""

LABEL_STATION = "phtlab.station"
LABEL_JOB = "phtlab.job"

IN = "/phtlab/in"
OUT = "/phtlab/out"
DATA = "/data"


@cache
def seccomp_profile() -> str:
    """Return our seccomp profile in the engine's form: an allow list, all else gives EPERM."""
    text = files("phtlab.station.executor").joinpath("seccomp.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), separators=(",", ":"))


def container_name(station: str, job_id: str) -> str:
    """Return the container's name; it names the station, since several may share an engine."""
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
    """Return the engine's request to create ``job``, with ``output`` mounted at /phtlab/out.

    ``groups`` are supplementary group ids of the run, which let it read data files that are not
    world-readable. Entry point, user, working directory, stop signal and health check are set
    explicitly, whatever the image declares.
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
    """Return a data set's path inside the sandbox: a folder as itself, a file within a folder."""
    return f"{DATA}/{name}" if path.is_dir() else f"{DATA}/{name}/{path.name}"


def _environment(job: Job) -> Mapping[str, str]:
    return {"HOME": "/tmp", **job.environment}  # noqa: S108 - as above


def _walls(runtime: str, groups: Sequence[int]) -> dict[str, Any]:
    """Isolation settings: what the run cannot access."""
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
        "Init": True,  # reaps orphans; all processes end with it
        "GroupAdd": [str(group) for group in groups],
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": False,  # status and logs are needed after the run
        "Runtime": runtime,
    }


def _ceilings(limits: Limits) -> dict[str, Any]:
    """Resource limits of the run."""
    tmp = (
        # Owner and mode are explicit: otherwise the image's /tmp decides.
        f"rw,noexec,nosuid,nodev,size={limits.tmp_bytes},nr_inodes={limits.tmp_inodes},"
        f"mode=0700,uid={USER},gid={USER}"
    )
    body: dict[str, Any] = {
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,  # memory plus swap, so no swap
        "NanoCpus": int(limits.cpus * 1_000_000_000),
        "PidsLimit": limits.pids,
        "OomScoreAdj": 500,  # on a machine out of memory, runs are killed first
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
    """Bind mount that fails if its source is missing, and excludes mounts below it.

    On engines before 25, a recursive read-only bind leaves the mounts below it writable. So the run
    does not see anything mounted inside a data folder.
    """
    return {
        "Type": "bind",
        "Source": str(source.resolve()),
        "Target": target,
        "ReadOnly": not writable,
        "BindOptions": {"Propagation": "rprivate", "NonRecursive": True},
    }
