"""An engine that runs nothing: its containers are trials that end as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, ImageNotFound, NotFound

from phtlab.train.image.image_format import (
    ENTRYPOINT,
)

IMAGE = f"127.0.0.1:5000/kernels/python@sha256:{'a' * 64}"
LOG = b"x" * 20_000

End = Callable[[Path], tuple[int, bytes]]
"""Writes what a trial leaves in its output folder; gives its exit code and its log."""


def answers(found: Mapping[str, Any], exit_code: int = 0, log: bytes = LOG) -> End:
    """The trial comes to its end, or was killed after it had written so much."""

    def end(out: Path) -> tuple[int, bytes]:
        (out / "trial.json").write_text(json.dumps(found))
        return exit_code, log

    return end


def killed(out: Path) -> tuple[int, bytes]:
    """From outside, before it wrote anything."""
    return 137, b""


def removed(out: Path) -> tuple[int, bytes]:
    """From outside, with its container."""
    raise _answer(NotFound, 404)


def endless(out: Path) -> tuple[int, bytes]:
    """It hangs."""
    raise requests.exceptions.ReadTimeout


def no_image(out: Path) -> tuple[int, bytes]:
    """The image was removed before the trial began."""
    raise _answer(ImageNotFound, 404)


def refused(out: Path) -> tuple[int, bytes]:
    """The runtime starts no such container."""
    raise _answer(APIError, 500)


_AT_START = (no_image, refused)


def _answer(kind: type[APIError], status: int) -> APIError:
    response = requests.Response()
    response.status_code = status
    return kind("simulated", response=response, explanation="simulated")


@dataclass
class SimulatedEngine:
    """In the place of `docker.APIClient`. Each trial takes the next of `ends`; the last stays."""

    ends: list[End]
    started: list[str] = field(default_factory=list)
    _bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    _log: bytes = b""

    def version(self) -> dict[str, Any]:
        return {"ApiVersion": "1.41", "Version": "20.10"}

    def info(self) -> dict[str, Any]:
        limits = dict.fromkeys(("MemoryLimit", "SwapLimit", "CpuCfsQuota", "PidsLimit"), True)
        return {
            **limits,
            "DockerRootDir": "/",
            "SecurityOptions": ["name=seccomp,profile=default"],
            "Runtimes": {"runc": {"path": "runc"}},
        }

    def images(self) -> list[dict[str, Any]]:
        return [{"RepoDigests": [IMAGE]}]

    def inspect_image(self, image: str) -> dict[str, Any]:
        return {"Config": {"Entrypoint": list(ENTRYPOINT)}, "Id": image}

    def inspect_container(self, name: str) -> dict[str, Any]:
        raise _answer(NotFound, 404)

    def create_container_from_config(self, body: dict[str, Any], name: str) -> dict[str, str]:
        self._bodies[name] = body
        if self._is_trial(name) and self.ends[0] in _AT_START:
            self._end()(Path())
        return {"Id": name}

    def start(self, name: str) -> None:
        self.started.append("trial" if self._is_trial(name) else "run")

    def wait(self, name: str, timeout: float) -> dict[str, int]:
        mounts = self._bodies[name]["HostConfig"]["Mounts"]
        (out,) = [Path(one["Source"]) for one in mounts if one["Target"] == "/phtlab/out"]
        exit_code, self._log = self._end()(out)
        return {"StatusCode": exit_code}

    def logs(self, name: str) -> bytes:
        return self._log

    def remove_container(self, name: str, **how: bool) -> None:
        if self._bodies.pop(name, None) is None:
            raise _answer(NotFound, 404)

    def close(self) -> None:
        """There is no connection."""

    def _end(self) -> End:
        return self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]

    def _is_trial(self, name: str) -> bool:
        return name.endswith(".trial")
