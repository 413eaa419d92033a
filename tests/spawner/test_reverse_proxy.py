"""The reverse proxy, a real nginx: three ways in, and nothing beside them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from phtlab.errors import SettingsError
from phtlab_spawner import ReverseProxy
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.real_registry import free_port

PART = b"x" * 65536


@dataclass
class Behind:
    """A server behind the reverse proxy: answers with the request, and waits where asked to."""

    name: str
    asked: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        told = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                told.asked.append(self.path)
                if self.path.endswith("/events"):
                    self.send_response(200)
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(b"data: first\n\n")
                    told.go_on.wait(20)
                    self.wfile.write(b"data: second\n\n")
                    self.close_connection = True
                    return
                content = json.dumps({"by": told.name, "headers": dict(self.headers)}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self) -> None:
                told.asked.append(self.path)
                length = int(self.headers["Content-Length"])
                self.rfile.read(length)
                self.send_response(202)
                self.send_header("Location", f"http://127.0.0.1:5000{self.path}?_state=a:b")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test's output is its own."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def end(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        join(self.thread)


@pytest.fixture(scope="module")
def three() -> Iterator[dict[str, Behind]]:
    behind = {name: Behind(name) for name in ("hub", "central", "registry")}
    yield behind
    for one in behind.values():
        one.end()


@pytest.fixture(scope="module")
def reverse_proxy(
    three: dict[str, Behind], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReverseProxy]:
    # (A folder with a space: a name in nginx's file may have one.)
    made = ReverseProxy(
        tmp_path_factory.mktemp("the door"),
        "127.0.0.1",
        free_port(),
        **{name: one.url for name, one in three.items()},
    )
    made.start()
    yield made
    made.stop()


@pytest.fixture
def http(reverse_proxy: ReverseProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=reverse_proxy.url, trust_env=False, timeout=20) as client:
        yield client


def as_written(reverse_proxy: ReverseProxy, path: str, host: str = "workspace") -> tuple[int, str]:
    """Status and body for a path that no client mends on its way."""
    with socket.create_connection((reverse_proxy.gateway, reverse_proxy.port), timeout=20) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("/hub/api/", "hub"),
        ("/hub/api/user", "hub"),
        ("/services/central/api/v1/news", "central"),
        ("/v2/", "registry"),
        ("/v2/trains/heart/manifests/sha256:0", "registry"),
    ],
)
def test_it_leads_to_each_of_the_three(http: httpx.Client, path: str, by: str) -> None:
    assert http.get(path).json()["by"] == by


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/hub/",
        "/hub/home",
        "/hub/login",
        "/hub/admin",
        "/hub/metrics",
        "/user/grace/lab",
        "/user/grace/api/kernels",
        "/services/",
        "/services/announcement/",
        "/hub/apis",
        "/v1/",
        "/api/routes",
        "/nginx_status",
        # Up again, in every spelling: what is behind might take it for its own way.
        "/hub/api/../login",
        "/hub/api/../../user/grace/lab",
        "/hub/api/%2e%2e/login",
        "/hub/api/%2E%2e/login",
        "/hub/api/.%2e/login",
        "/hub/api/..%2flogin",
        "/hub/api/..%5clogin",
        "/services/central/../../hub/login",
        "/services/central/..",
        "/v2/..?x",
        "/v2/./_catalog",
        "//user/grace/lab",
        "/hub/login?next=/hub/api/",
        "http://127.0.0.1/hub/login",
        "/%68ub/login",
    ],
)
def test_nothing_else_is_there(
    reverse_proxy: ReverseProxy, three: dict[str, Behind], path: str
) -> None:
    before = {name: len(one.asked) for name, one in three.items()}
    status, body = as_written(reverse_proxy, path)
    assert status in (400, 404)
    if status == 404:
        told = json.loads(body)
        assert told["code"] == "reverse-proxy"
        assert "only the hub's API, central and the registry" in told["hint"].replace("’", "'")
    assert before == {name: len(one.asked) for name, one in three.items()}, "it was passed on"


def test_it_is_no_proxy_to_other_places(reverse_proxy: ReverseProxy) -> None:
    with socket.create_connection((reverse_proxy.gateway, reverse_proxy.port), timeout=20) as line:
        line.sendall(b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n")
        assert line.recv(65536).split()[1] in (b"400", b"405")
    status, _ = as_written(reverse_proxy, "http://127.0.0.1:22/", host="127.0.0.1:22")
    assert status == 404


def test_who_asks_is_told_truly_whatever_the_workspace_says(http: httpx.Client) -> None:
    lies = {"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1", "X-Forwarded-Proto": "https"}
    headers = http.get("/hub/api/user", headers=lies).json()["headers"]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Real-IP"] == "127.0.0.1"
    assert headers["X-Forwarded-Proto"] == "http"


def test_a_workspace_that_takes_all_it_gets_leaves_the_others_theirs(
    reverse_proxy: ReverseProxy, tmp_path: Path
) -> None:
    slow = Behind("central")
    narrow = replace(reverse_proxy, directory=tmp_path, port=free_port(), central=slow.url)
    narrow.start()
    lines: list[socket.socket] = []
    try:
        statuses = []
        for _ in range(25):
            line = socket.create_connection(
                (narrow.gateway, narrow.port), timeout=20, source_address=("127.0.0.9", 0)
            )
            lines.append(line)
            line.sendall(b"GET /services/central/events HTTP/1.1\r\nHost: workspace\r\n\r\n")
            statuses.append(line.recv(65536).split()[1])
        assert statuses == [b"200"] * 24 + [b"429"]
        assert (
            httpx.get(f"{narrow.url}/hub/api/", trust_env=False, timeout=LIMIT).status_code == 200
        )
    finally:
        for line in lines:
            line.close()
        narrow.stop()
        slow.end()


def test_events_arrive_when_they_are_sent(http: httpx.Client, three: dict[str, Behind]) -> None:
    with http.stream("GET", "/services/central/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        three["central"].go_on.set()
        assert "data: second" in list(lines)


def test_cargo_and_layers_are_as_large_as_they_are_but_the_hubs_api_takes_little(
    http: httpx.Client,
) -> None:
    large = PART * 64
    assert http.post("/services/central/api/v1/cargo", content=large).status_code == 202
    assert http.post("/v2/trains/heart/blobs/uploads/", content=large).status_code == 202
    assert http.post("/hub/api/users", content=large).status_code == 413


def test_an_upload_goes_on_through_the_door(
    http: httpx.Client, reverse_proxy: ReverseProxy
) -> None:
    begun = http.post("/v2/trains/heart/blobs/uploads/", content=b"")
    assert (
        begun.headers["Location"]
        == f"{reverse_proxy.url}/v2/trains/heart/blobs/uploads/?_state=a:b"
    )


def test_who_does_not_answer_is_named(reverse_proxy: ReverseProxy, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    alone = replace(
        reverse_proxy,
        directory=tmp_path,
        port=free_port(),
        hub=nobody,
        central=nobody,
        registry=nobody,
    )
    alone.start()
    try:
        for path, name in (
            ("/hub/api/", "The hub"),
            ("/services/central/", "Central"),
            ("/v2/", "The registry"),
        ):
            answer = httpx.get(f"{alone.url}{path}", trust_env=False, timeout=LIMIT)
            assert answer.status_code == 502
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["detail"].startswith(f"{name} does not answer.")
    finally:
        alone.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(alone.url, trust_env=False, timeout=LIMIT)


def test_a_hub_below_another_path_has_its_door_there(
    reverse_proxy: ReverseProxy, tmp_path: Path
) -> None:
    below = replace(reverse_proxy, directory=tmp_path, port=free_port(), base="/jupyter")
    below.start()
    try:
        with httpx.Client(base_url=below.url, trust_env=False, timeout=LIMIT) as http:
            assert http.get("/jupyter/hub/api/").json()["by"] == "hub"
            assert http.get("/jupyter/services/central/x").json()["by"] == "central"
            assert http.get("/hub/api/").status_code == 404
    finally:
        below.stop()


def test_opening_and_closing_it_again_changes_nothing(reverse_proxy: ReverseProxy) -> None:
    pid = reverse_proxy.service.pid()
    reverse_proxy.start()
    assert reverse_proxy.service.pid() == pid
    unopened = replace(reverse_proxy, directory=reverse_proxy.directory / "other", port=free_port())
    unopened.stop()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8000",
        "http://127.0.0.1:8000/hub",
        "unix:/run/docker.sock",
        "http://127.0.0.1:8000; } server { listen 80; location / { root /",
        "http://127.0.0.1:8000\n",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(reverse_proxy: ReverseProxy, address: str) -> None:
    with raises_code(SettingsError, "reverse-proxy-address"):
        replace(reverse_proxy, hub=address).configuration()


def test_what_nginx_refuses_is_told_in_its_words(
    reverse_proxy: ReverseProxy, tmp_path: Path
) -> None:
    with raises_code(SettingsError, "reverse-proxy"):
        replace(reverse_proxy, directory=tmp_path, port=99_999).write()
