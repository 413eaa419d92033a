"""Upload of one blob into a registry, in chunks, over a connection that may be cut.

OCI distribution specification 1.1, "Pushing a blob in chunks". After a cut, the client asks the
registry how much it has. CNCF Distribution (2.8) loses an upload that was cut inside a chunk; then
the blob starts again, so large cargo is sent as several blobs (`cargo.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from phtlab.errors import RegistryError
from phtlab.train.canonical import digest as digest_of
from phtlab.wire.registry.connection import Connection, ConnectionCutError

_PIECE_BYTES = 256 * 1024
_WHOLE_BYTES = 256 * 1024
"""A blob up to this size is sent in one request, after the one that begins the upload."""

Moved = Callable[[int], None]
"""Callback with the number of bytes moved so far."""


def ignore_progress(size: int) -> None:
    """A `Moved` that does nothing."""


def after(before: int, moved: Moved) -> Moved:
    """Return `moved` for one blob of several, after `before` bytes of earlier blobs."""
    return lambda size: moved(before + size)


@dataclass(frozen=True)
class Source:
    """Content to upload: `read(offset, size)` returns its bytes."""

    digest: str
    size: int
    read: Callable[[int, int], bytes]


def source_of(content: bytes | Path, digest: str | None = None) -> Source:
    """Return bytes or a file as a source."""
    if isinstance(content, Path):
        return file_part(content, 0, content.stat().st_size, digest)
    return Source(
        digest or digest_of(content),
        len(content),
        lambda offset, size: content[offset : offset + size],
    )


def file_part(path: Path, start: int, size: int, digest: str | None = None) -> Source:
    """Return `size` bytes of a file, from `start` on, as a source."""

    def read(offset: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start + offset)
            return file.read(min(length, size - offset))

    if digest is None:
        sha256 = hashlib.sha256()
        for offset in range(0, size, 1 << 20):
            sha256.update(read(offset, 1 << 20))
        digest = f"sha256:{sha256.hexdigest()}"
    return Source(digest, size, read)


@dataclass(frozen=True)
class _Pieces:
    """A request's body: `source` from `start` to `end`, for each time the request is sent.

    The pieces are small, since the client copies the rest of a piece after each send.
    """

    source: Source
    start: int
    end: int
    repository: str

    def __iter__(self) -> Iterator[bytes]:
        place = self.start
        while place < self.end:
            piece = self.source.read(place, min(_PIECE_BYTES, self.end - place))
            if not piece:
                raise RegistryError(
                    f"A file became shorter while it was pushed to {self.repository}.", "Try again."
                )
            yield piece
            place += len(piece)


class Upload:
    """Uploads `source` to `repository` in pieces of `chunk_bytes`.

    `is_stored` returns whether the registry has the whole blob; calls `moved` with its progress.
    """

    def __init__(
        self,
        line: Connection,
        repository: str,
        source: Source,
        chunk_bytes: int,
        is_stored: Callable[[], bool],
        moved: Moved,
    ) -> None:
        self._line = line
        self._repository = repository
        self._source = source
        self._chunk = chunk_bytes
        self._stored_bytes = is_stored
        self._moved = moved
        self._scopes = line.scopes(repository, "pull,push")
        self._upload_url: httpx.URL | None = None
        self._offset = 0

    def run(self) -> None:
        """Upload. Raises RegistryUnreachableError (five cuts without progress), RegistryError."""
        failures, furthest = 0, 0
        while True:
            try:
                if self._upload_url is None:
                    self._begin()
                if self._offset == 0 and self._source.size <= min(_WHOLE_BYTES, self._chunk):
                    self._finish(self._source.read(0, self._source.size))
                    return
                while self._offset < self._source.size:
                    self._send_chunk()
                self._finish()
                return
            except ConnectionCutError as cut:
                failures = 1 if self._offset > furthest else failures + 1
                furthest = max(furthest, self._offset)
                self._line.after_cut(failures, cut)
                if self._stored_bytes():
                    return  # only the answer to the last request was lost
                self._find_place()

    def _begin(self) -> None:
        url = self._line.path(self._repository, "blobs/uploads/")
        response = self._line.once("POST", url, self._scopes)
        self._expect(response, 202)
        smallest = response.headers.get("oci-chunk-min-length", "")
        if smallest.isdigit():
            self._chunk = max(self._chunk, int(smallest))
        self._go_on(response, 0)

    def _send_chunk(self) -> None:
        end = min(self._offset + self._chunk, self._source.size)
        response = self._line.once(
            "PATCH",
            self._location(),
            self._scopes,
            content=_Pieces(self._source, self._offset, end, self._repository),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(end - self._offset),
                "Content-Range": f"{self._offset}-{end - 1}",
            },
        )
        if response.status_code in (404, 416):
            raise ConnectionCutError("the registry is at another place of the upload")
        self._expect(response, 202)
        self._go_on(response, end)

    def _finish(self, content: bytes = b"") -> None:
        """Close the upload with its last bytes, which are all of a small blob."""
        url = self._location().copy_merge_params({"digest": self._source.digest})
        response = self._line.once("PUT", url, self._scopes, content=content)
        if response.status_code == 404:
            raise ConnectionCutError("the registry has lost the upload")
        self._expect(response, 201)

    def _find_place(self) -> None:
        """Ask the registry how much it has; start again if it no longer knows the upload."""
        if self._upload_url is not None:
            try:
                response = self._line.once("GET", self._upload_url, self._scopes)
            except ConnectionCutError:
                return  # the next request of the loop raises
            if response.status_code == 204 and _stored_bytes(response) is not None:
                self._go_on(response, self._offset)
                return
        self._upload_url, self._offset = None, 0

    def _go_on(self, response: httpx.Response, offset: int) -> None:
        if "location" in response.headers:
            self._upload_url = self._line.located(response)
        stored = _stored_bytes(response)
        self._offset = offset if stored is None else min(stored, self._source.size)
        self._moved(self._offset)

    def _location(self) -> httpx.URL:
        if self._upload_url is None:
            raise ConnectionCutError("the registry named no place for the upload")
        return self._upload_url

    def _expect(self, response: httpx.Response, status: int) -> None:
        if response.status_code != status:
            raise self._line.refusal(
                response, f"take the blob {self._source.digest} in {self._repository}"
            )


def _stored_bytes(response: httpx.Response) -> int | None:
    """Return how many bytes the registry has. `0-0` is none, as CNCF Distribution writes it."""
    first, dash, last = response.headers.get("range", "").removeprefix("bytes=").partition("-")
    if first != "0" or not dash or not last.isdigit():
        return None
    return int(last) + 1 if int(last) else 0
