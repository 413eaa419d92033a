"""A JupyterHub of its own process that starts workspaces, asked through its API."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.models.containers import Container

from phtlab.demo.world import World
from phtlab.processes.services import Service
from phtlab_hub.processes import proxy_program
from phtlab_spawner.reverse_proxy import ReverseProxy
from tests.limits import LIMIT
from tests.real_registry import free_port

TOKEN = "a-token-of-the-tests-that-opens-nothing-else"
CENTRAL_TOKEN = "a-token-of-central-in-the-tests"

# Group to members and workspace.
GROUPS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "researcher": (["ada", "grace"], {"memory": "1G", "cpu": 1.5, "pids": 200, "scratch": "64M"}),
    "cramped": (["mel"], {"memory": "40M"}),
    "absent": (["noor"], {"image": "127.0.0.1:1/absent:1"}),
    "bare": (["otto"], {"image": "{kernel}"}),
    "fetched": (["page"], {"image": "{registry}"}),
}

_CONFIGURATION = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{browsers}"
c.JupyterHub.hub_bind_url = "{hub}"
c.JupyterHub.db_url = "sqlite:///{place}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{place}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{token}"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.command = ["{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_api}"
c.ConfigurableHTTPProxy.pid_file = "{place}/proxy.pid"
c.JupyterHub.spawner_class = "phtlab"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.JupyterHub.load_groups = {groups}
c.JupyterHub.services = [
    {{"name": "tests", "api_token": "{token}"}},
    {{"name": "central", "url": "{central}", "api_token": "{central_token}"}},
]
c.JupyterHub.custom_scopes = {{"custom:phtlab:read": {{"description": "see"}}}}
c.JupyterHub.load_roles = [
    {{
        "name": "tests",
        "scopes": ["admin:users", "admin:servers", "list:users", "tokens"],
        "services": ["tests"],
    }},
    {{"name": "user", "scopes": ["self", "custom:phtlab:read"]}},
]
c.Spawner.start_timeout = {patience}
c.Spawner.server_token_scopes = [
    "users:activity!user", "access:servers!server", "custom:phtlab:read"
]
c.WorkspaceSpawner.prefix = "{prefix}"
c.WorkspaceSpawner.image = "{image}"
c.WorkspaceSpawner.network_name = "{network}"
c.WorkspaceSpawner.reverse_proxy = "{reverse_proxy}"
c.WorkspaceSpawner.root_json = "{root}"
c.WorkspaceSpawner.workspaces = {workspaces}
# Careless, and without effect.
c.WorkspaceSpawner.extra_host_config = {{
    "privileged": True, "cap_add": ["SYS_ADMIN"], "pid_mode": "host", "ipc_mode": "host",
    "network_mode": "host", "read_only": False, "pids_limit": -1, "security_opt": [],
}}
c.WorkspaceSpawner.extra_create_kwargs = {{"user": "0"}}
"""


def hub_environment(port: int) -> dict[str, str]:
    """What central is told of a hub at `port`."""
    return {
        "JUPYTERHUB_SERVICE_NAME": "central",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/central/",
        "JUPYTERHUB_API_TOKEN": CENTRAL_TOKEN,
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{port}/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
    }


@dataclass
class ContainerHub:
    """The hub in `place`; its workspaces are containers of `engine`."""

    place: Path
    engine: docker.DockerClient
    reverse_proxy: ReverseProxy
    network: str
    root: Path
    image: str
    behind: World
    prefix: str
    images: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    patience: int = 60
    browsers: int = field(default_factory=free_port)
    http: httpx.Client = field(default_factory=httpx.Client)

    @property
    def url(self) -> str:
        """Where browsers reach it: the proxy."""
        return f"http://127.0.0.1:{self.browsers}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        file = self.place / "jupyterhub_config.py"
        file.write_text(
            _CONFIGURATION.format(
                browsers=self.browsers,
                hub=self.reverse_proxy.hub,
                place=self.place,
                proxy=proxy_program(),
                proxy_api=free_port(),
                groups={group: {"users": users} for group, (users, _) in GROUPS.items()},
                central=self.behind.central_url,
                token=TOKEN,
                central_token=CENTRAL_TOKEN,
                patience=self.patience,
                prefix=self.prefix,
                image=self.image,
                network=self.network,
                reverse_proxy=self.reverse_proxy.url,
                root=self.root,
                workspaces={
                    group: {
                        name: self.images.get(value, value) if name == "image" else value
                        for name, value in workspace.items()
                    }
                    for group, (_, workspace) in GROUPS.items()
                },
            )
        )
        self.http.close()
        self.http = httpx.Client(
            base_url=f"{self.reverse_proxy.hub}/hub/api",
            headers={"Authorization": f"token {TOKEN}"},
            trust_env=False,
            timeout=60,
        )
        self._service.start()
        self._service.wait_until(self._answers)

    def restart(self) -> None:
        """End the hub as an upgrade does, and start it again. Workspaces go on."""
        self._service.stop()
        self._service.start()
        self._service.wait_until(self._answers)

    def stop(self) -> None:
        """End every workspace and the hub, and forget the homes."""
        if self._service.pid() is None:
            return
        try:
            for user in self.users:
                self.http.delete(f"/users/{user}/server")
            until = time.monotonic() + LIMIT
            while self.containers():
                assert time.monotonic() < until, f"a workspace does not end: {self.log[-3000:]}"
                time.sleep(0.1)
        finally:
            self.http.close()
            self._service.stop()
            for container in self.containers():
                container.remove(force=True)
            for user in self.users:
                for volume in self.engine.volumes.list(
                    filters={"name": f"{self.prefix}-home-{user}"}
                ):
                    volume.remove(force=True)

    @property
    def users(self) -> list[str]:
        return [user for users, _ in GROUPS.values() for user in users]

    def containers(self) -> list[Container]:
        """What is left of workspaces, running or not."""
        return self.engine.containers.list(
            all=True, filters={"name": f"^/{self.prefix}-"}, ignore_removed=True
        )

    def spawn(self, user: str, options: dict[str, Any] | None = None) -> httpx.Response:
        """Ask for `user`'s workspace; the hub's answer, which may come before it is ready."""
        return self.http.post(f"/users/{user}/server", json=options)

    def events(self, user: str) -> Iterator[dict[str, Any]]:
        """What the page that waits shows of a start, to its end."""
        until = time.monotonic() + LIMIT
        while True:
            with self.http.stream("GET", f"/users/{user}/server/progress") as answer:
                if answer.is_error:
                    answer.read()
                    # While it clears up after a failure, the hub has nothing to tell of it.
                    assert "is not starting" in answer.text, answer.text
                    assert time.monotonic() < until, answer.text
                    time.sleep(0.1)
                    continue
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        event: dict[str, Any] = json.loads(line.removeprefix("data:"))
                        yield event
                        if event.get("ready") or event.get("failed"):
                            return

    def started(self, user: str) -> Container:
        """`user`'s container, when JupyterLab answers in it."""
        self.spawn(user).raise_for_status()
        last = list(self.events(user))[-1]
        assert last.get("ready"), last
        return self.container(user)

    def container(self, user: str) -> Container:
        return self.engine.containers.get(f"{self.prefix}-{user}")

    def token(self, user: str) -> str:
        """A token of `user`'s own, as a browser's session stands for."""
        answer = self.http.post(f"/users/{user}/tokens", json={"expires_in": 3600})
        return str(answer.raise_for_status().json()["token"])

    def ended(self, user: str) -> None:
        """End `user`'s workspace, and wait until it has ended; the home stays."""
        self.http.delete(f"/users/{user}/server").raise_for_status()
        until = time.monotonic() + LIMIT
        while self.http.get(f"/users/{user}").json()["servers"]:
            assert time.monotonic() < until, self.log[-3000:]
            time.sleep(0.05)

    @property
    def log(self) -> str:
        return self._service.log.read_text()

    @property
    def _service(self) -> Service:
        command = [
            sys.executable,
            "-m",
            "jupyterhub",
            "-f",
            str(self.place / "jupyterhub_config.py"),
        ]
        return Service("hub", command, self.place, self.environment)

    def _answers(self) -> bool:
        try:
            return self.http.get("/").is_success
        except httpx.HTTPError:
            return False


def run(container: Container, code: str) -> Any:
    """What Python `code` prints as JSON inside of `container`, as its user."""
    done = container.exec_run(["python3", "-c", code])
    assert done.exit_code == 0, done.output.decode()
    return json.loads(done.output)
