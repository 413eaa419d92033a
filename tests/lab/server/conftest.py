"""A real Jupyter Server with the extension, in this process, on a loopback port.

`asking` speaks to it as a logged-in browser's page does, and holds every answer and event to the
models of the API; `central` is a consortium behind it whose
member ada sits at the keyboard. Key files are cheap to open here, and a wrong passphrase costs no
time: `slept` is what it would have cost.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.jupyter_server import *  # noqa: F403
from traitlets.config import Config

from phtlab.files.key_file import write_key
from phtlab.lab.keys.key_files import WorkspaceKeys
from phtlab.lab.server.extension import PhtlabExtension
from phtlab.user_settings import remember
from tests.central.conftest import founding, hub, hub_central, prepared_sqlite, small_central
from tests.central.world import World
from tests.lab.server.api_answers import require_answer, require_event, require_problem
from tests.limits import LIMIT

__all__ = ["founding", "hub", "hub_central", "prepared_sqlite", "small_central"]

PASSPHRASE = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this person's profile and cache lie; nothing is in it yet."""
    place = tmp_path / "person"
    monkeypatch.setenv("PHTLAB_CONFIG", str(place / "config"))
    monkeypatch.setenv("PHTLAB_CACHE", str(place / "cache"))
    # Set by the extension for kernels: gone again after the test.
    monkeypatch.setenv("PHTLAB_DATASETS", "")
    monkeypatch.delenv("PHTLAB_DATASETS")
    return place


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def cheap_keys(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> None:
    cheap = partial(WorkspaceKeys, log_n=4, sleep=slept.append)
    monkeypatch.setattr("phtlab.lab.server.extension.WorkspaceKeys", cheap)


@pytest.fixture
def jp_server_config(home: Path, cheap_keys: None) -> Config:
    return Config({"ServerApp": {"jpserver_extensions": {"phtlab.lab.server": True}}})


@dataclass
class Event:
    kind: str
    data: Any


@dataclass
class Asking:
    """Requests below `/phtlab/`, with the login unless told otherwise."""

    app: ServerApp
    url: str
    client: httpx.AsyncClient

    @property
    def extension(self) -> PhtlabExtension:
        return self.app.web_app.settings["phtlab"]

    @property
    def login(self) -> dict[str, str]:
        return {"Authorization": f"token {self.app.identity_provider.token}"}

    async def request(
        self, verb: str, path: str, *, headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        """One request; `headers` replaces the login."""
        self.client.cookies.clear()  # a test says itself what its request carries
        return await self.client.request(
            verb,
            f"{self.url}phtlab/{path}",
            headers=self.login if headers is None else headers,
            **options,
        )

    async def get(self, path: str) -> Any:
        """The answer, which has to be a good one."""
        return await self._answer("GET", path)

    async def post(self, path: str, body: Any) -> Any:
        return await self._answer("POST", path, json=body)

    async def _answer(self, verb: str, path: str, **options: Any) -> Any:
        response = await self.request(verb, path, **options)
        assert response.status_code == 200, response.text
        answer = response.json()
        require_answer(verb, path, answer)
        return answer

    async def refused(self, verb: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and problem of an answer that has to be a refusal, in its four fields."""
        response = await self.request(verb, path, **options)
        problem = response.json()
        assert response.status_code >= 400, problem
        require_problem(problem)
        assert problem["message"].endswith((".", ")")), problem
        return response.status_code, problem

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[Event]]:
        """The stream of events, opened as an EventSource opens it."""
        token = {"token": self.app.identity_provider.token}
        self.client.cookies.clear()
        address = f"{self.url}phtlab/events"
        async with self.client.stream("GET", address, params=token) as response:
            assert response.status_code == 200
            assert response.headers["Content-Type"].startswith("text/event-stream")
            yield _events(response)


async def _events(response: httpx.Response) -> AsyncIterator[Event]:
    kind = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            event = Event(kind, json.loads(line.removeprefix("data: ")))
            require_event(event.kind, event.data)
            yield event


SECONDS = LIMIT  # the longest that a test waits for an event: a stream itself never ends


async def until(
    events: AsyncIterator[Event], *wanted: Callable[[Event], bool], seconds: float = SECONDS
) -> list[Event]:
    """The events up to that by which each of `wanted` has come, in whatever order."""
    heard: list[Event] = []
    missing = list(wanted)
    async with asyncio.timeout(seconds):
        async for event in events:
            heard.append(event)
            missing = [one for one in missing if not one(event)]
            if not missing:
                return heard
    raise AssertionError(f"the stream ended after {heard}")


@pytest.fixture
def asking(
    jp_serverapp: ServerApp,
    http_server: Any,
    jp_http_port: int,
    jp_base_url: str,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Asking]:
    client = httpx.AsyncClient(trust_env=False, verify=False, timeout=60)
    yield Asking(jp_serverapp, f"http://127.0.0.1:{jp_http_port}{jp_base_url}", client)
    jp_asyncio_loop.run_until_complete(client.aclose())


@pytest.fixture
def central(small_central: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Ada's profile of a consortium: her key is locked. Ask for it before `asking`."""
    config = home / "config"
    key = config / "keys" / "ada.key.age"
    write_key(key, small_central.identity("ada"), PASSPHRASE, log_n=4)
    remember(config, central=small_central.url, key=str(key))
    root = home / "root.json"
    root.write_bytes(small_central.founding.consortium.root)
    monkeypatch.setenv("PHTLAB_ROOT", str(root))
    yield small_central
