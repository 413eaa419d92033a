"""Requests to an OCI registry: its address, its tokens, cut connections, and its refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from phtlab.errors import PhtlabError, RegistryError, RegistryUnreachableError
from phtlab.wire.authorities import authorities

Authorize = Callable[[list[str]], str]
"""Function from scopes such as `repository:trains/ada/heart:pull,push` to a bearer token."""

_ATTEMPTS = 5
# A registry whose disk is full answers 500 or 507.
_BUSY = frozenset({429, 500, 502, 503, 504, 507})
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 3
# Limit for answers that are no content: tags, refusals, states of uploads.
_ERROR_LIMIT = 1024 * 1024
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_RECENT = 60.0
"""Seconds after which a token is not given to an engine: central's tokens are for minutes."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ConnectionCutError(Exception):
    """The connection broke, or the registry is too busy; a retry may help."""


class Connection:
    """Connection to the registry at `url`. A path in `url` precedes every repository's name."""

    def __init__(
        self,
        url: str,
        authorize: Authorize | None,
        *,
        transport: httpx.BaseTransport | None,
        timeout: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._base = httpx.URL(self.url)
        if self._base.scheme not in ("http", "https") or not self._base.host:
            raise RegistryError(
                f"'{url}' is not the address of a registry; write it as https://host or "
                "http://127.0.0.1:5000.",
                code="registry-protocol",
            )
        self._prefix = self._base.path.strip("/")
        self._authorize = authorize
        self._tokens: dict[frozenset[tuple[str, str]], str] = {}
        self._obtained: dict[frozenset[tuple[str, str]], float] = {}
        self._pause = pause
        # `timeout` is per read: a registry could drip bytes for ever without reaching it.
        self._patience = 4 * timeout
        self._client = httpx.Client(
            verify=authorities(),
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=10.0),
            # No compression: a few compressed bytes could become any number.
            headers={"Accept-Encoding": "identity"},
            # A proxy from the environment cannot reach this machine's loopback.
            trust_env=self._base.host not in _LOOPBACK,
        )

    def close(self) -> None:
        self._client.close()

    @property
    def host(self) -> str:
        """Host and port."""
        return self._base.netloc.decode()

    def name(self, repository: str) -> str:
        """Return the repository's full name in this registry."""
        return f"{self._prefix}/{repository}" if self._prefix else repository

    def path(self, repository: str, rest: str) -> httpx.URL:
        return self._base.copy_with(path=f"/v2/{self.name(repository)}/{rest}")

    def root(self) -> httpx.URL:
        return self._base.copy_with(path="/v2/")

    def scopes(self, repository: str, actions: str) -> list[str]:
        return [f"repository:{self.name(repository)}:{actions}"]

    def located(self, response: httpx.Response, location: str | None = None) -> httpx.URL:
        """Return a response's next location, with the known scheme on the registry's own host.

        Raises RegistryError (``registry-redirect``) for any other host: a hostile registry could
        make this machine connect to addresses that only it can reach.
        """
        try:
            target = response.url.join(location or response.headers.get("location", ""))
        except httpx.InvalidURL:
            target = httpx.URL()
        if target.host == self._base.host and target.scheme != self._base.scheme:
            target = target.copy_with(scheme=self._base.scheme, port=self._base.port)
        if not self._is_ours(target):
            raise RegistryError(
                f"The registry at {self.url} sends this machine on to another address, "
                f"{_plain(str(target))}: phtlab does not go there.",
                "Ask its operator to serve all content itself (CNCF Distribution: "
                "storage.redirect.disable).",
                code="registry-redirect",
            )
        return target

    def call(
        self,
        method: str,
        url: httpx.URL,
        scopes: Sequence[str],
        *,
        expected: Sequence[int],
        what: str,
        **options: Any,
    ) -> httpx.Response:
        """Send a request, and retry after a cut. An empty `expected` accepts any status."""
        failures = 0
        while True:
            try:
                response = self.once(method, url, scopes, **options)
                break
            except ConnectionCutError as cut:
                failures += 1
                self.after_cut(failures, cut)
        if expected and response.status_code not in expected:
            raise self.refusal(response, what)
        return response

    def once(
        self, method: str, url: httpx.URL, scopes: Sequence[str], **options: Any
    ) -> httpx.Response:
        """Send a request, without retry. Raises ConnectionCutError."""
        with self.open(method, url, scopes, follow_redirects=False, **options) as response:
            return self.whole(response)

    def content(self, response: httpx.Response, limit: int, what: str) -> bytes:
        """Read the body of `what`, of at most `limit` bytes, in a bounded time.

        Raises RegistryError (``registry-too-large``), RegistryUnreachableError.
        """
        content, begun = bytearray(), time.monotonic()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > limit:
                raise too_large(what, limit)
            if time.monotonic() - begun > self._patience:
                raise self.unreachable(
                    TimeoutError(f"one answer takes more than {self._patience:g} seconds")
                )
        return bytes(content)

    def whole(self, response: httpx.Response) -> httpx.Response:
        """Return `response` with its body read by `content`."""
        words = self.content(response, _ERROR_LIMIT, str(response.url.path))
        headers = {k: v for k, v in response.headers.items() if k not in _OF_THE_BODY}
        return httpx.Response(
            response.status_code, headers=headers, content=words, request=response.request
        )

    @contextmanager
    def open(
        self,
        method: str,
        url: httpx.URL,
        scopes: Sequence[str],
        *,
        follow_redirects: bool = True,
        **options: Any,
    ) -> Iterator[httpx.Response]:
        """Open a response, its body unread. Raises ConnectionCutError, also while the body is read.

        Follows redirects within the registry only; others raise RegistryError, as in `located`.
        """
        try:
            response = self._authorized(method, url, scopes, **options)
            hops = 0
            while follow_redirects and response.status_code in _ELSEWHERE and hops < _MOST_HOPS:
                hops += 1
                response.close()
                url = self.located(response)
                response = self._authorized(method, url, scopes, **options)
            try:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise RegistryError(
                        f"The registry at {self.url} packs what it sends, although it was asked "
                        "not to: it is not read.",
                        "Ask its operator to leave its content as it is.",
                        code="registry-protocol",
                    )
                if response.status_code in _BUSY:
                    raise ConnectionCutError(f"it answered {response.status_code}")
                yield response
            finally:
                response.close()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise ConnectionCutError(str(error) or type(error).__name__) from error

    def after_cut(self, failures: int, cut: ConnectionCutError) -> None:
        """Wait a little before the next attempt; raise after five without progress."""
        if failures >= _ATTEMPTS or isinstance(cut.__cause__, httpx.ConnectError):
            raise self.unreachable(cut) from None
        self._pause(0.1 * 2**failures)

    def unreachable(self, cause: Exception) -> PhtlabError:
        return RegistryUnreachableError(
            f"The registry at {self.url} does not answer ({_plain(str(cause))}).",
            "Check that the address is right, that the registry is running and that this machine "
            "may reach it; then try again.",
        )

    def refusal(self, response: httpx.Response, what: str) -> RegistryError:
        """Return the error for an unexpected answer; `what` is what the registry did not do."""
        refused = response.status_code
        message = f"The registry at {self.url} did not {what}: {refused} {_reason(response)}."
        if refused in (401, 403):
            return RegistryError(
                message,
                "The token does not give this right; check your role on the roster.",
                code="registry-denied",
            )
        if refused == 404:
            return RegistryError(
                message, "It was never pushed, or its retention is over.", code="registry-missing"
            )
        return RegistryError(message)

    def _authorized(
        self, method: str, url: httpx.URL, scopes: Sequence[str], **options: Any
    ) -> httpx.Response:
        """Send with the known token, then with a new one if refused; the answer is unread.

        Without a known token one is requested first: a refusal that only asks for it is a request.
        """
        request = self._request(method, url, scopes, **options)
        response = self._client.send(request, stream=True)
        if response.status_code == 401 and self._authorize and scopes:
            response.close()
            request = self._request(method, url, scopes, fresh=True, **options)
            response = self._client.send(request, stream=True)
        return response

    def _request(
        self,
        method: str,
        url: httpx.URL,
        scopes: Sequence[str],
        *,
        fresh: bool = False,
        **options: Any,
    ) -> httpx.Request:
        """Build a request with the known token for `scopes`; `fresh` requests a new token."""
        request = self._client.build_request(method, url, **options)
        rights = _rights(scopes)
        if rights and self._is_ours(url):
            token = self._obtain(scopes) if fresh else self._known(rights) or self._obtain(scopes)
            if token is not None:
                request.headers["Authorization"] = f"Bearer {token}"
        return request

    def recent_token(self, scopes: Sequence[str]) -> str | None:
        """Return a token of the last minute for exactly `scopes`, a new one if need be."""
        rights = _rights(scopes)
        if time.monotonic() - self._obtained.get(rights, -_RECENT) < _RECENT:
            return self._tokens[rights]
        return self._obtain(scopes)

    def _known(self, rights: frozenset[tuple[str, str]]) -> str | None:
        return self._tokens.get(rights) or next(
            (wider for held, wider in list(self._tokens.items()) if held > rights), None
        )

    def _obtain(self, scopes: Sequence[str]) -> str | None:
        """Request a token. None without a way to."""
        if self._authorize is None:
            return None
        rights = _rights(scopes)
        self._tokens[rights] = token = self._authorize(list(scopes))
        self._obtained[rights] = time.monotonic()
        return token

    def _is_ours(self, url: httpx.URL) -> bool:
        return (url.scheme, url.netloc) == (self._base.scheme, self._base.netloc)


def too_large(what: str, limit: int) -> RegistryError:
    """Return the error for more bytes than `limit`."""
    return RegistryError(
        f"What the registry gave for {what} is larger than the {limit} bytes that are read of it.",
        code="registry-too-large",
    )


def _rights(scopes: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Return scopes as pairs of repository and action, so that one token may cover another's."""
    split = (scope.rsplit(":", 1) for scope in scopes)
    return frozenset((name, action) for name, actions in split for action in actions.split(","))


def _reason(response: httpx.Response) -> str:
    """Return the registry's message, shortened and printable, since a registry may be hostile."""
    try:
        first = response.json()["errors"][0]
        return _plain(f"{first['code']}: {first.get('message', '')}")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return response.reason_phrase


def _plain(text: str) -> str:
    return "".join(char for char in text[:200] if char.isprintable())
