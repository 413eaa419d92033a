"""What the engine keeps of a world's runs, looked at while it keeps it: stations remove it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker

from tests.limits import join

_PAUSE = 0.05


class WatchedRuns:
    """Keeps the state and settings of each container that binds something below `place`.

    Its log is the station's to read while the run is on; afterwards no file of it may be left.
    Other containers of the engine, of other tests, are left alone: they may vanish at any time.
    """

    def __init__(self, engine: docker.DockerClient, place: Path) -> None:
        # A client of its own: another thread uses the one of the tests.
        self._api = docker.APIClient(version="auto")
        self._containers = Path(str(engine.info()["DockerRootDir"])) / "containers"
        self._inside = f"{place}/"
        self._kept: dict[tuple[str, bytes], None] = {}
        self._seen: set[str] = set()
        self._looks = threading.Lock()
        self._until = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._until.set()
        join(self._thread)
        self.look()

    def kept(self) -> Iterator[tuple[str, bytes]]:
        """Where something was, and each content that it had; then all that is still there."""
        yield from list(self._kept)
        for number in sorted(self._seen):
            yield from self._files(number)

    def look(self) -> None:
        """Look once."""
        with self._looks:
            for container in self._api.containers(all=True):
                mounts = [mount.get("Source", "") for mount in container["Mounts"]]
                if any(source.startswith(self._inside) for source in mounts):
                    self.keep(container)

    def keep(self, container: dict[str, Any]) -> None:
        """Keep one container, as the engine lists it, and the settings in its folder."""
        number = container["Id"]
        self._seen.add(number)
        # The status counts seconds.
        state = repr({**container, "Status": ""}).encode()
        self._kept[f"the engine's container {number[:12]}", state] = None
        for where, content in self._files(number):
            if "-json.log" not in where:
                self._kept[where, content] = None

    def _files(self, number: str) -> Iterator[tuple[str, bytes]]:
        for path in sorted((self._containers / number).glob("*")):
            try:
                if path.is_file():
                    yield f"the engine's {path.name} of {number[:12]}", path.read_bytes()
            except OSError:  # it was removed meanwhile
                continue

    def _watch(self) -> None:
        while not self._until.wait(_PAUSE):
            self.look()
