"""Cells in a sandboxed kernel, and what is left when it is gone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

from phtlab.provisioner.kernelspec import NAME
from phtlab.provisioner.left_behind import LABEL, LABEL_FOLDER
from tests.limits import LIMIT

SECONDS = int(LIMIT)
Configure = Callable[..., None]
"""Sets traits of the provisioner in the kernel's entry."""
PATIENTS = "age,sick\n40,0\n63,1\n71,1\n"


@dataclass(frozen=True)
class Left:
    """The folders in `place` and the engine's containers that belong to them."""

    place: Path
    engine: docker.DockerClient

    def containers(self) -> list[Container]:
        found = self.engine.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        return [c for c in found if c.labels[LABEL_FOLDER].startswith(f"{self.place}/")]

    def folders(self) -> list[Path]:
        return sorted(self.place.glob("phtlab-kernel-*"))

    def nothing(self) -> bool:
        return not self.containers() and not self.folders()


@dataclass(frozen=True)
class Kernel:
    """A started kernel and a client of it."""

    manager: KernelManager
    client: BlockingKernelClient

    def run(self, code: str) -> str:
        """What a cell prints, or the name and words of its error."""
        told: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                told.append(content["text"])
            elif message["msg_type"] == "error":
                told.append(f"{content['ename']}: {content['evalue']}")

        # A kernel aborts what comes right after an error, unless told not to.
        self.client.execute_interactive(
            code, timeout=SECONDS, output_hook=hear, stop_on_error=False
        )
        return "".join(told).strip()


@contextmanager
def kernel_running(name: str = NAME) -> Iterator[Kernel]:
    """A kernel as Jupyter starts it, shut down on leaving."""
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(env=dict(os.environ))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
