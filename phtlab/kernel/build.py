"""Build a kernel image from a recipe: three layers, each cached until one of its inputs changes.

1. a Debian root file system,
2. wheels,
3. phtlab's runtime and the recipe's files.

The same recipe, archive state and phtlab give the same manifest digest on every machine of the
same architecture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phtlab.kernel import chroot, layer, runtime_layer, wheels
from phtlab.kernel import debian_layer as debian
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.layer import CREATED, LayerFile
from phtlab.kernel.layer_cache import BuildEvent, LayerCache, Progress, key, locked, stage
from phtlab.kernel.recipe import Recipe, locked_packages, read_recipe
from phtlab.kernel.root import USER
from phtlab.kernel.runtime_layer import fingerprint, lay_out, overlay_files, runtime_sources
from phtlab.kernel.wheels import download_wheels, unpack_wheels
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.materials import Materials
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.image_format import (
    CONFIG_TYPE,
    ENTRYPOINT,
    MANIFEST_TYPE,
)

__all__ = ["TITLES", "BuildEvent", "BuiltKernel", "Progress", "build_kernel"]

TITLES = {
    debian.PART: debian.TITLE,
    "packages": "Python packages",
    "runtime": "phtlab's runtime",
}


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel image on disk. `packages` are Debian's packages and their versions."""

    image: KernelImage
    manifest: bytes
    config: bytes
    layers: tuple[LayerFile, ...]
    packages: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all layers as they are stored and pulled."""
        return sum(part.size for part in self.layers)

    @property
    def root(self) -> Path:
        """The unpacked Debian root file system, in the cache that the image was built in."""
        return self.layers[0].path.parent / "root"


def build_kernel(recipe: Path, cache: Path, progress: Progress = lambda event: None) -> BuiltKernel:
    """Build the kernel image of the folder `recipe`; cache its layers in the folder `cache`.

    A layer is built again only when one of its inputs has changed: the recipe, the lock file, the
    archive's state as this machine's apt knows it, mmdebstrap, the runtime, this code.

    Raises KernelError: no root rights, no mmdebstrap, no archive, a wrong recipe, missing wheels.
    """
    read = read_recipe(recipe)
    with locked([cache]):
        return _Build(read, LayerCache(cache, TITLES, progress)).run()


class _Build:
    def __init__(self, recipe: Recipe, cache: LayerCache) -> None:
        self._recipe = recipe
        self._cache = cache

    def run(self) -> BuiltKernel:
        recipe = self._recipe
        lowest, base, debian_key = debian.debian_layer(self._cache, recipe.suite, recipe.packages)
        python = ImagePython.of(base / "root")

        packages_key = key(
            [chroot, layer, wheels],
            base=debian_key,
            drop=recipe.drop,
            lock=recipe.lock.read_text(encoding="utf-8"),
            prepare=recipe.preparation,
        )

        def make_packages(folder: Path) -> LayerFile:
            # Only an unchanged lock file and Python share downloaded wheels.
            store = self._cache.folder / f"wheels-{packages_key[:32]}"
            found = download_wheels(recipe.lock, python, store)
            with stage(python) as tree:
                unpack_wheels(found, tree, python.site, recipe.drop)
                python.compile(tree.name, strip=f"/{tree.name}")
                if recipe.preparation:
                    python.prepare(tree.name, recipe.preparation)
                return python.pack(tree, folder / "layer.tar.gz")

        packages, _ = self._cache.layer("packages", packages_key, make_packages)

        runtime_key = key(
            [chroot, layer, runtime_layer],
            base=debian_key,
            files=fingerprint(overlay_files(recipe.overlay)),
            runtime=fingerprint(runtime_sources()),
        )

        def make_runtime(folder: Path) -> LayerFile:
            with stage(python) as tree:
                lay_out(tree, python.site, recipe.overlay)
                python.compile(tree.name, strip=f"/{tree.name}")
                return python.pack(tree, folder / "layer.tar.gz")

        runtime, _ = self._cache.layer("runtime", runtime_key, make_runtime)
        self._cache.forget_the_oldest("wheels")
        versions = json.loads((base / "packages.json").read_text(encoding="utf-8"))
        return _assemble(recipe, (lowest, packages, runtime), versions, python.machine)


def image_manifest(config: bytes, layers: Sequence[LayerFile]) -> bytes:
    """Return the manifest of an image (OCI image specification 1.1) in canonical JSON."""
    return canonical(
        {
            "config": {"digest": digest(config), "mediaType": CONFIG_TYPE, "size": len(config)},
            "layers": [part.descriptor for part in layers],
            "mediaType": MANIFEST_TYPE,
            "schemaVersion": 2,
        }
    )


def _assemble(
    recipe: Recipe, layers: tuple[LayerFile, ...], packages: dict[str, str], machine: str
) -> BuiltKernel:
    """Compose config and manifest (OCI image specification 1.1) in canonical JSON."""
    path = "/usr/local/bin:/usr/bin:/bin"
    environment = {"PATH": path, **recipe.environment}
    config = canonical(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
            "config": {
                "Entrypoint": list(ENTRYPOINT),
                "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
                "Labels": {
                    "org.opencontainers.image.title": f"phtlab kernel {recipe.name}",
                    "org.phtlab.kernelspec": recipe.kernelspec,
                    "org.phtlab.language": recipe.language,
                    **Materials(system=packages, language=locked_packages(recipe.lock)).as_label(),
                },
                "User": f"{USER}:{USER}",
                "WorkingDir": "/tmp",  # noqa: S108 - inside the image
            },
            "created": CREATED,
            "history": [
                {"created": CREATED, "created_by": f"phtlab kernel build: {title}"}
                for title in TITLES.values()
            ],
            "os": "linux",
            "rootfs": {"diff_ids": [part.diff_id for part in layers], "type": "layers"},
        }
    )
    manifest = image_manifest(config, layers)
    image = KernelImage(
        name=recipe.name,
        language=recipe.language,
        kernelspec=recipe.kernelspec,
        repository=f"kernels/{recipe.name}",
        digest=digest(manifest),
        diff_ids=tuple(part.diff_id for part in layers),
    )
    return BuiltKernel(image, manifest, config, layers, packages)
