"""Sealed cargo in a registry: `cargo/<journey>/<station>`, found by the signed digest.

What instructions of rounds send to the stations lies in the same form in `values/<journey>`.

Cargo is an OCI artifact whose layers are consecutive parts of the one sealed file. A registry may
lose an upload that was cut, but keeps complete parts, even when the station restarts: only the
rest is sent again. The digest of the sealed file, which the stop record signs, verifies the order
of the parts and the whole; nothing relies on the registry's claims.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from phtlab.errors import RegistryError
from phtlab.train.canonical import canonical
from phtlab.train.canonical import digest as digest_of
from phtlab.train.image.image_format import (
    MANIFEST_TYPE,
)
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.upload import Moved, Source, after, file_part, ignore_progress

ARTIFACT_TYPE = "application/vnd.phtlab.cargo.v1"
PART_TYPE = "application/vnd.phtlab.cargo.part.v1+age"
PART_BYTES = 32 * 1024 * 1024
# 4096 parts of 32 MiB are 128 GiB; the manifest stays below a megabyte.
_MOST_PARTS = 4096

# OCI image specification 1.1, "Guidance for an empty descriptor".
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def cargo_repository(journey: str, station: str) -> str:
    """Return the repository of one stop's cargo; `journey` is the journey's digest."""
    return f"cargo/{journey.removeprefix('sha256:')}/{station}"


def values_repository(journey: str) -> str:
    """Return the repository of what a journey's instructions send to its stations."""
    return f"values/{journey.removeprefix('sha256:')}"


def push_cargo(
    registry: Registry,
    journey: str,
    station: str,
    path: Path,
    *,
    moved: Moved = ignore_progress,
    part_bytes: int = PART_BYTES,
) -> str:
    """Store the sealed file `path`; return its digest (of the file, not of the artifact).

    Parts that arrived before, from this process or another, are not sent again. Calls `moved`
    with the number of bytes of the file that the registry has.
    """
    return _push(registry, cargo_repository(journey, station), path, moved, part_bytes)


def push_values(
    registry: Registry,
    journey: str,
    path: Path,
    *,
    moved: Moved = ignore_progress,
    part_bytes: int = PART_BYTES,
) -> str:
    """Store the sealed values `path` of an instruction, as `push_cargo`; return their digest."""
    return _push(registry, values_repository(journey), path, moved, part_bytes)


def _push(registry: Registry, repository: str, path: Path, moved: Moved, part_bytes: int) -> str:
    whole, parts, size = hashlib.sha256(), [], path.stat().st_size
    if size > part_bytes * _MOST_PARTS:
        raise RegistryError(f"The cargo {path.name} of {size} bytes is too large to be pushed.")
    # Hashes the next part while one is uploaded. One thread: the whole is hashed in order.
    with ThreadPoolExecutor(1, thread_name_prefix="cargo-hash") as hashing:

        def hashed(start: int) -> Future[Source]:
            part = min(part_bytes, size - start)
            return hashing.submit(_part, path, start, part, whole.update)

        coming = hashed(0)
        for start in range(0, max(size, 1), part_bytes):
            part = coming.result()
            following = start + part_bytes
            coming = hashed(following) if following < size else coming
            registry.put_blob(repository, part, moved=after(start, moved))
            parts.append(part)
    layers = [{"digest": part.digest, "mediaType": PART_TYPE, "size": part.size} for part in parts]
    sealed = f"sha256:{whole.hexdigest()}"
    registry.put_blob(repository, _EMPTY)
    manifest = canonical(
        {
            "artifactType": ARTIFACT_TYPE,
            "config": {"digest": digest_of(_EMPTY), "mediaType": _EMPTY_TYPE, "size": len(_EMPTY)},
            "layers": layers,
            "mediaType": MANIFEST_TYPE,
            "schemaVersion": 2,
        }
    )
    registry.put_manifest(repository, manifest, reference=_tag(sealed))
    return sealed


def pull_cargo(
    registry: Registry,
    journey: str,
    station: str,
    digest: str,
    path: Path,
    *,
    limit: int | None = None,
    moved: Moved = ignore_progress,
) -> None:
    """Download the sealed file of `digest` (from the stop record) to the file `path`.

    `path` appears only after the whole digest verifies. `limit` is in bytes. Raises
    RegistryError: `registry-missing` if the cargo is absent or removed, `registry-digest` if the
    registry returns other content.
    """
    _pull(registry, cargo_repository(journey, station), digest, path, limit, moved)


def pull_values(
    registry: Registry,
    journey: str,
    digest: str,
    path: Path,
    *,
    limit: int | None = None,
    moved: Moved = ignore_progress,
) -> None:
    """Download the sealed values of `digest` (from the instruction) to `path`, as `pull_cargo`."""
    _pull(registry, values_repository(journey), digest, path, limit, moved)


def _pull(
    registry: Registry,
    repository: str,
    digest: str,
    path: Path,
    limit: int | None,
    moved: Moved,
) -> None:
    parts = _parts(registry.manifest(repository, _tag(digest)), repository)
    whole, done = hashlib.sha256(), 0
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("wb") as target:

            def keep(piece: bytes) -> None:
                whole.update(piece)
                target.write(piece)

            for part in parts:
                done += registry.write_blob(
                    repository,
                    part,
                    keep,
                    limit=None if limit is None else limit - done,
                    moved=after(done, moved),
                )
        if f"sha256:{whole.hexdigest()}" != digest:
            raise RegistryError(
                f"The registry gave other content of {repository} than was signed ({digest}). It "
                "is damaged or was replaced; nothing of it was used.",
                code="registry-digest",
            )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def delete_cargo(registry: Registry, journey: str, station: str) -> int:
    """Remove all cargo of a stop; return how many artifacts there were."""
    return _delete(registry, cargo_repository(journey, station))


def delete_values(registry: Registry, journey: str) -> int:
    """Remove all values of a journey's instructions; return how many artifacts there were."""
    return _delete(registry, values_repository(journey))


def _delete(registry: Registry, repository: str) -> int:
    removed = 0
    for tag in registry.tags(repository):
        manifest = registry.manifest(repository, tag)
        removed += registry.delete(repository, digest_of(manifest))
        for part in {*_parts(manifest, repository)}:
            registry.delete_blob(repository, part)
    return removed


def _part(path: Path, start: int, size: int, also: Callable[[bytes], None]) -> Source:
    """Prepare a part for upload; passes each piece to `also`, to hash the whole in one pass."""
    sha256, remaining = hashlib.sha256(), size
    with path.open("rb") as file:
        file.seek(start)
        while remaining > 0 and (piece := file.read(min(1 << 18, remaining))):
            sha256.update(piece)
            also(piece)
            remaining -= len(piece)
    return file_part(path, start, size, f"sha256:{sha256.hexdigest()}")


def _tag(sealed: str) -> str:
    return sealed.removeprefix("sha256:")


def _parts(manifest: bytes, repository: str) -> list[str]:
    try:
        value = json.loads(manifest)
        layers = value["layers"]
        parts = [str(layer["digest"]) for layer in layers]
        fits = value["artifactType"] == ARTIFACT_TYPE and 0 < len(parts) <= _MOST_PARTS
    except (ValueError, LookupError, TypeError, RecursionError):
        fits, parts = False, []
    if not fits:
        raise RegistryError(
            f"What lies in {repository} is not cargo. It is damaged or was replaced.",
            code="registry-protocol",
        )
    return parts
