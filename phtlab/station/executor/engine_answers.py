"""Conversion of a Docker engine's answers into the station's own types. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from phtlab.station.executor.contract import IMAGE, InstalledKernel, JobStatus
from phtlab.train.image.image_format import (
    ENTRYPOINT,
)

_OURS = re.compile(r"/(?:kernels|trains)/")


def status_of(state: Mapping[str, Any]) -> JobStatus:
    """Convert the engine's ``State`` of a container into a job's status."""
    if state["Status"] == "created":
        return JobStatus("absent")
    started = _moment(state["StartedAt"])
    if state["Running"]:
        return JobStatus("running", oom_killed=state["OOMKilled"], started=started)
    return JobStatus(
        "exited",
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        started=started,
        finished=_moment(state["FinishedAt"]),
    )


def first_user(info: Mapping[str, Any]) -> int:
    """Return the host's user id of root in an engine's containers, from its ``GET /info``.

    That is 0, except for an engine with user namespaces (userns-remap): its data root is named
    after the first user and the first group that it was given.
    """
    if "name=userns" not in (info.get("SecurityOptions") or ()):
        return 0
    found = re.search(r"/([0-9]+)\.[0-9]+/?$", info["DockerRootDir"])
    return int(found[1]) if found else 0


def images_here(images: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names, by digest, of the engine's images that may be kernel or train images, newest first."""
    names = (name for image in images for name in image.get("RepoDigests") or ())
    return [name for name in names if IMAGE.fullmatch(name) and _OURS.search(name)]


def kernel_here(reference: str, inspected: Mapping[str, Any]) -> InstalledKernel | None:
    """Describe an image for a run; None if phtlab did not build its kernel."""
    config = inspected["Config"]
    labels = config.get("Labels") or {}
    if config.get("Entrypoint") != list(ENTRYPOINT) or "org.phtlab.kernelspec" not in labels:
        return None
    return InstalledKernel(
        reference=reference,
        name=labels.get("org.opencontainers.image.title", "").rpartition(" ")[2],
        language=labels.get("org.phtlab.language", ""),
        kernelspec=labels["org.phtlab.kernelspec"],
        diff_ids=tuple(inspected["RootFS"]["Layers"]),
    )


def _moment(text: str) -> datetime | None:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return None if moment.year == 1 else moment  # the engine's value for never
