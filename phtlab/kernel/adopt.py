"""Adopt an image that a container engine built as a kernel image, so that trains can build on it.

An engine writes manifest and config in forms of its own. This module writes them again in canonical
JSON and with OCI's media types; no layer changes.
"""

from __future__ import annotations

import json
from typing import Any

from phtlab.errors import KernelError
from phtlab.kernel.recipe import Recipe, locked_packages
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.materials import Materials
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.image_format import (
    CONFIG_TYPE,
    ENTRYPOINT,
    MANIFEST_TYPE,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.registry.client import Registry

# Older media types that engines still push, and OCI's for the same bytes.
_OCI = {
    "application/vnd.docker.container.image.v1+json": CONFIG_TYPE,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ),
}


def adopt_kernel(
    registry: Registry, recipe: Recipe, reference: str
) -> tuple[KernelImage, bytes, bytes]:
    """Adopt the image `reference` (a tag or digest) of `kernels/<name>` as a kernel image.

    Returns the catalogue's entry, the manifest and the config; pushes manifest and config. Raises
    KernelError if it is an image for several machines, or does not start phtlab's runtime.
    """
    repository = f"kernels/{recipe.name}"
    found: dict[str, Any] = json.loads(registry.manifest(repository, reference))
    if "layers" not in found or "config" not in found:
        raise KernelError(
            f"{repository}:{reference} is a list of images for several machines.",
            "Push the one for this kind of machine under a tag of its own, and adopt that.",
            code="kernel-adopt",
        )
    limit = ImageLimits().json_bytes
    settings = json.loads(registry.read_blob(repository, found["config"]["digest"], limit))
    if settings.get("config", {}).get("Entrypoint") != list(ENTRYPOINT):
        raise KernelError(
            f"{repository}:{reference} does not start phtlab's runtime: its entry point must be "
            f"{json.dumps(ENTRYPOINT)}, as in the recipe's Dockerfile.",
            code="kernel-adopt-runtime",
        )
    # The engine does not know the packages; the recipe lists those that it installs.
    materials = Materials(language=locked_packages(recipe.lock)).as_label()
    settings["config"]["Labels"] = materials | (settings["config"].get("Labels") or {})
    config = canonical({"history": [], **settings})
    manifest = canonical(
        {
            "config": {"digest": digest(config), "mediaType": CONFIG_TYPE, "size": len(config)},
            "layers": [
                {
                    "digest": layer["digest"],
                    "mediaType": _OCI.get(layer["mediaType"], layer["mediaType"]),
                    "size": layer["size"],
                }
                for layer in found["layers"]
            ],
            "mediaType": MANIFEST_TYPE,
            "schemaVersion": 2,
        }
    )
    registry.put_blob(repository, config)
    registry.put_manifest(repository, manifest)
    image = KernelImage(
        name=recipe.name,
        language=recipe.language,
        kernelspec=recipe.kernelspec,
        repository=repository,
        digest=digest(manifest),
        diff_ids=tuple(settings["rootfs"]["diff_ids"]),
    )
    return image, manifest, config
