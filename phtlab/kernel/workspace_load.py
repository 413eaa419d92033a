"""Load a workspace image into a container engine, or push it to a registry.

An engine accepts an archive without a registry. The archive may omit layers that the engine has
from a train or an earlier workspace: a new workspace mostly needs only phtlab's own few hundred
kilobytes.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phtlab.errors import EngineMissingError, KernelError
from phtlab.kernel.layer import EPOCH, LayerFile
from phtlab.kernel.workspace import BuiltWorkspace
from phtlab.train.canonical import digest
from phtlab.train.image.image_format import (
    MANIFEST_TYPE,
)
from phtlab.wire.engine_socket import check_socket
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.upload import Moved, after, ignore_progress

if TYPE_CHECKING:
    import docker

_BLOCK = 1 << 20
# Unpacking a whole image may keep an engine busy for longer than the usual minute.
_SECONDS = 600
_SOCKET = "unix:///var/run/docker.sock"
_NO_ENGINE = (
    "The container engine does not answer.",
    "Start it, for example: systemctl start docker. And may you use it? Root may, and members of "
    "the group docker.",
)


@contextmanager
def container_engine() -> Iterator[docker.DockerClient]:
    """Connect to this machine's engine, as DOCKER_HOST names it. Raises EngineMissingError."""
    import docker
    import docker.errors

    try:
        check_socket(os.environ.get("DOCKER_HOST") or _SOCKET)
        engine = docker.from_env(timeout=_SECONDS)
        engine.ping()
    except (docker.errors.DockerException, OSError):
        raise EngineMissingError(*_NO_ENGINE) from None
    try:
        yield engine
    finally:
        engine.close()


def load_workspace(
    built: BuiltWorkspace, engine: docker.DockerClient, moved: Moved = ignore_progress
) -> str:
    """Load `built` into `engine`; return the reference by which containers are created from it.

    Nothing is sent if the engine has the image. `moved` is called with the bytes sent so far.
    Raises KernelError if the engine refuses it, EngineMissingError if it does not answer.
    """
    import docker.errors
    import requests

    try:
        if _has(engine, built):
            return built.reference
        try:
            _load(engine, built, _missing(engine, built), moved)
        except docker.errors.DockerException:
            # A layer may have been removed since the check, and engines that keep layers in another
            # store want all of them.
            _load(engine, built, built.layers, moved)
        if not _has(engine, built):
            raise KernelError(
                f"The container engine took the archive of {built.reference}, but what it made of "
                "it is another image.",
                "Look at the engine's log.",
                code="workspace-load",
            )
    except docker.errors.DockerException as refused:
        raise KernelError(
            f"The container engine does not take the workspace image: {refused}",
            code="workspace-load",
        ) from None
    except requests.ConnectionError:
        raise EngineMissingError(*_NO_ENGINE) from None
    return built.reference


def push_workspace(
    registry: Registry, built: BuiltWorkspace, moved: Moved = ignore_progress
) -> str:
    """Store `built` in `registry`, for other engines; return its reference by digest."""
    done = 0
    for layer in built.layers:
        registry.put_blob(
            built.repository, layer.path, digest=layer.digest, moved=after(done, moved)
        )
        done += layer.size
    registry.put_blob(built.repository, built.config)
    registry.put_manifest(built.repository, built.manifest)
    # A tag, because a registry's garbage collection may remove untagged manifests.
    registry.put_manifest(built.repository, built.manifest, reference=built.digest[7:19])
    return registry.reference(built.repository, built.digest)


def archive(built: BuiltWorkspace, layers: Sequence[LayerFile]) -> Iterator[bytes]:
    """Yield the image with only `layers`, as an OCI layout that older engines read as well."""
    config = _blob(digest(built.config))
    files: dict[str, bytes | Path] = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps(
            {
                "schemaVersion": 2,
                "manifests": [
                    {
                        "mediaType": MANIFEST_TYPE,
                        "digest": built.digest,
                        "size": len(built.manifest),
                        "annotations": {
                            "io.containerd.image.name": f"docker.io/{built.reference}",
                            "org.opencontainers.image.ref.name": built.reference.split(":")[1],
                        },
                    }
                ],
            }
        ).encode(),
        "manifest.json": json.dumps(
            [
                {
                    "Config": config,
                    "RepoTags": [built.reference],
                    "Layers": [_blob(layer.digest) for layer in built.layers],
                }
            ]
        ).encode(),
        _blob(built.digest): built.manifest,
        config: built.config,
        **{_blob(layer.digest): layer.path for layer in layers},
    }
    for name, content in files.items():
        yield from _entry(name, content)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _load(
    engine: docker.DockerClient, built: BuiltWorkspace, layers: Sequence[LayerFile], moved: Moved
) -> None:
    def counted() -> Iterator[bytes]:
        sent = 0
        for block in archive(built, layers):
            yield block
            sent += len(block)
            moved(sent)

    # Sent in chunks, as requests does with any iterator.
    engine.images.load(counted())  # type: ignore[arg-type]


def _has(engine: docker.DockerClient, built: BuiltWorkspace) -> bool:
    """Whether the engine's image of that name is this very image."""
    import docker.errors

    try:
        found = engine.images.get(built.reference)
    except docker.errors.ImageNotFound:
        return False
    # The id is the config's digest or, in engines with containerd's store, the manifest's.
    return found.id in (digest(built.config), built.digest)


def _missing(engine: docker.DockerClient, built: BuiltWorkspace) -> Sequence[LayerFile]:
    """Return the layers above the longest stack, from the bottom, that the engine has."""
    most = 0
    for image in engine.api.images(quiet=True):
        stack: list[str] = _inspected(engine, image).get("RootFS", {}).get("Layers") or []
        same = 0
        for theirs, ours in zip(stack, built.layers, strict=False):
            if theirs != ours.diff_id:
                break
            same += 1
        most = max(most, same)
    return built.layers[most:]


def _inspected(engine: docker.DockerClient, image: str) -> dict[str, Any]:
    import docker.errors

    try:
        found: dict[str, Any] = engine.api.inspect_image(image)  # type: ignore[no-untyped-call]
    except docker.errors.ImageNotFound:
        return {}
    return found


def _blob(name: str) -> str:
    return f"blobs/sha256/{name.removeprefix('sha256:')}"


def _entry(name: str, content: bytes | Path) -> Iterator[bytes]:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = EPOCH, 0o644
    entry.size = len(content) if isinstance(content, bytes) else content.stat().st_size
    yield entry.tobuf(tarfile.PAX_FORMAT)
    if isinstance(content, bytes):
        yield content
    else:
        with content.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    yield bytes(-entry.size % tarfile.BLOCKSIZE)
