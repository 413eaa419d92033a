"""A workspace image: a kernel image as it is, with JupyterLab and phtlab on top.

The kernel's layers keep their digests. Three more follow:

1. wheels that the kernel image does not have, in a folder of their own that Python searches after
     the kernel's: of a package in both, the kernel's is used,
2. phtlab beside its runtime, its JupyterLab extension and the recipe's files,
3. an empty home, the only folder that belongs to the user.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel import chroot, layer, runtime_layer, wheels, workspace_files
from phtlab.kernel.build import BuiltKernel, image_manifest
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.layer import CREATED, EPOCH, LayerFile
from phtlab.kernel.layer_cache import LayerCache, Progress, key, locked, stage
from phtlab.kernel.recipe import read_recipe
from phtlab.kernel.root import USER
from phtlab.kernel.runtime_layer import fingerprint, overlay_files
from phtlab.kernel.wheels import download_wheels, unpack_wheels
from phtlab.kernel.workspace_files import (
    lay_out_files,
    lay_out_scripts,
    lay_out_text,
    workspace_sources,
)
from phtlab.kernel.workspace_recipe import WorkspaceRecipe, read_workspace_recipe
from phtlab.train.canonical import canonical, digest

TITLES = {
    "lab": "JupyterLab",
    "phtlab": "phtlab",
    "home": "home",
}

# Folder of the wheels that the kernel image does not have.
SITE = "usr/local/lib/phtlab-workspace"


@dataclass(frozen=True)
class BuiltWorkspace:
    """A workspace image on disk. `packages` are the Python packages above the kernel's.

    `kernel` is the digest of the kernel image whose layers come first.
    """

    name: str
    digest: str
    manifest: bytes
    config: bytes
    layers: tuple[LayerFile, ...]
    kernel: str
    packages: dict[str, str]

    @property
    def reference(self) -> str:
        """The image's name in a container engine after loading."""
        return f"phtlab/workspace-{self.name}:{self.digest[7:19]}"

    @property
    def repository(self) -> str:
        """The image's repository in a registry."""
        return f"workspaces/{self.name}"

    @property
    def size(self) -> int:
        """Bytes of all layers as they are stored and pulled."""
        return sum(part.size for part in self.layers)


def build_workspace(
    recipe: Path, kernel: BuiltKernel, cache: Path, progress: Progress = lambda event: None
) -> BuiltWorkspace:
    """Build the workspace image of the folder `recipe` on `kernel`; cache its layers in `cache`.

    A layer is built again only when one of its inputs has changed. The kernel's cache must still be
    there, since the image's own Python does the work.

    Raises KernelError: a wrong recipe, a package that the kernel image has too, missing wheels,
    a JupyterLab extension that is not built.
    """
    read = read_workspace_recipe(recipe)
    kernel_cache = kernel.root.parents[1]
    with locked([cache, kernel_cache]):
        return _build(read, kernel, LayerCache(cache, TITLES, progress))


def _build(recipe: WorkspaceRecipe, kernel: BuiltKernel, cache: LayerCache) -> BuiltWorkspace:
    packages = _packages(recipe, kernel)
    python = ImagePython.of(kernel.root)
    base = kernel.layers[0].diff_id
    sources = workspace_sources(python.site)
    lab_key = key(
        [chroot, layer, wheels],
        base=base,
        drop=recipe.drop,
        lock=recipe.lock.read_text(encoding="utf-8"),
        site=SITE,
    )

    def make_lab(folder: Path) -> LayerFile:
        found = download_wheels(recipe.lock, python, cache.folder / f"labwheels-{lab_key[:32]}")
        with stage(python) as tree:
            unpack_wheels(found, tree, SITE, recipe.drop)
            python.compile(tree.name, strip=f"/{tree.name}")
            return python.pack(tree, folder / "layer.tar.gz")

    lab, _ = cache.layer("lab", lab_key, make_lab)

    phtlab_key = key(
        [chroot, layer, runtime_layer, workspace_files],
        base=base,
        files=fingerprint(overlay_files(recipe.overlay)),
        scripts=recipe.scripts,
        site=SITE,
        sources=fingerprint(sources),
    )

    def make_phtlab(folder: Path) -> LayerFile:
        with stage(python) as tree:
            lay_out_files(tree, {**sources, **overlay_files(recipe.overlay)})
            lay_out_scripts(tree, recipe.scripts)
            # Folders named in a .pth file are last in Python's search path.
            lay_out_text(tree, f"{python.site}/phtlab-workspace.pth", f"/{SITE}\n")
            python.compile(f"{tree.name}/{python.site}", strip=f"/{tree.name}")
            return python.pack(tree, folder / "layer.tar.gz")

    phtlab, _ = cache.layer("phtlab", phtlab_key, make_phtlab)

    def make_home(folder: Path) -> LayerFile:
        return _home(recipe.home, folder / "layer.tar")

    home, _ = cache.layer("home", key([], home=recipe.home, user=USER), make_home)
    cache.forget_the_oldest("labwheels")
    return _assemble(recipe, kernel, (lab, phtlab, home), packages)


def _packages(recipe: WorkspaceRecipe, kernel: BuiltKernel) -> dict[str, str]:
    """Return the lock file's packages. Raises KernelError if the kernel image has one of them."""
    packages = _locked(recipe.lock)
    twice = sorted(packages.keys() & _locked(_kernel_lock(recipe)).keys())
    if twice:
        raise KernelError(
            f"{recipe.lock} names what the kernel image has already: {', '.join(twice)}.",
            "Make the lock file as docs/workspace.md explains.",
            code="workspace-twice",
        )
    return packages


def _kernel_lock(recipe: WorkspaceRecipe) -> Path:
    return read_recipe(recipe.kernel_folder).lock


def _locked(lock: Path) -> dict[str, str]:
    return dict(
        re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    )


def _home(home: str, target: Path) -> LayerFile:
    """Make a layer of one empty folder, whose owner and mode a new volume mounted there takes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder = tarfile.TarInfo(home.lstrip("/"))
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o700, EPOCH
        folder.uid = folder.gid = USER
        archive.addfile(folder)
    target.write_bytes(content.getvalue())
    size, name = len(content.getvalue()), digest(content.getvalue())
    return LayerFile(target, "application/vnd.oci.image.layer.v1.tar", name, size, name, size)


def _assemble(
    recipe: WorkspaceRecipe,
    kernel: BuiltKernel,
    more: tuple[LayerFile, ...],
    packages: dict[str, str],
) -> BuiltWorkspace:
    """Compose config and manifest: the kernel's, with the workspace's additions."""
    base = json.loads(kernel.config)
    variables = dict(variable.split("=", 1) for variable in base["config"]["Env"])
    environment = {
        **{name: value for name, value in variables.items() if name not in recipe.without},
        **recipe.environment,
        "HOME": recipe.home,
    }
    layers = (*kernel.layers, *more)
    config = canonical(
        {
            **base,
            "config": {
                "Cmd": list(recipe.command),
                "Env": [f"{name}={value}" for name, value in sorted(environment.items())],
                "Labels": {
                    "org.opencontainers.image.title": f"phtlab workspace {recipe.name}",
                    "org.phtlab.kernel": kernel.image.digest,
                },
                "User": f"{USER}:{USER}",
                "WorkingDir": recipe.home,
            },
            "history": [
                *base["history"],
                *(
                    {"created": CREATED, "created_by": f"phtlab kernel workspace: {title}"}
                    for title in TITLES.values()
                ),
            ],
            "rootfs": {"diff_ids": [part.diff_id for part in layers], "type": "layers"},
        }
    )
    manifest = image_manifest(config, layers)
    return BuiltWorkspace(
        name=recipe.name,
        digest=digest(manifest),
        manifest=manifest,
        config=config,
        layers=layers,
        kernel=kernel.image.digest,
        packages=packages,
    )
