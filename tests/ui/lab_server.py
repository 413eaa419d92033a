"""A real `jupyter lab` of its own: folders, settings, port and token are the test's."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from phtlab.processes.services import Service
from tests.real_registry import free_port

TOKEN = "a-token-of-the-tests"

# What a person may have set in Lab: nothing asks, nothing is fetched, no kernel outlives its tab.
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/notebook-extension/tracker": {"kernelShutdown": True},
}


class LabServer:
    """`root` is the folder that Lab shows; `url` its address, `token` what lets one in.

    `python` is the interpreter of the environment that Lab is installed in; `port` one that the
    caller has from `free_port`.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        python: Path = Path(sys.executable),
        port: int | None = None,
    ):
        self.folder = folder
        self.root = folder / "root"
        self.token = TOKEN
        self._port = port or free_port()
        self.url = f"http://127.0.0.1:{self._port}/base/"
        own = {
            "HOME": str(folder / "home"),
            "JUPYTER_CONFIG_DIR": str(folder / "jupyter-config"),
            "JUPYTER_DATA_DIR": str(folder / "jupyter-data"),
            "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "IPYTHONDIR": str(folder / "ipython"),
            "PHTLAB_CONFIG": str(folder / "phtlab"),
            "PHTLAB_CACHE": str(folder / "cache"),
        }
        for name in ("home", "root"):
            (folder / name).mkdir(parents=True)
        for plugin, settings in SETTINGS.items():
            self.set(plugin, settings)
        # Else each page that is loaded starts Node, to see whether Lab should be built anew.
        page = folder / "jupyter-config" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True)
        page.write_text(json.dumps({"buildCheck": False, "buildAvailable": False}))
        command = [
            *(str(python), "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            *(f"--ServerApp.port={self._port}", "--ServerApp.port_retries=0"),
            *("--ServerApp.ip=127.0.0.1", "--ServerApp.base_url=/base/"),
            *(f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self.token}"),
            "--expose-app-in-browser",
        ]
        self._service = Service("jupyter", command, folder, {**own, **environment})

    @property
    def log(self) -> str:
        return self._service.log.read_text(errors="replace")

    def set(self, plugin: str, settings: Mapping[str, object]) -> None:
        """A person's settings of a plugin (`@jupyterlab/apputils-extension/themes`), as saved."""
        file = self.folder / "settings" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))

    def start(self) -> None:
        self._service.start()
        self._service.wait_until(self._answers)

    def stop(self) -> None:
        self._service.stop()

    def restart(self) -> None:
        """As when a workspace is culled and started again: same address, same folders."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        request = urllib.request.Request(
            f"{self.url}api/status", headers={"Authorization": f"token {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False


@contextmanager
def lab_running(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    python: Path = Path(sys.executable),
    port: int | None = None,
) -> Iterator[LabServer]:
    """A server below `folder`, stopped on leaving; `environment` says what it is to know."""
    server = LabServer(folder, environment or {}, python, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
