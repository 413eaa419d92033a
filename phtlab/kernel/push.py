"""Push a built kernel image to a registry."""

from __future__ import annotations

from phtlab.kernel.build import BuiltKernel
from phtlab.train.documents.roster import KernelImage
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.upload import Moved, after, ignore_progress


def push_kernel(
    registry: Registry, built: BuiltKernel, moved: Moved = ignore_progress
) -> KernelImage:
    """Store `built` in `registry`; return its entry for the catalogue.

    Layers that are there already are not sent. `moved` is called with the bytes that the registry
    has.
    """
    repository, done = built.image.repository, 0
    for layer in built.layers:
        registry.put_blob(
            repository,
            layer.path,
            digest=layer.digest,
            moved=after(done, moved),
        )
        done += layer.size
    registry.put_blob(repository, built.config)
    registry.put_manifest(repository, built.manifest)
    # A tag, because a registry's garbage collection may remove untagged manifests.
    registry.put_manifest(repository, built.manifest, reference=built.image.digest[7:19])
    return built.image
