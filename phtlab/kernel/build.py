"""A kernel image from a recipe: three layers, each kept on disk until something in it changes.

1. a Debian root file system,
2. wheels,
3. phtlab's runtime and the recipe's files.

The same recipe, archive state and phtlab give the same manifest digest on every machine of the
same architecture.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phtlab.kernel import archive, chroot, layer, root, runtime_layer, wheels
from phtlab.kernel.archive import find_archive
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.layer import CREATED, LayerFile
from phtlab.kernel.recipe import Recipe, read_recipe
from phtlab.kernel.root import USER, builder_version, make_root
from phtlab.kernel.runtime_layer import fingerprint, lay_out, overlay_files, runtime_sources
from phtlab.kernel.wheels import download_wheels, unpack_wheels
from phtlab.train.canonical import canonical, digest
from phtlab.train.image import CONFIG_TYPE, ENTRYPOINT, MANIFEST_TYPE
from phtlab.train.roster import KernelImage

Part = Literal["debian", "packages", "runtime"]

TITLES: dict[Part, str] = {
    "debian": "Debian root file system",
    "packages": "Python packages",
    "runtime": "phtlab's runtime",
}


@dataclass(frozen=True)
class BuildEvent:
    """What a progress display is told. `seconds` is None when the part begins."""

    part: Part
    title: str
    seconds: float | None = None
    cached: bool = False
    size: int = 0


Progress = Callable[[BuildEvent], None]

# How many layers of each part, and how many folders of wheels, stay in the cache.
_KEPT = 4


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel image on disk. `packages` are Debian's and their versions."""

    image: KernelImage
    manifest: bytes
    config: bytes
    layers: tuple[LayerFile, ...]
    packages: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all layers as they are stored and pulled."""
        return sum(part.size for part in self.layers)


def build_kernel(recipe: Path, cache: Path, progress: Progress = lambda event: None) -> BuiltKernel:
    """The kernel image of the folder `recipe`; its layers are kept in the folder `cache`.

    A layer is made anew only when something that goes into it has changed: the recipe, the lock
    file, the archive's state as this machine's apt knows it, mmdebstrap, the runtime, this code.

    Raises KernelError: no root rights, no mmdebstrap, no archive, a wrong recipe, missing wheels.
    """
    read = read_recipe(recipe)
    with _locked(cache):
        return _Build(read, cache, progress).run()


class _Build:
    def __init__(self, recipe: Recipe, cache: Path, progress: Progress) -> None:
        self._recipe = recipe
        self._cache = cache
        self._progress = progress

    def run(self) -> BuiltKernel:
        recipe = self._recipe
        source = find_archive(recipe.suite)
        debian_key = _key(
            [archive, chroot, layer, root],
            archive=source.state,
            packages=recipe.packages,
            suite=recipe.suite,
            tool=builder_version(),
        )

        def make_debian(folder: Path) -> LayerFile:
            versions = make_root(source, recipe.packages, folder / "root")
            _write_json(folder / "packages.json", versions)
            return ImagePython.of(folder / "root").pack(folder / "root", folder / "layer.tar.gz")

        debian, base = self._part("debian", debian_key, make_debian)
        python = ImagePython.of(base / "root")

        packages_key = _key(
            [chroot, layer, wheels],
            base=debian_key,
            drop=recipe.drop,
            lock=recipe.lock.read_text(encoding="utf-8"),
            prepare=recipe.preparation,
        )

        def make_packages(folder: Path) -> LayerFile:
            # Only an unchanged lock file and Python share what was downloaded.
            store = self._cache / f"wheels-{packages_key[:32]}"
            found = download_wheels(recipe.lock, python, store)
            with _stage(python) as stage:
                unpack_wheels(found, stage, python.site, recipe.drop)
                python.compile(stage.name, strip=f"/{stage.name}")
                if recipe.preparation:
                    python.prepare(stage.name, recipe.preparation)
                return python.pack(stage, folder / "layer.tar.gz")

        packages, _ = self._part("packages", packages_key, make_packages)

        runtime_key = _key(
            [chroot, layer, runtime_layer],
            base=debian_key,
            files=fingerprint(overlay_files(recipe.overlay)),
            runtime=fingerprint(runtime_sources()),
        )

        def make_runtime(folder: Path) -> LayerFile:
            with _stage(python) as stage:
                lay_out(stage, python.site, recipe.overlay)
                python.compile(stage.name, strip=f"/{stage.name}")
                return python.pack(stage, folder / "layer.tar.gz")

        runtime, _ = self._part("runtime", runtime_key, make_runtime)
        self._forget_the_oldest()
        versions = json.loads((base / "packages.json").read_text(encoding="utf-8"))
        return _assemble(recipe, (debian, packages, runtime), versions, python.machine)

    def _part(
        self, part: Part, key: str, make: Callable[[Path], LayerFile]
    ) -> tuple[LayerFile, Path]:
        """The layer of `key` and its folder, from the cache or made now."""
        folder = self._cache / f"{part}-{key[:32]}"
        title = TITLES[part]
        known = LayerFile.recall(folder / "layer.json")
        if known is not None:
            os.utime(folder)
            self._progress(BuildEvent(part, title, 0.0, cached=True, size=known.size))
            return known, folder
        self._progress(BuildEvent(part, title))
        began = time.monotonic()
        # Made beside its place and renamed, so that a build that was cut leaves nothing half.
        shutil.rmtree(folder, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{part}-", dir=self._cache))
        try:
            made = make(draft)
            made.remember(draft / "layer.json")
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        finished = LayerFile.recall(folder / "layer.json")
        if finished is None:
            raise FileNotFoundError(folder / "layer.json")
        seconds = time.monotonic() - began
        self._progress(BuildEvent(part, title, seconds, size=finished.size))
        return finished, folder

    def _forget_the_oldest(self) -> None:
        """What has not been used for longest goes, and what a killed build left."""
        for part in (*TITLES, "wheels"):
            folders = sorted(
                self._cache.glob(f"{part}-*"), key=lambda folder: -folder.stat().st_mtime
            )
            for folder in [*folders[_KEPT:], *self._cache.glob(f".{part}-*")]:
                shutil.rmtree(folder, ignore_errors=True)


def _assemble(
    recipe: Recipe, layers: tuple[LayerFile, ...], packages: dict[str, str], machine: str
) -> BuiltKernel:
    """Config and manifest (OCI image specification 1.1) in canonical JSON."""
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
    manifest = canonical(
        {
            "config": {"digest": digest(config), "mediaType": CONFIG_TYPE, "size": len(config)},
            "layers": [part.descriptor for part in layers],
            "mediaType": MANIFEST_TYPE,
            "schemaVersion": 2,
        }
    )
    image = KernelImage(
        name=recipe.name,
        language=recipe.language,
        kernelspec=recipe.kernelspec,
        repository=f"kernels/{recipe.name}",
        digest=digest(manifest),
        diff_ids=tuple(part.diff_id for part in layers),
    )
    return BuiltKernel(image, manifest, config, layers, packages)


def _key(code: list[Any], **inputs: Any) -> str:
    """A name for everything that a layer is made from: `inputs`, and the modules that make it."""
    content = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for module in code:
        content.update(Path(module.__file__).read_bytes())
    return content.hexdigest()


@contextmanager
def _stage(python: ImagePython) -> Iterator[Path]:
    """A folder inside the root file system, where the image's own Python can reach it."""
    stage = python.root / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One build at a time in `cache`; a second one waits and then finds the layers made."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
