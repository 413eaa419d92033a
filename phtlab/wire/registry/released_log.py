"""Released logs in a registry: `logs/<journey>/<station>`, with the station's signed statement.

An OCI artifact of two layers: the sealed log, and the statement about it. Nothing relies on the
tag: the statement is verified, and names the digest of the log.
"""

from __future__ import annotations

import json
from typing import Final

from phtlab.errors import RegistryError
from phtlab.train.canonical import canonical
from phtlab.train.canonical import digest as digest_of
from phtlab.train.documents.envelope import Envelope
from phtlab.train.image.image_format import (
    MANIFEST_TYPE,
)
from phtlab.train.verify.released_log import LARGEST_LOG
from phtlab.wire.registry.client import Registry

ARTIFACT_TYPE: Final = "application/vnd.phtlab.log.v1"
LOG_MEDIA: Final = "application/vnd.phtlab.log.v1+age"
STATEMENT_MEDIA: Final = "application/vnd.dsse.envelope.v1+json"
_TAG: Final = "log"
_STATEMENT_BYTES: Final = 256 * 1024
_EMPTY: Final = b"{}"


def log_repository(journey: str, station: str) -> str:
    """Return the repository of one stop's released log; `journey` is the journey's digest."""
    return f"logs/{journey.removeprefix('sha256:')}/{station}"


def push_log(
    registry: Registry, journey: str, station: str, sealed: bytes, statement: Envelope
) -> None:
    """Store a sealed log with its statement. Storing it again changes nothing."""
    repository = log_repository(journey, station)
    layers = []
    for content, media in ((sealed, LOG_MEDIA), (statement.to_bytes(), STATEMENT_MEDIA)):
        digest = registry.put_blob(repository, content)
        layers.append({"digest": digest, "mediaType": media, "size": len(content)})
    registry.put_blob(repository, _EMPTY)
    manifest = {
        "artifactType": ARTIFACT_TYPE,
        "config": {
            "digest": digest_of(_EMPTY),
            "mediaType": "application/vnd.oci.empty.v1+json",
            "size": len(_EMPTY),
        },
        "layers": layers,
        "mediaType": MANIFEST_TYPE,
        "schemaVersion": 2,
    }
    registry.put_manifest(repository, canonical(manifest), reference=_TAG)


def pull_log(registry: Registry, journey: str, station: str) -> tuple[bytes, Envelope]:
    """Return the sealed log and the statement, both unverified.

    Raises RegistryError: ``registry-missing`` if no log was released, ``registry-protocol``.
    """
    repository = log_repository(journey, station)
    log, statement = _layers(registry.manifest(repository, _TAG), repository)
    sealed = registry.read_blob(repository, log, LARGEST_LOG)
    signed = registry.read_blob(repository, statement, _STATEMENT_BYTES)
    return sealed, Envelope.from_bytes(signed)


def delete_log(registry: Registry, journey: str, station: str) -> int:
    """Remove the released logs of a stop; return how many there were."""
    repository = log_repository(journey, station)
    removed = 0
    for tag in registry.tags(repository):
        manifest = registry.manifest(repository, tag)
        removed += registry.delete(repository, digest_of(manifest))
        for layer in _layers(manifest, repository):
            registry.delete_blob(repository, layer)
    return removed


def _layers(manifest: bytes, repository: str) -> tuple[str, str]:
    try:
        value = json.loads(manifest)
        log, statement = (str(layer["digest"]) for layer in value["layers"])
        fits = value["artifactType"] == ARTIFACT_TYPE
    except (ValueError, LookupError, TypeError, RecursionError):
        fits, log, statement = False, "", ""
    if not fits:
        raise RegistryError(
            f"What lies in {repository} is no released log. It is damaged or was replaced.",
            code="registry-protocol",
        )
    return log, statement
