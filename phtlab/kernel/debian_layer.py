"""Lowest layer of a kernel image, built with the standard library only.

`python -m phtlab.kernel.debian_layer RECIPE CACHE` builds it ahead of the rest of the image, so
that a set-up can build it while installing what the rest needs. `build_kernel` reports errors in
the recipe.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel import chroot, debian_sources, layer, root
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.debian_sources import find_archive
from phtlab.kernel.layer import LayerFile
from phtlab.kernel.layer_cache import LayerCache, key, locked
from phtlab.kernel.root import builder_version, make_root

PART = "debian"
TITLE = "Debian root file system"


def debian_layer(
    cache: LayerCache, suite: str, packages: Sequence[str]
) -> tuple[LayerFile, Path, str]:
    """Return the layer of Debian's essential packages and `packages`, its folder and its key.

    The folder holds the unpacked `root` and `packages.json`, the version of each package.
    Raises KernelError as `make_root` and `find_archive`.
    """
    source = find_archive(suite)
    name = key(
        [debian_sources, chroot, layer, root],
        archive=source.state,
        packages=tuple(packages),
        suite=suite,
        tool=builder_version(),
    )

    def make(folder: Path) -> LayerFile:
        versions = make_root(source, tuple(packages), folder / "root")
        text = json.dumps(versions, indent=1, sort_keys=True) + "\n"
        (folder / "packages.json").write_text(text, encoding="utf-8")
        return ImagePython.of(folder / "root").pack(folder / "root", folder / "layer.tar.gz")

    made, folder = cache.layer(PART, name, make)
    return made, folder, name


def main(recipe: Path, cache: Path) -> None:
    """Build the lowest layer of the recipe in the folder `recipe`."""
    content = tomllib.loads((recipe / "kernel.toml").read_text(encoding="utf-8"))
    with locked([cache]):
        layers = LayerCache(cache, {PART: TITLE}, lambda event: None)
        debian_layer(layers, content["suite"], content["packages"])


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except KernelError as wrong:
        sys.exit(str(wrong))
