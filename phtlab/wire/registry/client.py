"""An OCI registry as phtlab uses it: content by digest, over HTTP.

Follows the OCI distribution specification 1.1. The client hashes what it reads and compares the
digest with the requested one, so that it trusts the registry with availability only. What it
reads into memory has a limit.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from phtlab.errors import RegistryError
from phtlab.train.canonical import digest as digest_of
from phtlab.train.image.image_format import (
    MANIFEST_TYPE,
)
from phtlab.wire.registry.connection import Authorize, Connection, ConnectionCutError, too_large
from phtlab.wire.registry.upload import Moved, Source, Upload, ignore_progress, source_of

__all__ = ["Authorize", "Moved", "Registry"]

MANIFEST_LIMIT = 4 * 1024 * 1024
_UNASKED_BYTES = 16 * 1024
_MOST_SCOPES = 32  # of one token: central refuses more
_MOST_TAGS = 10_000
_ACCEPT = {
    "Accept": f"{MANIFEST_TYPE}, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Registry:
    """A client of the registry at `url`, such as `https://registry.example`, or with a path.

    A path in the URL precedes every repository's name (Harbor's projects). The client calls
    `authorize` for a token when the registry requires one; without it, access is anonymous.

    All methods raise RegistryUnreachableError when the registry does not answer and
    RegistryError, with one of the codes `registry-denied`, `registry-missing`,
    `registry-digest`, `registry-too-large` and `registry-protocol`, for a refusal or false content.
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
        self._line = Connection(url, authorize, transport=transport, timeout=timeout, pause=pause)
        self._chunk_bytes = chunk_bytes

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._line.close()

    @property
    def url(self) -> str:
        return self._line.url

    def reference(self, repository: str, digest: str) -> str:
        """Return the reference that an engine pulls: `host:port/repository@sha256:…`."""
        return f"{self._line.host}/{self._line.name(repository)}@{digest}"

    def obtain_token(self, *, pull: Sequence[str], push: Sequence[str] = ()) -> None:
        """Request one token for several repositories, instead of one for each at its first use.

        `push` are repositories to push to as well. Does nothing for an open registry.
        """
        scopes = [scope for name in push for scope in self._line.scopes(name, "pull,push")]
        scopes += [scope for name in pull for scope in self._line.scopes(name, "pull")]
        for first in range(0, len(scopes), _MOST_SCOPES):
            self._line.recent_token(scopes[first : first + _MOST_SCOPES])

    def pull_token(self, repository: str) -> str | None:
        """Return a recent token to pull from `repository`, for an engine; None if open."""
        return self._line.recent_token(self.pull_scopes(repository))

    def pull_scopes(self, repository: str) -> list[str]:
        """Return the token scopes that an engine needs to pull from `repository`."""
        return self._line.scopes(repository, "pull")

    def check(self) -> None:
        """Check that a registry answers (`GET /v2/`), whether or not it requires a token."""
        self._line.call(
            "GET", self._line.root(), [], expected=(200, 401), what="answer as a registry"
        )

    def require_push(self, repository: str) -> None:
        """Start an upload into `repository` and cancel it. Raises RegistryError if refused."""
        scopes = self._line.scopes(repository, "pull,push")
        what = f"take anything in {repository}"
        url = self._line.path(repository, "blobs/uploads/")
        response = self._line.call("POST", url, scopes, expected=(202,), what=what)
        if "location" in response.headers:
            self._line.call("DELETE", self._line.located(response), scopes, expected=(), what=what)

    # Manifests

    def manifest(self, repository: str, reference: str) -> bytes:
        """Return the manifest of `reference` (digest or tag), verified if that is a digest."""
        content = self._read(repository, f"manifests/{reference}", MANIFEST_LIMIT)
        if _DIGEST.fullmatch(reference):
            _compare(digest_of(content), reference, repository)
        return content

    def has_manifest(self, repository: str, reference: str) -> bool:
        """Return whether `repository` has the manifest."""
        return self._has(repository, f"manifests/{reference}")

    def put_manifest(
        self,
        repository: str,
        content: bytes,
        *,
        reference: str | None = None,
        media_type: str = MANIFEST_TYPE,
    ) -> str:
        """Store a manifest under its digest, or a tag as well. Return the digest."""
        digest = digest_of(content)
        self._line.call(
            "PUT",
            self._line.path(repository, f"manifests/{reference or digest}"),
            self._line.scopes(repository, "pull,push"),
            expected=(201,),
            what=f"take the manifest {digest} in {repository}",
            content=content,
            headers={"Content-Type": media_type},
        )
        return digest

    def delete(self, repository: str, digest: str) -> bool:
        """Remove a manifest, and every tag of it. Return False if there was none."""
        return self._delete(repository, f"manifests/{digest}")

    def tags(self, repository: str) -> list[str]:
        """Return the tags of `repository`, sorted; none if there is no such repository."""
        found: list[str] = []
        url: httpx.URL | None = self._line.path(repository, "tags/list")
        while url is not None and len(found) < _MOST_TAGS:
            response = self._line.call(
                "GET",
                url,
                self._line.scopes(repository, "pull"),
                expected=(200, 404),
                what=f"list {repository}",
            )
            if response.status_code == 404:
                break
            try:
                found += [str(tag) for tag in response.json().get("tags") or []]
            except (ValueError, AttributeError, TypeError, RecursionError):
                raise RegistryError(
                    f"The registry at {self.url} lists no tags when asked for those of "
                    f"{repository}.",
                    "Check that it is an OCI registry.",
                    code="registry-protocol",
                ) from None
            following = response.links.get("next", {}).get("url")
            url = self._line.located(response, following) if following else None
        return sorted(found)

    # Blobs

    def has_blob(self, repository: str, digest: str) -> bool:
        """Return whether `repository` has the blob."""
        return self._has(repository, f"blobs/{digest}")

    def read_blob(self, repository: str, digest: str, limit: int) -> bytes:
        """Return the blob of `digest`, of at most `limit` bytes, verified."""
        content = self._read(repository, f"blobs/{digest}", limit)
        _compare(digest_of(content), digest, repository)
        return content

    def download_blob(
        self,
        repository: str,
        digest: str,
        path: Path,
        *,
        limit: int | None = None,
        moved: Moved = ignore_progress,
    ) -> None:
        """Download the blob of `digest` to the file `path`, in constant memory.

        A download that was cut resumes where it stopped. `path` appears only when all of it has
        arrived and its digest verifies; `limit` is in bytes.
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
        moved: Moved = ignore_progress,
    ) -> int:
        """Pass the blob piece by piece to `write`; verify the digest after the last piece."""
        url, scopes = self._line.path(repository, f"blobs/{digest}"), "pull"
        sha256, size, failures = hashlib.sha256(), 0, 0
        while True:
            before = size
            headers = {"Range": f"bytes={size}-"} if size else {}
            try:
                with self._line.open(
                    "GET", url, self._line.scopes(repository, scopes), headers=headers
                ) as response:
                    if response.status_code != (206 if size else 200):
                        raise self._line.refusal(
                            self._line.whole(response),
                            f"give the blob {digest} of {repository}"
                            + (f" from byte {size} on, after a cut" if size else ""),
                        )
                    for piece in response.iter_bytes(1 << 20):
                        size += len(piece)
                        if limit is not None and size > limit:
                            raise too_large(f"blobs/{digest}", limit)
                        sha256.update(piece)
                        write(piece)
                        moved(size)
                break
            except ConnectionCutError as cut:
                failures = 1 if size > before else failures + 1
                self._line.after_cut(failures, cut)
        _compare(f"sha256:{sha256.hexdigest()}", digest, repository)
        return size

    def put_blob(
        self,
        repository: str,
        content: bytes | Path | Source,
        *,
        digest: str | None = None,
        moved: Moved = ignore_progress,
    ) -> str:
        """Store a blob, unless it is large and the registry has it; return its digest.

        A given `digest` saves reading a file twice. The upload is in chunks; after a cut, it
        resumes at the registry's position, or from the start if the registry has lost it.
        """
        source = content if isinstance(content, Source) else source_of(content, digest)

        def is_stored() -> bool:
            return self._has(repository, f"blobs/{source.digest}", actions="pull,push")

        # To ask costs a request, as does to send so little again.
        if source.size <= _UNASKED_BYTES or not is_stored():
            Upload(self._line, repository, source, self._chunk_bytes, is_stored, moved).run()
        moved(source.size)
        return source.digest

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Make the blob of the repository `source` available in `repository`, without an upload.

        Returns False when the registry requires an upload instead.
        """
        url = self._line.path(repository, "blobs/uploads/").copy_merge_params(
            {"mount": digest, "from": self._line.name(source)}
        )
        # Both in one token: a registry reads only one token.
        scopes = [
            *self._line.scopes(repository, "pull,push"),
            *self._line.scopes(source, "pull"),
        ]
        what = f"mount {digest} of {source} into {repository}"
        response = self._line.call("POST", url, scopes, expected=(201, 202), what=what)
        if response.status_code == 202 and "location" in response.headers:
            # The registry has started an upload instead, which this client does not finish.
            self._line.call("DELETE", self._line.located(response), scopes, expected=(), what=what)
        return response.status_code == 201

    def delete_blob(self, repository: str, digest: str) -> bool:
        """Remove a blob from `repository`. Return False if there was none."""
        return self._delete(repository, f"blobs/{digest}")

    def _read(self, repository: str, rest: str, limit: int) -> bytes:
        url, failures = self._line.path(repository, rest), 0
        while True:
            try:
                with self._line.open(
                    "GET", url, self._line.scopes(repository, "pull"), headers=_ACCEPT
                ) as response:
                    if response.status_code != 200:
                        whole = self._line.whole(response)
                        raise self._line.refusal(whole, f"give {rest} of {repository}")
                    return self._line.content(response, limit, rest)
            except ConnectionCutError as cut:
                failures += 1
                self._line.after_cut(failures, cut)

    def _has(self, repository: str, rest: str, *, actions: str = "pull") -> bool:
        response = self._line.call(
            "HEAD",
            self._line.path(repository, rest),
            self._line.scopes(repository, actions),
            expected=(200, 404),
            what=f"say whether {repository} has {rest}",
            headers=_ACCEPT,
        )
        return response.status_code == 200

    def _delete(self, repository: str, rest: str) -> bool:
        response = self._line.call(
            "DELETE",
            self._line.path(repository, rest),
            self._line.scopes(repository, "delete"),
            expected=(202, 404),
            what=f"delete {rest} of {repository}",
        )
        return response.status_code == 202


def _compare(found: str, expected: str, repository: str) -> None:
    if found != expected:
        raise RegistryError(
            f"The registry gave other content for {expected} of {repository} (its digest is "
            f"{found}). It is damaged or not to be trusted; nothing of it was used.",
            code="registry-digest",
        )
