"""A central or a registry that lies: the real one, with someone before it who changes its answers.

`Liar` listens on a free loopback port and passes everything on to the real service, word for word,
except what a test makes it lie about. `Stranger` is a place that nobody should be led to: it
answers whoever comes, and remembers what they brought.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# Between two hops only (RFC 9110, section 7.6.1); a body's length is said anew.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True)
class Asked:
    """A request. `path` comes with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer. A body that comes in pieces is sent in chunks, and may have no end."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterable[bytes]

    @property
    def content(self) -> bytes:
        """The body of an answer that came whole."""
        assert isinstance(self.body, bytes)
        return self.body

    def saying(self, body: bytes | Iterable[bytes]) -> Answer:
        """The same answer with another body."""
        return replace(self, body=body)


Lie = Callable[[Asked, Answer], Answer]


@dataclass
class Lying:
    """One lie while it is told; `told` counts how often it was."""

    method: str
    path: re.Pattern[str]
    lie: Lie
    told: int = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[Asked], Answer]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on a liar in the middle of a word: nobody need hear of that."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """What was asked is in `asked`."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = self.server.answer(
            Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        )
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.body, bytes):
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in answer.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815


class _Listening:
    """A server on a free loopback port, until it is closed."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answer = self._heard
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.asked: list[Asked] = []
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _heard(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self._answer(asked)

    def _answer(self, asked: Asked) -> Answer:
        raise NotImplementedError


class Stranger(_Listening):
    """Answers everyone with `content`; whoever comes has been led astray, and is in `asked`."""

    content = b"{}"

    def _answer(self, asked: Asked) -> Answer:
        return Answer(200, {"Content-Type": "application/octet-stream"}, self.content)


class Liar(_Listening):
    """Stands before the service at `target`, and is taken for it."""

    def __init__(self, target: str) -> None:
        super().__init__()
        self.target = target
        self._address = urlsplit(target).netloc
        self._lies: list[Lying] = []

    @contextlib.contextmanager
    def lying(self, method: str, path: str, lie: Lie) -> Iterator[Lying]:
        """Change the answers to `method` at paths that match the pattern `path` by `lie`."""
        lying = Lying(method, re.compile(path), lie)
        self._lies.append(lying)
        try:
            yield lying
        finally:
            self._lies.remove(lying)

    def _answer(self, asked: Asked) -> Answer:
        answer = self._true(asked)
        # Looked up only now: a long poll may have begun before the lie.
        for lying in list(self._lies):
            # A registry that asks for a token first has not been asked yet.
            if answer.status == HTTPStatus.UNAUTHORIZED:
                continue
            if lying.method == asked.method and lying.path.search(asked.path):
                answer = lying.lie(asked, _whole(answer))
                lying.told += 1
        return answer

    def _true(self, asked: Asked) -> Answer:
        """What the real service says, with our address in place of its own."""
        line = http.client.HTTPConnection(self._address, timeout=120)
        headers = {k: v for k, v in asked.headers.items() if k not in _HOP and k != "host"}
        try:
            line.request(asked.method, asked.path, asked.body or None, headers)
            response = line.getresponse()
        except OSError:
            line.close()
            return Answer(502, {}, b"the real one is away")
        told = {
            name: value.replace(self.target, self.url)
            for name, value in response.getheaders()
            if name.lower() not in _HOP
        }
        if asked.method == "HEAD":
            told |= {"Content-Length": response.headers.get("content-length", "0")}
        if response.chunked:
            return Answer(response.status, told, _pieces(line, response))
        with contextlib.closing(line):
            return Answer(response.status, told, response.read())


def _pieces(
    line: http.client.HTTPConnection, response: http.client.HTTPResponse
) -> Iterator[bytes]:
    """As they come: a stream of events has no end."""
    with contextlib.closing(line):
        while piece := response.read1(1 << 16):
            yield piece


def _whole(answer: Answer) -> Answer:
    return answer if isinstance(answer.body, bytes) else answer.saying(b"".join(answer.body))


def saying_json(change: Callable[[Any], Any]) -> Lie:
    """A lie that changes the JSON of an answer by `change`."""
    return lambda _, answer: answer.saying(json.dumps(change(json.loads(answer.content))).encode())


def offering(journey: str, /, **changes: Any) -> Lie:
    """A lie that changes what an inbox offers of `journey`; `changes` are fields of the offer."""

    def change(inbox: Any) -> Any:
        for offer in inbox["offers"]:
            if offer["journey"] == journey:
                offer.update(changes)
        return inbox

    return saying_json(change)


@dataclass(frozen=True)
class Liars:
    """Who stands before central, and who before the registry."""

    central: Liar
    registry: Liar


@contextlib.contextmanager
def told_of(liars: Liars, journey: str, change: Callable[[Any], None]) -> Iterator[None]:
    """While central shows `journey` as `change` makes it."""

    def said(view: Any) -> Any:
        change(view)
        return view

    path = f"^/api/v1/journeys/{journey.replace(':', '(:|%3A)')}$"
    with liars.central.lying("GET", path, saying_json(said)) as lying:
        yield
    assert lying.told
