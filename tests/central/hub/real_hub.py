"""A real JupyterHub with central as its service, behind its real proxy; no server is spawned."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from phtlab.wire.central.client import CentralClient
from tests.central.world import Founding
from tests.limits import LIMIT
from tests.real_registry import free_port

PROXY = Path(__file__).parents[3] / "hub_config/node_modules/.bin/configurable-http-proxy"
PASSWORD = "a long password for tests"
TESTER = "0123456789abcdef" * 4
SECONDS = LIMIT

_CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{proxy}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie_secret"
c.JupyterHub.log_level = "WARN"
c.ConfigurableHTTPProxy.command = ["{program}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allowed_users = {{"ada", "eve", "tim"}}
c.JupyterHub.spawner_class = "simple"
read, dispatch = "custom:phtlab:read", "custom:phtlab:dispatch"
central = "access:services!service=central"
c.JupyterHub.custom_scopes = {{name: {{"description": name}} for name in (read, dispatch)}}
c.JupyterHub.load_roles = [
    {{"name": "researcher", "users": ["ada"], "scopes": [read, dispatch, central]}},
    {{"name": "guest", "users": ["eve"], "scopes": [read, central]}},
    {{"name": "tester", "services": ["tester"], "scopes": ["tokens", "read:users:name"]}},
]
c.JupyterHub.services = [
    {{"name": "tester", "api_token": "{tester}"}},
    {{
        "name": "central",
        "url": "http://127.0.0.1:{central}",
        "command": ["{python}", "-m", "phtlab", "central", "run", "{directory}"],
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [read, dispatch, central],
    }},
]
"""


@dataclass(frozen=True)
class RealHub:
    """`url` is the proxy's; central is reached there only."""

    url: str

    @property
    def central(self) -> str:
        return f"{self.url}/services/central"

    def token(self, user: str, *scopes: str) -> tuple[str, str]:
        """A new token of `user` with `scopes` of the hub's choice of them, and its id."""
        answer = self._ask("POST", f"/users/{user}/tokens", json={"scopes": list(scopes)})
        return answer["token"], answer["id"]

    def revoke(self, user: str, token_id: str) -> None:
        self._ask("DELETE", f"/users/{user}/tokens/{token_id}")

    def browser(self) -> httpx.Client:
        return httpx.Client(trust_env=False, timeout=30, follow_redirects=True)

    def log_in(self, browser: httpx.Client, user: str) -> httpx.Response:
        """Open central's page, and fill in the hub's form on the way there."""
        form = browser.get(f"{self.central}/")
        assert form.url.path == "/hub/login", form.url
        (xsrf,) = re.findall(r'name="_xsrf"\s+value="([^"]+)"', form.text)
        data = {"username": user, "password": PASSWORD, "_xsrf": xsrf}
        return browser.post(str(form.url), data=data)

    def _ask(self, method: str, path: str, **options: object) -> dict[str, str]:
        headers = {"Authorization": f"token {TESTER}"}
        answer = httpx.request(
            method,
            f"{self.url}/hub/api{path}",
            headers=headers,
            trust_env=False,
            timeout=LIMIT,
            **options,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else {}


@contextlib.contextmanager
def real_hub(folder: Path, founding: Founding) -> Iterator[RealHub]:
    """Runs until the block ends; central's roster is published."""
    ports = {name: free_port() for name in ("proxy", "hub", "api", "central")}
    config = folder / "jupyterhub_config.py"
    config.write_text(
        _CONFIG.format(
            **ports,
            folder=folder,
            program=PROXY,
            password=PASSWORD,
            tester=TESTER,
            python=sys.executable,
            directory=founding.central.directory,
        )
    )
    hub = RealHub(f"http://127.0.0.1:{ports['proxy']}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PHTLAB_CENTRAL_DATABASE": ""},
        )
        try:
            _wait(hub, process, folder / "log")
            with CentralClient(hub.central) as client:
                client.publish_roster(founding.bundle())
            yield hub
        finally:
            process.terminate()
            process.wait(30)


def _wait(hub: RealHub, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{hub.central}/health", trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise AssertionError(f"the hub or its central did not start:\n{log.read_text()[-4000:]}")
