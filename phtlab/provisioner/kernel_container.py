"""Container of one kernel: the station's sandbox, with a kernel in place of the runtime."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from phtlab.errors import EngineMissingError, SandboxError
from phtlab.kernel import container_engine
from phtlab.printable import escaped_lines
from phtlab.processes.process_mark import own_mark
from phtlab.provisioner.kernel_folder import CONNECTION_FILE, DATASETS_FILE, KernelFolder
from phtlab.provisioner.left_behind import (
    LABEL,
    LABEL_FOLDER,
    LABEL_PARENT,
    remove_left_behind,
)
from phtlab.station.executor.contract import MIB, Job, Limits
from phtlab.station.executor.image_pull import engine_message, require_image
from phtlab.station.executor.sandbox import container_body, container_name

# Runs in the kernel's process before the kernel: standard input is the connection to the parent,
# and when it closes, the kernel is killed. The umask lets the user outside, who is another user
# than inside, connect to the sockets.
_BEGIN: Final = """
import os, runpy, signal, threading
os.umask(0)
line = os.dup(0)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
def watch():
    while os.read(line, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module("phtlab.runtime.python_kernel", run_name="__main__")
"""
ENTRYPOINT: Final = (
    *("python3", "-c", _BEGIN),
    *("-f", CONNECTION_FILE, "--HistoryManager.enabled=False"),
)
_LAST_OUTPUT: Final = 1000
# Number of failed polls before a kernel counts as ended: an engine that restarts, or is busy, does
# not answer for a while, and its containers keep running.
UNANSWERED: Final = 5


def kernel_body(job: Job, folder: KernelFolder) -> dict[str, Any]:
    """Return the engine's request: as for a station's run, with standard input attached."""
    body = container_body(job, folder.sockets, station="kernel", entrypoint=ENTRYPOINT)
    return body | {
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        # Other labels than a station's, so that no station takes the kernel for one of its runs.
        "Labels": {
            LABEL: job.id,
            LABEL_PARENT: own_mark(),
            LABEL_FOLDER: str(folder.path),
        },
    }


class KernelContainer:
    """A started kernel. Methods block while the engine answers."""

    def __init__(
        self, image: str, folder: KernelFolder, data: Mapping[str, Path], limits: Limits
    ) -> None:
        """Create and start the container, without waiting for the kernel.

        Raises EngineMissingError, SandboxError (``kernel-image-missing``, ``kernel-start``).
        """
        self.folder = folder
        self.limits = limits
        self._stack = ExitStack()
        self._line: Any = None
        self._id = ""
        self._unanswered = 0
        job = Job(
            id=secrets.token_hex(6),
            image=image,
            inputs=folder.inputs,
            data=data,
            limits=limits,
            environment={"PHTLAB_DATASETS": DATASETS_FILE, "IPYTHONDIR": "/tmp/ipython"},  # noqa: S108
        )
        try:
            require_local_engine()
            self._engine = self._stack.enter_context(container_engine())
            remove_left_behind(self._engine)
            self._start(job)
        except BaseException:
            self.remove()
            raise

    def wait_until_listening(self, seconds: float) -> None:
        """Wait for the kernel's sockets. Raises SandboxError with the kernel's last output."""
        deadline = time.monotonic() + seconds
        while not self.folder.listening():
            code = self.exit_code()
            if code is not None:
                raise SandboxError(
                    f"The kernel ended before it answered (exit code {code}{self.why()}). "
                    f"{self.last_output()}".rstrip(),
                    code="kernel-start",
                )
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"The kernel did not answer within {seconds:g} seconds.",
                    "Try again; on a busy machine, raise SandboxProvisioner.start_seconds.",
                    code="kernel-start",
                )
            time.sleep(0.01)
        self.folder.seal()

    def exit_code(self) -> int | None:
        """Return the exit code; None while the kernel runs, -1 if its container is gone.

        The code is also -1 once the engine has not answered UNANSWERED times in a row.
        """
        import docker.errors

        try:
            state = self._state()
        except docker.errors.NotFound:
            return -1
        if state is None:
            self._unanswered += 1
            return -1 if self._unanswered >= UNANSWERED else None
        self._unanswered = 0
        return None if state["Running"] else int(state["ExitCode"])

    def why(self) -> str:
        """Return `, out of memory …` if the kernel ended for that reason, else an empty text."""
        import docker.errors

        try:
            state = self._state()
        except docker.errors.NotFound:
            return ""
        if state is None or not state["OOMKilled"]:
            return ""
        return f", out of memory: its limit is {self.limits.memory_bytes // MIB} MiB"

    def last_output(self) -> str:
        """Return the end of the kernel's output outside of cells."""
        import docker.errors

        try:
            content: bytes = self._engine.api.logs(self._id, tail=20)
        except (docker.errors.DockerException, OSError):
            return ""
        return escaped_lines(content.decode("utf-8", "replace").strip()[-_LAST_OUTPUT:])

    def signal(self, name: str) -> None:
        """Send a signal to the kernel; does nothing if it has ended."""
        import docker.errors

        with contextlib.suppress(docker.errors.APIError):
            self._engine.api.kill(self._id, name)

    def remove(self) -> bool:
        """Remove the container, running or not, and close everything but its folder.

        False if the engine did not remove it: it may still run, and removal can be repeated.
        """
        if self._line is not None:
            self._line.close()
        removed = not self._id or self._removed()
        if removed:
            self._stack.close()
        return removed

    def _removed(self) -> bool:
        import docker.errors
        import requests

        try:
            self._engine.api.remove_container(self._id, force=True, v=True)
        except docker.errors.NotFound:
            return True
        except (docker.errors.DockerException, requests.RequestException, OSError):
            return False
        return True

    def _start(self, job: Job) -> None:
        import docker.errors

        try:
            api = self._engine.api
            require_image(api, job.image)
            body = kernel_body(job, self.folder)
            made = api.create_container_from_config(body, container_name("kernel", job.id))  # type: ignore[no-untyped-call]
            self._id = made["Id"]
            line: Any = api.attach_socket(self._id, params={"stdin": 1, "stream": 1})
            # The SDK's socket does not close the connection; its response does.
            self._line = line._response
            api.start(self._id)
        except docker.errors.ImageNotFound:
            raise SandboxError(
                f"The kernel image {job.image} is not on this machine.",
                "Get it with 'phtlab kernel install', which also renews the kernel's entry in "
                "Jupyter.",
                code="kernel-image-missing",
            ) from None
        except docker.errors.APIError as error:
            raise SandboxError(
                f"The container engine did not start the kernel: {engine_message(error)}.",
                "'phtlab station check' says what it lacks for the sandbox.",
                code="kernel-start",
            ) from None

    def _state(self) -> Mapping[str, Any] | None:
        """Return the state; None if the engine does not answer. Raises NotFound if it is gone."""
        import docker.errors
        import requests

        try:
            found: Mapping[str, Any] = self._engine.api.inspect_container(self._id)["State"]
        except docker.errors.NotFound:
            raise
        except (docker.errors.DockerException, requests.RequestException, OSError):
            return None
        return found


def require_local_engine() -> None:
    """Raise EngineMissingError if a kernel's sockets cannot be reached from this machine."""
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix://"):
        raise EngineMissingError(
            f"The container engine at {host} may be on another machine, where the kernel's "
            "sockets are not.",
            "Use this machine's engine: unset DOCKER_HOST.",
        )
    if sys.platform != "linux":
        raise EngineMissingError(
            "A kernel in the sandbox needs Linux: elsewhere containers run in a machine of their "
            "own, which a kernel's sockets do not leave.",
            "On Windows, run Jupyter and the engine in WSL 2.",
        )
