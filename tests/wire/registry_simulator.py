"""An OCI registry in memory, at httpx's transport: the API of the specification, and faults.

It goes on in the middle of a chunk after a cut, as the specification has it; with
`forgets_cut_uploads` it does as CNCF Distribution 2.8 and knows the upload no more.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from phtlab.train.canonical import digest

_PATH = re.compile(
    r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs/uploads|blobs|tags)/(?P<rest>[^/]*)$"
)


class _CutStream(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise httpx.ReadError("the line was cut")


@dataclass
class Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class RegistrySimulator:
    """`token` is what it wants to see, if anything; `requests` is what it was asked."""

    token: str | None = None
    mounts: bool = True
    forgets_cut_uploads: bool = False
    upload_host: str | None = None
    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    busy: int = 0
    upload_budget: int | None = None
    download_budget: int | None = None

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def asked(self, method: str) -> list[str]:
        return [request.url.path for request in self.requests if request.method == method]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.busy:
            self.busy -= 1
            return httpx.Response(503)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "UNAUTHORIZED", "authentication required")
        if request.url.path == "/v2/":
            return httpx.Response(200, json={})
        parts = _PATH.fullmatch(request.url.path)
        if parts is None:
            return _error(404, "NAME_UNKNOWN", request.url.path)
        name, kind, rest = parts["name"], parts["kind"], parts["rest"]
        if kind == "manifests":
            return self._manifest(request, self.repository(name), rest)
        if kind == "blobs":
            return self._blob(request, self.repository(name), rest)
        if kind == "tags":
            if name not in self.repositories:
                return _error(404, "NAME_UNKNOWN", name)
            return httpx.Response(200, json={"tags": list(self.repository(name).tags) or None})
        return self._upload(request, name, rest)

    def _manifest(self, request: httpx.Request, there: Repository, ref: str) -> httpx.Response:
        found = there.tags.get(ref, ref)
        if request.method == "PUT":
            content = request.read()
            for blob in [json.loads(content)["config"], *json.loads(content)["layers"]]:
                if blob["digest"] not in there.blobs:
                    return _error(400, "MANIFEST_BLOB_UNKNOWN", blob["digest"])
            there.manifests[digest(content)] = content
            if not ref.startswith("sha256:"):
                there.tags[ref] = digest(content)
            return httpx.Response(201, headers={"Docker-Content-Digest": digest(content)})
        if found not in there.manifests:
            return _error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        if request.method == "DELETE":
            del there.manifests[found]
            there.tags = {tag: to for tag, to in there.tags.items() if to != found}
            return httpx.Response(202)
        if "application/vnd.oci.image.manifest.v1+json" not in request.headers["Accept"]:
            return _error(404, "MANIFEST_UNKNOWN", "OCI manifest found, but not accepted")
        return httpx.Response(200, content=there.manifests[found])

    def _blob(self, request: httpx.Request, there: Repository, wanted: str) -> httpx.Response:
        if wanted not in there.blobs:
            return _error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        content = there.blobs[wanted]
        if request.method == "DELETE":
            del there.blobs[wanted]
            return httpx.Response(202)
        if request.method == "HEAD":
            return httpx.Response(200, headers={"Content-Length": str(len(content))})
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        status = 206 if "Range" in request.headers else 200
        content = content[start:]
        if self.download_budget is not None and self.download_budget < len(content):
            cut, self.download_budget = content[: self.download_budget], None
            return httpx.Response(status, stream=_CutStream(cut))
        return httpx.Response(status, content=content)

    def _upload(self, request: httpx.Request, name: str, key: str) -> httpx.Response:
        query = request.url.params
        if request.method == "POST":
            blob = self.repositories.get(query.get("from", ""), Repository()).blobs.get(
                query.get("mount", "")
            )
            if blob is not None and self.mounts:
                self.repository(name).blobs[query["mount"]] = blob
                return httpx.Response(201)
            key = uuid.uuid4().hex
            self.uploads[key] = bytearray()
            return self._progress(202, name, key)
        if key not in self.uploads:
            return _error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if request.method == "GET":
            return self._progress(204, name, key)
        if request.method == "DELETE":
            del self.uploads[key]
            return httpx.Response(204)
        return self._receive(request, name, key)

    def _receive(self, request: httpx.Request, name: str, key: str) -> httpx.Response:
        content, there = request.read(), self.uploads[key]
        if request.method == "PATCH":
            if request.headers["Content-Range"].split("-")[0] != str(len(there)):
                return _error(416, "BLOB_UPLOAD_INVALID", "out of order")
            if self.upload_budget is not None and self.upload_budget < len(content):
                there += content[: self.upload_budget]
                self.upload_budget = None
                if self.forgets_cut_uploads:
                    del self.uploads[key]
                raise httpx.WriteError("the line was cut")
            if self.upload_budget is not None:
                self.upload_budget -= len(content)
            there += content
            return self._progress(202, name, key)
        whole, wanted = bytes(there + content), request.url.params["digest"]
        del self.uploads[key]
        if digest(whole) != wanted:
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.repository(name).blobs[wanted] = whole
        return httpx.Response(201)

    def _progress(self, status: int, name: str, key: str) -> httpx.Response:
        location = f"/v2/{name}/blobs/uploads/{key}?_state=x"
        headers = {"Location": f"{self.upload_host or ''}{location}"}
        headers["Range"] = f"0-{max(0, len(self.uploads[key]) - 1)}"
        return httpx.Response(status, headers=headers)


def _error(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": code, "message": message}]})
