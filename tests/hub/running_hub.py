"""A hub of its own for one test module: `hub_config/local`, with the settings that are given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from phtlab.processes.services import Service
from phtlab.wire.authorities import authorities
from phtlab_hub.settings import HubSettings
from phtlab_hub.shutdown import shut_down
from tests.real_registry import free_port

CONFIG = Path(__file__).parents[2] / "hub_config"


def hub_folder(folder: Path, settings: str) -> Path:
    """A hub's folder with `settings` (TOML) and three free ports before them."""
    folder.mkdir(mode=0o700)
    ports = "".join(
        f'{name} = "127.0.0.1:{free_port()}"\n' for name in ("listen", "hub_listen", "proxy_api")
    )
    (folder / "hub.toml").write_text(ports + settings)
    return folder


@contextmanager
def running_hub(folder: Path, configuration: str = "local") -> Iterator[Service]:
    """The hub of `folder`, with a proxy that it starts itself; ended with both."""
    settings = HubSettings.load(folder)
    command = [sys.executable, "-m", "jupyterhub", "-f"]
    command.append(str(CONFIG / configuration / "jupyterhub_config.py"))
    hub = Service("hub", command, folder, {"PHTLAB_HUB_DIRECTORY": str(folder)})
    hub.start()
    try:
        hub.wait_until(lambda: _answers(f"http://{settings.listen}/hub/health"))
        yield hub
    finally:
        if hub.pid() is not None and shut_down(settings):
            hub.wait_for_end(30)
        hub.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, verify=authorities()).is_success
    except httpx.HTTPError:
        return False


def warnings_of(hub: Service) -> list[str]:
    """What JupyterHub's log has above information, by its text alone."""
    lines = hub.log.read_text().splitlines()
    marks = ("[W ", "[E ", "[C ")
    return [line.partition("] ")[2] for line in lines if line.startswith(marks)]
