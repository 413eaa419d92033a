"""Every route of the server extension in a researcher's workspace, with everyone's token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import docker
import httpx
import pytest

from phtlab.demo.hub import HubWorld
from phtlab.lab.server.routes import PREFIX, routes
from tests.hub.server_matrix import ALLOWED, OWNER, VISITORS, Visitor
from tests.hub.session import HubSession

pytestmark = pytest.mark.engine

JOURNEY = f"sha256:{'0' * 64}"
# Whoever gets to the thing itself is told that this is no body for it: nothing is changed.
NO_BODY = b"!"


class People:
    """Everyone's session at the hub; the owner's server runs."""

    def __init__(self, hub: HubWorld, engine: docker.DockerClient, stack: ExitStack):
        self.hub = hub
        self._engine = engine
        self._stack = stack
        self._sessions: dict[str, HubSession] = {}

    def session(self, name: str) -> HubSession:
        if name not in self._sessions:
            session = self._stack.enter_context(HubSession(self.hub.url))
            self._sessions[name] = session.logged_in(name, self.hub.passwords[name])
        return self._sessions[name]

    def token(self, visitor: Visitor) -> str | None:
        if visitor.name is None:
            return None
        session = self.session(visitor.name)
        if visitor.kind == "of the server":
            return self._token_of_the_server()
        if visitor.kind == "without the scope":
            return session.token(visitor.name, [f"read:users!user={visitor.name}"])
        if visitor.kind == "expired":
            return session.expired_token(visitor.name)
        return session.token(visitor.name)

    def _token_of_the_server(self) -> str:
        name = f"^/{self.hub.settings.prefix}-"  # other hubs of this machine have such a user too
        label = f"org.phtlab.user={OWNER}"
        (lab,) = self._engine.containers.list(
            filters={"label": label, "name": name}, ignore_removed=True
        )
        variables = dict(word.split("=", 1) for word in lab.attrs["Config"]["Env"])
        return variables["JUPYTERHUB_API_TOKEN"]


@pytest.fixture(scope="module")
def people(workspace_hub: HubWorld, engine: docker.DockerClient) -> Iterator[People]:
    with ExitStack() as stack:
        people = People(workspace_hub, engine, stack)
        people.session(OWNER).started(OWNER)
        yield people


def _status(http: httpx.Client, verb: str, path: str, token: str | None) -> tuple[int, str]:
    """The answer's status and kind; of a stream of events once it has begun."""
    place = f"/user/{OWNER}{path.replace('{journey}', JOURNEY)}"
    headers = {"Authorization": f"token {token}"} if token else {}
    content = NO_BODY if verb == "POST" else None
    with http.stream(verb, place, headers=headers, content=content) as answer:
        return answer.status_code, answer.headers.get("Content-Type", "").partition(";")[0]


@pytest.mark.parametrize("visitor", VISITORS, ids=lambda visitor: visitor.title)
def test_each_route_takes_whom_the_matrix_says(people: People, visitor: Visitor) -> None:
    token = people.token(visitor)
    wrong = []
    with httpx.Client(base_url=people.hub.url, trust_env=False, timeout=30) as http:
        for (verb, path), allowed in ALLOWED.items():
            status, kind = _status(http, verb, path, token)
            # (A journey that there is not is 404 too, and says so in JSON.)
            got_in = status < 500 and status not in (302, 401, 403, 405) and kind != "text/html"
            if got_in is not (visitor in allowed) or (not got_in and status != 403):
                wrong.append((verb, path, status, kind))
    assert not wrong


def test_the_matrix_has_every_route_of_the_extension() -> None:
    assert set(ALLOWED) == {(v, f"/{PREFIX}/{r.path}") for r in routes() for v in r.verbs}
    assert len(ALLOWED) > 15


def test_a_page_of_another_site_sends_nothing_in_its_users_name(people: People) -> None:
    """A browser adds the cookies by itself; without the page's own token they do nothing."""
    session = people.session(OWNER)
    page = session.http.get(f"/user/{OWNER}/lab")
    assert (page.status_code, page.url.path) == (200, f"/user/{OWNER}/lab")
    for route in routes():
        for verb in set(route.verbs) - {"GET"}:
            place = f"/user/{OWNER}/{PREFIX}/{route.path.replace('{journey}', JOURNEY)}"
            sent = session.http.request(verb, place, content=NO_BODY)
            assert sent.status_code == 403, (route.path, sent.text)


def test_who_is_refused_is_told_so_in_a_sentence(people: People) -> None:
    with httpx.Client(base_url=people.hub.url, trust_env=False, timeout=30) as http:
        answer = http.post(f"/user/{OWNER}/{PREFIX}/keys/lock", content=b"{}")
    assert answer.status_code == 403
    told = json.loads(answer.text)
    assert told["code"] in ("logged-out", "forbidden")
    assert "log in" in told["hint"].lower()


def test_a_token_in_the_address_is_none(people: People) -> None:
    token = people.token(VISITORS[0])
    with httpx.Client(base_url=people.hub.url, trust_env=False, timeout=30) as http:
        path = f"/{PREFIX}/status?token={token}"
        assert _status(http, "GET", path, None)[0] == 403
