"""An image of one empty folder in a real registry, with a configuration of the test's own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from phtlab.wire.registry.client import Registry


def push_empty_image(registry: Registry, repository: str, **config: object) -> str:
    """Its digest. `config` is what an OCI image says of its user, labels, volumes and so on."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        folder = tarfile.TarInfo("train")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    layer = content.getvalue()
    described = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    image = "application/vnd.oci.image"
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{image}.manifest.v1+json",
        "config": _descriptor(f"{image}.config.v1+json", described),
        "layers": [_descriptor(f"{image}.layer.v1.tar", layer)],
    }
    for blob in (layer, described):
        registry.put_blob(repository, blob)
    return registry.put_manifest(repository, json.dumps(manifest).encode())


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
