"""Manifest and configuration of a kernel image, cached to compose trains without the registry."""

from __future__ import annotations

from pathlib import Path

from phtlab.files.durable_file import write_durably
from phtlab.train.canonical import digest
from phtlab.train.documents.roster import KernelImage
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import pull_kernel


def kernel_documents(registry: Registry, kernel: KernelImage, cache: Path) -> tuple[bytes, bytes]:
    """Return manifest and configuration of `kernel`, from the folder `cache` or the registry.

    Cached files are trusted by digest only: the catalogue has the manifest's, and composing checks
    the configuration's against the manifest.
    """
    folder = cache / kernel.digest.removeprefix("sha256:")
    try:
        manifest = (folder / "manifest.json").read_bytes()
        if digest(manifest) == kernel.digest:
            return manifest, (folder / "config.json").read_bytes()
    except FileNotFoundError:
        pass
    manifest, config = pull_kernel(registry, kernel)
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "config.json", config)
    write_durably(folder / "manifest.json", manifest)
    return manifest, config
