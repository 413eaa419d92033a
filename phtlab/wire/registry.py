"""An OCI registry as phtlab uses it: content by digest, over HTTP.

Follows the OCI distribution specification 1.1. What is read is hashed and compared with the
digest that was asked for, so that the registry is trusted with availability only. What is read
into memory has a limit.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from phtlab.errors import PhtlabError, RegistryError, RegistryUnreachableError
from phtlab.train.canonical import digest as digest_of
from phtlab.train.image import MANIFEST_TYPE

Authorize = Callable[[list[str]], str]
"""Scopes such as `repository:trains/ada/heart:pull,push` to a bearer token."""

Moved = Callable[[int], None]
"""Told how many bytes of a blob have moved so far."""

MANIFEST_LIMIT = 4 * 1024 * 1024
_ACCEPT = f"{MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json"
_ATTEMPTS = 5
_BUSY = frozenset({429, 502, 503, 504})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Cut(Exception):  # noqa: N818 - never seen outside of wire
    """The connection broke, or the registry is too busy; trying again may help."""


class Registry:
    """A client of the registry at `url`, such as `https://registry.example` or with a path.

    A path in the URL is put before every repository's name (Harbor's projects). `authorize` is
    asked for a token when the registry wants one; without it, access is anonymous.

    All methods raise RegistryUnreachableError when the registry does not answer and
    RegistryError, with one of the codes `registry-denied`, `registry-missing`,
    `registry-digest`, `registry-too-large` and `registry-protocol`, when it refuses or lies.
    """

    def __init__(
        self,
        url: str,
        authorize: Authorize | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        chunk_bytes: int = 8 * 1024 * 1024,
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
        self._tokens: dict[tuple[str, ...], str] = {}
        self._pause = pause
        self.chunk_bytes = chunk_bytes
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(timeout, connect=10.0),
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=self._base.host not in ("127.0.0.1", "localhost", "::1"),
        )

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def reference(self, repository: str, digest: str) -> str:
        """What an engine pulls: `host:port/repository@sha256:…`."""
        return f"{self._base.netloc.decode()}/{self.name(repository)}@{digest}"

    def name(self, repository: str) -> str:
        """The repository's full name in this registry."""
        return f"{self._prefix}/{repository}" if self._prefix else repository

    def check(self) -> None:
        """Whether a registry answers here (`GET /v2/`), with or without asking for a token."""
        url = self._base.copy_with(path="/v2/")
        response = self._patiently(lambda: self._once("GET", url, []))
        if response.status_code not in (200, 401):
            raise self.refusal(response, "answer as a registry", self.url)

    # Manifests

    def manifest(self, repository: str, reference: str) -> bytes:
        """The manifest of `reference` (a digest or a tag), checked against it if it is a digest."""
        what = f"give the manifest {reference} of"
        with self._stream("GET", repository, f"manifests/{reference}", what) as response:
            content = _limited(response, MANIFEST_LIMIT, f"the manifest {reference}")
        if _DIGEST.fullmatch(reference):
            _compare(digest_of(content), reference, repository)
        return content

    def has_manifest(self, repository: str, reference: str) -> bool:
        """Whether `repository` has the manifest."""
        return self._has(repository, f"manifests/{reference}", "look into")

    def put_manifest(
        self,
        repository: str,
        content: bytes,
        *,
        reference: str | None = None,
        media_type: str = MANIFEST_TYPE,
    ) -> str:
        """Store a manifest under its digest, or a tag as well. Returns the digest."""
        digest = digest_of(content)
        self.call(
            "PUT",
            self.path(repository, f"manifests/{reference or digest}"),
            self.scopes(repository, "pull,push"),
            expected=(201,),
            what=f"take the manifest {digest} in {repository}",
            content=content,
            headers={"Content-Type": media_type},
        )
        return digest

    def delete(self, repository: str, digest: str) -> bool:
        """Remove a manifest, and every tag of it. Returns False if there was none."""
        return self._delete(repository, f"manifests/{digest}")

    def tags(self, repository: str) -> list[str]:
        """The tags of `repository`, sorted; none if there is no such repository."""
        found: list[str] = []
        url: httpx.URL | None = self.path(repository, "tags/list")
        while url is not None and len(found) < 10_000:
            response = self.call(
                "GET",
                url,
                self.scopes(repository, "pull"),
                expected=(200, 404),
                what=f"list {repository}",
            )
            if response.status_code == 404:
                break
            found += response.json().get("tags") or []
            following = response.links.get("next", {}).get("url")
            url = self.located(response, following) if following else None
        return sorted(found)

    # Blobs

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether `repository` has the blob."""
        return self._has(repository, f"blobs/{digest}", "look into")

    def read_blob(self, repository: str, digest: str, limit: int) -> bytes:
        """The blob of `digest`, of at most `limit` bytes, checked."""
        what = f"give the blob {digest} of"
        with self._stream("GET", repository, f"blobs/{digest}", what) as response:
            content = _limited(response, limit, f"the blob {digest}")
        _compare(digest_of(content), digest, repository)
        return content

    def download_blob(
        self,
        repository: str,
        digest: str,
        path: Path,
        *,
        limit: int | None = None,
        moved: Moved = lambda size: None,
    ) -> None:
        """The blob of `digest` as the file `path`, in constant memory.

        A download that was cut goes on where it stopped. `path` appears only when all of it has
        come and its digest holds; `limit` is in bytes.
        """
        draft = path.with_name(f".{path.name}.part")
        try:
            with draft.open("wb") as target:
                self.write_blob(repository, digest, target.write, limit=limit, moved=moved)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def write_blob(
        self,
        repository: str,
        digest: str,
        write: Callable[[bytes], object],
        *,
        limit: int | None = None,
        moved: Moved = lambda size: None,
    ) -> int:
        """Give the blob piece by piece to `write`. The digest is checked after the last piece."""
        sha256, size, failures = hashlib.sha256(), 0, 0
        while True:
            before = size
            headers = {"Range": f"bytes={size}-"} if size else {}
            try:
                with self._open("GET", repository, f"blobs/{digest}", headers) as response:
                    if response.status_code != (206 if size else 200):
                        if size and response.status_code == 200:
                            raise RegistryError(
                                f"The download of {digest} was cut, and the registry at "
                                f"{self.url} cannot go on in the middle. Try again.",
                                code="registry-protocol",
                            )
                        response.read()
                        raise self.refusal(response, f"give the blob {digest} of", repository)
                    for piece in response.iter_bytes(1 << 20):
                        size += len(piece)
                        if limit is not None and size > limit:
                            raise _too_large(f"the blob {digest}", limit)
                        sha256.update(piece)
                        write(piece)
                        moved(size)
                break
            except (httpx.TransportError, Cut) as cut:
                failures = 1 if size > before else failures + 1
                self.after_cut(failures, cut)
        _compare(f"sha256:{sha256.hexdigest()}", digest, repository)
        return size

    def put_blob(
        self,
        repository: str,
        content: bytes | Path,
        *,
        digest: str | None = None,
        moved: Moved = lambda size: None,
    ) -> str:
        """Store a blob, unless it is there; returns its digest.

        `digest` saves reading a file twice. The blob goes up in chunks; after a cut it goes on
        where the registry says that it stopped, or from the start if the registry has lost it.
        """
        from phtlab.wire.upload import Upload, source_of

        source = source_of(content, digest)
        if not self.has_blob(repository, source.digest):
            Upload(self, repository, source, moved).run()
        return source.digest

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Make the blob of the repository `source` one of `repository`, without moving it.

        Returns False when the registry wants it uploaded instead.
        """
        url = self.path(repository, "blobs/uploads/").copy_merge_params(
            {"mount": digest, "from": self.name(source)}
        )
        scopes = [*self.scopes(repository, "pull,push"), *self.scopes(source, "pull")]
        what = f"mount {digest} of {source} into {repository}"
        response = self.call("POST", url, scopes, expected=(201, 202), what=what)
        if response.status_code == 202 and "location" in response.headers:
            # The registry has begun an upload instead, which nobody will finish.
            self.call("DELETE", self.located(response), scopes, expected=(), what=what)
        return response.status_code == 201

    def delete_blob(self, repository: str, digest: str) -> bool:
        """Remove a blob from `repository`. Returns False if there was none."""
        return self._delete(repository, f"blobs/{digest}")

    # What upload.py needs as well

    def path(self, repository: str, rest: str) -> httpx.URL:
        return self._base.copy_with(path=f"/v2/{self.name(repository)}/{rest}")

    def scopes(self, repository: str, actions: str) -> list[str]:
        return [f"repository:{self.name(repository)}:{actions}"]

    def located(self, response: httpx.Response, location: str | None = None) -> httpx.URL:
        """Where a response sends us next; on our own host by the scheme that we know works."""
        target = response.url.join(location or response.headers["location"])
        if target.host == self._base.host and target.scheme != self._base.scheme:
            target = target.copy_with(scheme=self._base.scheme, port=self._base.port)
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
        """One request, tried again after a cut. An empty `expected` takes any answer."""
        response = self._patiently(lambda: self._once(method, url, scopes, **options))
        if expected and response.status_code not in expected:
            raise self.refusal(response, what, "")
        return response

    def once(
        self, method: str, url: httpx.URL, scopes: Sequence[str], **options: Any
    ) -> httpx.Response:
        """One request, not tried again. Raises Cut."""
        try:
            response = self._once(method, url, scopes, **options)
        except httpx.TransportError as error:
            raise Cut(str(error)) from error
        if response.status_code in _BUSY:
            raise Cut(f"it answered {response.status_code}")
        return response

    def after_cut(self, failures: int, cut: Exception) -> None:
        """Wait a little before the next attempt; give up after five without progress."""
        if failures >= _ATTEMPTS or isinstance(cut, httpx.ConnectError):
            raise self._unreachable(cut) from None
        self._pause(0.1 * 2**failures)

    # Requests

    def _has(self, repository: str, rest: str, what: str) -> bool:
        response = self.call(
            "HEAD",
            self.path(repository, rest),
            self.scopes(repository, "pull"),
            expected=(200, 404),
            what=f"{what} {repository}",
            headers={"Accept": _ACCEPT},
        )
        return response.status_code == 200

    def _delete(self, repository: str, rest: str) -> bool:
        response = self.call(
            "DELETE",
            self.path(repository, rest),
            self.scopes(repository, "delete"),
            expected=(202, 404),
            what=f"delete {rest} of {repository}",
        )
        return response.status_code == 202

    @contextmanager
    def _stream(
        self, method: str, repository: str, rest: str, what: str
    ) -> Iterator[httpx.Response]:
        try:
            with self._open(method, repository, rest, {"Accept": _ACCEPT}) as response:
                if response.status_code != 200:
                    response.read()
                    raise self.refusal(response, what, repository)
                yield response
        except (httpx.TransportError, Cut) as error:
            raise self._unreachable(error) from error

    @contextmanager
    def _open(
        self, method: str, repository: str, rest: str, headers: dict[str, str]
    ) -> Iterator[httpx.Response]:
        """A response whose body is not read yet; a blob may lie in another store by redirect."""
        url, scopes = self.path(repository, rest), self.scopes(repository, "pull")
        for fresh in (False, True):
            request = self._request(method, url, scopes, fresh=fresh, headers=headers)
            response = self._client.send(request, stream=True, follow_redirects=True)
            if response.status_code == 401 and self._authorize and not fresh:
                response.close()
                continue
            break
        try:
            if response.status_code in _BUSY:
                raise Cut(f"it answered {response.status_code}")
            yield response
        finally:
            response.close()

    def _once(
        self, method: str, url: httpx.URL, scopes: Sequence[str], **options: Any
    ) -> httpx.Response:
        response = self._client.send(self._request(method, url, scopes, **options))
        if response.status_code == 401 and self._authorize and scopes and self._is_ours(url):
            response = self._client.send(self._request(method, url, scopes, fresh=True, **options))
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
        """A request with the token for `scopes`, if one is known; `fresh` asks for a new one."""
        request = self._client.build_request(method, url, **options)
        key = tuple(scopes)
        if fresh and self._authorize:
            self._tokens[key] = self._authorize(list(scopes))
        # Never to another host: a registry may name any in a Location.
        if key in self._tokens and self._is_ours(url):
            request.headers["Authorization"] = f"Bearer {self._tokens[key]}"
        return request

    def _is_ours(self, url: httpx.URL) -> bool:
        return (url.scheme, url.netloc) == (self._base.scheme, self._base.netloc)

    def _patiently(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        failures = 0
        while True:
            try:
                response = send()
                if response.status_code not in _BUSY:
                    return response
                raise Cut(f"it answered {response.status_code}")
            except (httpx.TransportError, Cut) as cut:
                failures += 1
                self.after_cut(failures, cut)

    def _unreachable(self, cause: Exception) -> PhtlabError:
        reason = str(cause) or type(cause).__name__
        return RegistryUnreachableError(
            f"The registry at {self.url} does not answer ({_plain(reason)}). Check that the "
            "address is right, that the registry is running and that this machine may reach it; "
            "then try again."
        )

    def refusal(self, response: httpx.Response, what: str, where: str) -> RegistryError:
        code = {401: "registry-denied", 403: "registry-denied", 404: "registry-missing"}.get(
            response.status_code, "registry"
        )
        advice = {
            "registry-denied": " The token does not give this right; check your role on the "
            "roster.",
            "registry-missing": " It was never pushed, or its retention is over.",
        }.get(code, "")
        told = f"{what} {where}".strip()
        return RegistryError(
            f"The registry at {self.url} did not {told}: {response.status_code} "
            f"{_reason(response)}.{advice}",
            code=code,
        )


def after(before: int, moved: Moved) -> Moved:
    """`moved` for one blob of several, when `before` bytes have moved already."""
    return lambda size: moved(before + size)


def _limited(response: httpx.Response, limit: int, what: str) -> bytes:
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > limit:
            raise _too_large(what, limit)
    return bytes(content)


def _too_large(what: str, limit: int) -> RegistryError:
    return RegistryError(
        f"{what[0].upper()}{what[1:]} is larger than the {limit} bytes that are read of it.",
        code="registry-too-large",
    )


def _compare(found: str, expected: str, repository: str) -> None:
    if found != expected:
        raise RegistryError(
            f"The registry gave other content for {expected} of {repository} (its digest is "
            f"{found}). It is damaged or not to be trusted; nothing of it was used.",
            code="registry-digest",
        )


def _reason(response: httpx.Response) -> str:
    """The registry's own words, cut short: it may be hostile."""
    try:
        first = response.json()["errors"][0]
        return _plain(f"{first['code']}: {first.get('message', '')}")
    except (ValueError, LookupError, TypeError, httpx.ResponseNotRead):
        return response.reason_phrase


def _plain(text: str) -> str:
    return "".join(char for char in text[:200] if char.isprintable())
