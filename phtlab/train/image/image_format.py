"""Media types, names and JSON that composing and verifying a train image share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from phtlab.errors import TrainError
from phtlab.train.canonical import digest, parse_canonical

# OCI image specification 1.1, "Media types".
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"

ENTRYPOINT = ("python3", "-m", "phtlab.runtime")
"""Command that a kernel image, and so every train, starts."""

FOLDER = "train"
"""Folder in the container's root that holds the train's own files."""
DECLARATION = "declaration.json"
FILE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True)
class TrainImage:
    """A composed train image. `digest` is the manifest's, `diff_id` the added layer's."""

    layer: bytes
    config: bytes
    manifest: bytes
    digest: str
    diff_id: str


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"digest": digest(content), "mediaType": media_type, "size": len(content)}


def canonical_object(content: bytes, what: str) -> dict[str, Any]:
    """Parse `content` as an object in canonical JSON: no other form can be rebuilt exactly."""
    try:
        value = parse_canonical(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise TrainError(
            f"The {what} is not canonical JSON (RFC 8785).",
            "Build the image with phtlab: 'phtlab kernel build' or 'phtlab train build'.",
            code="image-form",
        )
    return value
