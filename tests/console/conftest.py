"""A console over the station of tests/station, listening on loopback; browsers are HTTP clients."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from phtlab.station.console.app import create_app
from phtlab.station.console.console import Console
from phtlab.station.console.serving import listen
from phtlab.station.console.sessions import new_link
from phtlab.station.context import station_context as station_desk
from phtlab.station.settings.people import ROLES, People, path_of, with_person, write_people
from phtlab.wire.authorities import authorities
from tests.real_registry import free_port
from tests.station.station_world import World, make_world

PEOPLE = {"rea": ("reader",), "rev": ("reviewer",), "rel": ("releaser",), "adm": ("admin",)}


@dataclass
class Desk:
    """The console of a station, and whoever is logged in at it."""

    world: World
    console: Console
    app: FastAPI
    clients: list[httpx.Client] = field(default_factory=list)

    @property
    def home(self) -> str:
        return self.console.home.rstrip("/")

    def browser(self) -> httpx.Client:
        """A browser that nobody has logged in with."""
        headers = {"Origin": self.home}
        client = httpx.Client(
            base_url=self.home, headers=headers, trust_env=False, timeout=60, verify=authorities()
        )
        self.clients.append(client)
        return client

    def link(self, person: str) -> str:
        until = self.world.now() + timedelta(minutes=5)
        return new_link(self.world.folder, person, until)

    def login(self, person: str) -> Browser:
        client = self.browser()
        answer = client.post("/login", data={"link": self.link(person)})
        assert answer.status_code == 303, answer.text
        return Browser(client)


@dataclass
class Browser:
    """A browser in which somebody is logged in: its forms have the session's token."""

    client: httpx.Client

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/").text)
        assert found
        return found[1]

    def get(self, path: str, status: int = 200) -> httpx.Response:
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return answer

    def post(self, path: str, status: int = 303, **form: str) -> httpx.Response:
        answer = self.client.post(path, data={"csrf": self.csrf, **form})
        assert answer.status_code == status, (path, answer.status_code, answer.text[-2000:])
        return answer


@contextmanager
def running(console: Console, app: FastAPI) -> Iterator[None]:
    """The console as `phtlab station console` serves it."""
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1)
    with listen(console.address, console.port) as socket:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield
        finally:
            console.closing.set()
            server.should_exit = True
            thread.join(timeout=30)


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The station `cleveland` with hearts; one person a role, and `all` with every one."""
    with desk_of(make_world(tmp_path_factory.mktemp("console"))) as desk:
        desk.world.add_hearts()
        yield desk


@pytest.fixture
def desk(module_desk: Desk) -> Iterator[Desk]:
    """The module's station as it was in the beginning, but for its stops and its log."""
    people = path_of(module_desk.world.folder).read_bytes()
    policy = module_desk.world.folder.policy.read_bytes()
    yield module_desk
    path_of(module_desk.world.folder).write_bytes(people)
    module_desk.world.folder.policy.write_bytes(policy)
    module_desk.world.ahead = timedelta(0)
    while module_desk.clients:
        module_desk.clients.pop().close()


@contextmanager
def desk_of(world: World) -> Iterator[Desk]:
    """The console of the station of `world`."""
    people = People()
    for name, roles in {**PEOPLE, "all": ROLES}.items():
        people = with_person(people, name, roles)
    write_people(world.folder, people)
    console = Console.of(
        station_desk.StationContext(world.folder, world.settings, world.now), port=free_port()
    )
    app = create_app(console)
    desk = Desk(world, console, app)
    with running(console, app):
        yield desk
        for client in desk.clients:
            client.close()
