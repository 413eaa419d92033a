"""Train images and kernel images in a registry."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from phtlab.errors import RegistryError, TrainError
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.image_format import (
    TrainImage,
)
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.registry.client import Registry

_LIMITS = ImageLimits()


def train_repository(member: str, name: str) -> str:
    """Return the repository of the trains `name` of `member`: `trains/<member>/<name>`."""
    # A component of a repository's name must end in a letter or digit.
    return f"trains/{member}/{name.replace('_', '-').rstrip('-')}"


def pull_kernel(registry: Registry, kernel: KernelImage) -> tuple[bytes, bytes]:
    """Return the kernel image's manifest and config, both verified against `kernel.digest`."""
    manifest = registry.manifest(kernel.repository, kernel.digest)
    config = registry.read_blob(kernel.repository, _config_digest(manifest), _LIMITS.json_bytes)
    return manifest, config


def push_train(registry: Registry, image: TrainImage, repository: str, kernel: KernelImage) -> str:
    """Store a composed train image in `repository`; return its reference for an engine.

    The registry mounts the kernel image's layers from its own repository, so that only the train's
    kilobytes are uploaded. Pushing the same train again does nothing.
    """
    registry.obtain_token(push=[repository], pull=[kernel.repository])
    if not registry.has_manifest(repository, image.digest):
        registry.put_blob(repository, image.layer, digest=image.diff_id)
        registry.put_blob(repository, image.config)
        for layer in json.loads(image.manifest)["layers"][:-1]:
            _copy(registry, repository, layer["digest"], kernel.repository)
        registry.put_manifest(repository, image.manifest)
    return registry.reference(repository, image.digest)


def pull_train(
    registry: Registry,
    repository: str,
    digest: str,
    limits: ImageLimits = _LIMITS,
) -> tuple[bytes, bytes, bytes]:
    """Return manifest, config and last layer of a train image, for `verify_image`.

    Only their digests are verified. Raises RegistryError, and TrainError if the manifest is not
    an image's.
    """
    manifest = registry.manifest(repository, digest)
    config = registry.read_blob(repository, _config_digest(manifest), limits.json_bytes)
    try:
        layer = json.loads(manifest)["layers"][-1]["digest"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _not_an_image(digest) from None
    return manifest, config, registry.read_blob(repository, str(layer), limits.layer_bytes)


def _copy(registry: Registry, repository: str, digest: str, source: str) -> None:
    """Mount a layer, or download and upload it if the registry does not mount."""
    # A mount of what is there already succeeds as well.
    if registry.mount(repository, digest, source) or registry.has_blob(repository, digest):
        return
    with tempfile.TemporaryDirectory(prefix="phtlab-layer-") as folder:
        file = Path(folder) / "layer"
        registry.download_blob(source, digest, file)
        registry.put_blob(repository, file, digest=digest)


def _config_digest(manifest: bytes) -> str:
    try:
        value: Any = json.loads(manifest)
        found = value["config"]["digest"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _not_an_image("what the registry gave") from None
    if not isinstance(found, str) or not found.startswith("sha256:"):
        raise RegistryError("The image's config has no sha256 digest.", code="registry-protocol")
    return found


def _not_an_image(what: str) -> TrainError:
    return TrainError(f"{what} is not an OCI image manifest.", code="image-form")
