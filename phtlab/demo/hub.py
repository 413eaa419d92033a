"""The demonstration's hub: a consortium, JupyterHub, its proxy, and people with accounts.

Beside the world's own folder::

    hub-world.json  marks the folder as ours, with the hub's configuration
    people/         passwords and key files of the demonstration's accounts
    hub/            the hub's folder, as hub_config reads it
    services/       pid and log of hub, proxy and reverse proxy

Central, the registry, the proxy and the hub are processes of their own: while the hub restarts,
stations and journeys go on, and people stay in their Lab.
"""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx

from phtlab.demo.hub_people import PEOPLE, People
from phtlab.demo.hub_workspaces import DockerWorkspaces, LocalWorkspaces, Workspaces
from phtlab.demo.world import Step, World
from phtlab.errors import SettingsError
from phtlab.kernel import container_engine
from phtlab.processes.ports import free_port
from phtlab.processes.services import Service
from phtlab.share import share
from phtlab.wire.authorities import authorities

if TYPE_CHECKING:
    from phtlab_hub.settings import HubSettings

Configuration = Literal["docker", "local"]
MARK = "hub-world.json"


@dataclass(frozen=True)
class HubWorld:
    """The hub in `directory`, for the consortium `consortium`.

    `configuration` is the folder of hub_config that it uses; `more` are settings for hub.toml
    beyond those of the demonstration.
    """

    directory: Path
    consortium: World
    configuration: Configuration = "docker"
    port: int | None = None
    more: Mapping[str, object] | None = None

    @classmethod
    def kept_configuration(cls, directory: Path) -> Configuration | None:
        """Return the configuration that `directory` was founded with; None if it holds no hub."""
        try:
            kept: Configuration = json.loads((directory / MARK).read_text())["configuration"]
        except FileNotFoundError:
            return None
        return kept

    @property
    def url(self) -> str:
        return f"http://{self.settings.listen}"

    @property
    def people(self) -> People:
        return People(self.directory / "people")

    @property
    def passwords(self) -> dict[str, str]:
        return self.people.passwords

    @property
    def passphrase(self) -> str:
        """The passphrase of every key of the demonstration."""
        return self.consortium.passphrase

    @property
    def founded(self) -> bool:
        return self.people.founded and (self._hub / "hub.toml").exists()

    @property
    def settings(self) -> HubSettings:
        from phtlab_hub.settings import HubSettings

        return HubSettings.load(self._hub)

    @property
    def world(self) -> World:
        """The consortium, with this hub's variables for its central."""
        from phtlab_hub import service

        return replace(self.consortium, central_environment=service.environment(self.settings))

    @property
    def hub(self) -> Service:
        configuration = share(f"hub_config/{self.configuration}/jupyterhub_config.py")
        command = [sys.executable, "-m", "jupyterhub", "-f", str(configuration)]
        return Service("hub", command, self._services, {"PHTLAB_HUB_DIRECTORY": str(self._hub)})

    @property
    def proxy(self) -> Service:
        from phtlab_hub.processes import proxy_command

        settings = self.settings
        secret = {"CONFIGPROXY_AUTH_TOKEN": settings.proxy_token}
        return Service("proxy", proxy_command(settings), self._services, secret)

    @property
    def up(self) -> bool:
        """Whether hub and proxy run."""
        return self.founded and None not in (self.hub.pid(), self.proxy.pid())

    def require(self) -> None:
        """Check for errors that would otherwise stop a start after minutes.

        Raises SettingsError: a folder of something else, no proxy installed, a port in use;
        EngineMissingError; and what `Workspaces.require` raises.
        """
        from phtlab_hub.processes import proxy_program

        self._require_ours()
        proxy_program()
        port = self.port or self._kept_ports().get("browsers")
        if port is not None:
            self._require_free_port(f"127.0.0.1:{port}")
        with container_engine():
            pass
        self._workspaces.require()

    def forget(self) -> None:
        """Stop everything, and remove what was founded, including everyone's home.

        Raises SettingsError if the folder is not one that `found` made.
        """
        self._require_ours()
        self.stop()
        self._workspaces.forget()
        for folder in (self._hub, self.people.directory, self.consortium.directory):
            shutil.rmtree(folder, ignore_errors=True)

    def found(self, step: Step) -> None:
        """Make what is missing: the consortium, and people with accounts. Starts no process.

        Raises SettingsError if the folder is neither empty nor made by this method.
        """
        self._require_ours()
        self._mark()
        if not self.consortium.founded:
            self.consortium.found(step)
            shutil.rmtree(self.people.directory, ignore_errors=True)
        if not self.people.founded:
            step("accounts and keys")
            self.people.found(self.consortium)
        self._write_hub()

    def start(self, step: Step) -> None:
        """Start what does not run."""
        self.start_consortium(step)
        self.start_workspaces(step)
        self.start_hub(step)

    def start_consortium(self, step: Step) -> None:
        """Start registry, central with this hub's settings, kernel image and stations."""
        self._write_hub()
        self.world.start(step)

    def start_workspaces(self, step: Step) -> None:
        """Prepare for users' Labs: image, network, homes with the users' keys.

        Labs that run in the other way (in containers, or without) are stopped.
        """
        before = self.kept_configuration(self.directory)
        if before is not None and before != self.configuration:
            replace(self, configuration=before).stop_hub()
            self._mark()
        found = self._workspaces.prepare(step)
        self._write_hub(found)
        self._workspaces.open(self.settings)
        step("homes with keys")
        for person in PEOPLE:
            if person.has_key:
                self._workspaces.place_key(self.settings, person.name, self.people.key(person))

    def start_hub(self, step: Step) -> None:
        """Start proxy and hub, unless they run; wait until people can log in.

        A hub that runs with other settings is restarted; everyone's Lab keeps running.
        """
        step("the proxy and the hub")
        proxy, hub = self.proxy, self.hub
        settings = (self._hub / "hub.toml").read_text()
        started = self._services / "hub.started.toml"
        if not started.exists() or started.read_text() != settings:
            hub.stop()
            proxy.stop()
        self._require_free_port(self.settings.listen)
        self._services.mkdir(exist_ok=True)
        started.write_text(settings)
        proxy.start()
        hub.start()
        hub.wait_until(lambda: _answers(f"http://{self.settings.hub_listen}/hub/health"))
        proxy.wait_until(lambda: _answers(f"{self.url}/hub/health"))

    def stop(self) -> None:
        """Stop everyone's server, hub, proxy, and the consortium's processes."""
        try:
            if self.founded:
                self.stop_hub()
            else:
                self._workspaces.close()
        finally:
            self.consortium.stop()

    def stop_hub(self) -> None:
        """Stop everyone's server, the hub and its proxy."""
        from phtlab_hub.shutdown import shut_down

        hub = self.hub
        if hub.pid() is not None and shut_down(self.settings):
            hub.wait_for_end(60)
        hub.stop()
        self.proxy.stop()
        self._workspaces.close()

    def restart_hub(self) -> None:
        """Restart the hub alone, as for an upgrade: servers and proxy keep running."""
        self.hub.stop()
        self.start_hub(lambda doing: None)

    def _write_hub(self, found: Mapping[str, object] | None = None) -> None:
        from phtlab_hub.accounts import Account, hash_of, read_accounts, write_accounts

        self._hub.mkdir(parents=True, mode=0o700, exist_ok=True)
        world, ports = self.consortium, self._ports()
        root = self._hub / "root.json"
        root.write_bytes(world.consortium.root)
        settings: dict[str, object] = {
            "listen": f"127.0.0.1:{ports['browsers']}",
            "hub_listen": f"127.0.0.1:{ports['hub']}",
            "proxy_api": f"127.0.0.1:{ports['proxy']}",
            "own_proxy": False,
            "central": world.central_url,
            "registry": world.registry_url,
            "root": str(root),
            **(found or {}),
            **(self.more or {}),
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
        (self._hub / "hub.toml").write_text("".join(lines))
        accounts, passwords = self.settings.accounts, self.passwords
        known = dict(read_accounts(accounts)) if accounts.exists() else {}
        new = {
            person.name: Account(password=hash_of(passwords[person.name]), groups=(person.group,))
            for person in PEOPLE
            if person.name not in known
        }
        if new:
            write_accounts(accounts, known | new)

    def _ports(self) -> dict[str, int]:
        ports = self._kept_ports() or _free_ports()
        if self.port is not None:
            ports["browsers"] = self.port
        (self._hub / "ports.json").write_text(json.dumps(ports))
        return ports

    def _kept_ports(self) -> dict[str, int]:
        kept = self._hub / "ports.json"
        ports: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
        return ports

    def _mark(self) -> None:
        self.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        kept = {"version": 1, "configuration": self.configuration}
        (self.directory / MARK).write_text(json.dumps(kept))

    def _require_free_port(self, address: str) -> None:
        ours = self.founded and self.proxy.pid() is not None and self._proxy_listens_on(address)
        if not ours and _in_use(address):
            raise SettingsError(
                f"Something else listens on {address}.",
                "Name another port with --port, or end it.",
                code="port-taken",
            )

    def _proxy_listens_on(self, address: str) -> bool:
        started = self._services / "hub.started.toml"
        return started.exists() and f'listen = "{address}"' in started.read_text().splitlines()

    def _require_ours(self) -> None:
        directory = self.directory
        if directory.exists() and any(directory.iterdir()) and not (directory / MARK).exists():
            raise SettingsError(
                f"{directory} is not empty, and no hub of this command's is in it.",
                "Name another folder with --directory.",
                code="hub-folder",
            )

    @property
    def _workspaces(self) -> Workspaces:
        return (DockerWorkspaces if self.configuration == "docker" else LocalWorkspaces)(self._hub)

    @property
    def _hub(self) -> Path:
        return self.directory / "hub"

    @property
    def _services(self) -> Path:
        return self.directory / "services"


def _free_ports() -> dict[str, int]:
    """Return free ports of the loopback; 8000 for browsers, if it is free."""
    browsers = free_port() if _in_use("127.0.0.1:8000") else 8000
    return {"hub": free_port(), "proxy": free_port(), "browsers": browsers}


def _in_use(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2, verify=authorities()).is_success
    except httpx.HTTPError:
        return False
