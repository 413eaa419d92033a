"""A real Jupyter server: called over HTTP as by a browser, and killed as a pod is."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.environment import BYTECODE
from phtlab.processes.services import Service
from tests.real_registry import free_port

TOKEN = "a-token-of-the-bench"
START_SECONDS = 300.0  # seconds


class JupyterServer:
    """A Jupyter server of the environment of `python`; it keeps all its files in `folder`."""

    def __init__(
        self, name: str, python: Path, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        port = free_port()
        own = {
            **BYTECODE,
            "HOME": str(folder / "home"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
        }
        for variable in own.keys() - BYTECODE.keys():
            Path(own[variable]).mkdir(parents=True)
        command = [
            *(str(python), "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
            *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.root}"),
            f"--IdentityProvider.token={TOKEN}",
        ]
        self._service = Service(name, command, folder, {**own, **(environment or {})})
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/",
            headers={"Authorization": f"token {TOKEN}"},
            timeout=60,
            trust_env=False,
        )

    def begin(self) -> None:
        self._service.start()

    def wait(self) -> None:
        """Wait until the server answers."""
        self._service.wait_until(self._is_ready, START_SECONDS)

    def stop(self) -> None:
        self._service.stop()

    def kill(self) -> None:
        """Kill the server's process group: the server and all processes that it started."""
        pid = self._service.pid()
        if pid is not None:
            os.killpg(pid, signal.SIGKILL)
            self._service.wait_for_end(10)

    def get(self, path: str) -> Any:
        return self._content(self.http.get(path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._content(self.http.post(path, json=body))

    def _content(self, response: httpx.Response) -> Any:
        if response.is_error:
            raise RuntimeError(
                f"{response.request.url.path}: {response.status_code} {response.text}"
            )
        return response.json()

    def _is_ready(self) -> bool:
        try:
            return self.http.get("api/status").is_success
        except httpx.TransportError:
            return False


def start(*servers: JupyterServer) -> None:
    """Start all `servers` at the same time, and wait until each answers."""
    for server in servers:
        server.begin()
    for server in servers:
        server.wait()


@contextmanager
def running(*servers: JupyterServer) -> Iterator[None]:
    """Start `servers`, and stop them on leaving."""
    try:
        start(*servers)
        yield
    finally:
        for server in servers:
            server.stop()
            server.http.close()


class Events:
    """The events of phtlab's server extension, as a browser receives them."""

    def __init__(self, server: JupyterServer) -> None:
        self._server = server
        self._received: list[tuple[float, str, Any]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Events:
        self._thread.start()
        self.wait(lambda kind, _: kind == "journeys")
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._thread.join(10)

    def journey(self, journey: str) -> list[Any]:
        """Return every reported state of the journey `journey`, in order."""
        with self._changed:
            return [
                data
                for _, kind, data in self._received
                if kind == "journey" and data["id"] == journey
            ]

    def done(self, journey: str, seconds: float = 300) -> float:
        """Wait for the event that `journey` is done; return its time by `time.perf_counter`."""
        return self.wait(
            lambda kind, data: kind == "journey" and data["id"] == journey and data["done"], seconds
        )

    def wait(self, condition: Any, seconds: float = 300) -> float:
        """Wait for an event with `condition(kind, data)`; return when it was received.

        Raises TimeoutError after `seconds`.
        """
        until, read = time.perf_counter() + seconds, 0
        with self._changed:
            while True:
                for moment, kind, data in self._received[read:]:
                    if condition(kind, data):
                        return moment
                read = len(self._received)
                if not self._changed.wait(until - time.perf_counter()):
                    raise TimeoutError(f"no such event was received within {seconds:g} seconds")

    def _listen(self) -> None:
        with self._server.http.stream("GET", "phtlab/events", timeout=None) as self._response:
            kind = ""
            try:
                for line in self._response.iter_lines():
                    if line.startswith("event: "):
                        kind = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        moment, data = time.perf_counter(), json.loads(line.removeprefix("data: "))
                        with self._changed:
                            self._received.append((moment, kind, data))
                            self._changed.notify_all()
            except httpx.TransportError:
                return  # either side closed the connection
