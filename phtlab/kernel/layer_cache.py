"""Layers kept on disk until something that goes into them changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.layer import LayerFile


@dataclass(frozen=True)
class BuildEvent:
    """What a progress display is told. `seconds` is None when the part begins."""

    part: str
    title: str
    seconds: float | None = None
    cached: bool = False
    size: int = 0


Progress = Callable[[BuildEvent], None]

# How many layers of each part, and how many folders of wheels, stay in the cache.
_KEPT = 4


@dataclass(frozen=True)
class LayerCache:
    """The folder `folder`: a folder `<part>-<key>` for each layer, and what is told of making it.

    `titles` are the parts and what a person is told that they are.
    """

    folder: Path
    titles: dict[str, str]
    progress: Progress

    def layer(
        self, part: str, key: str, make: Callable[[Path], LayerFile]
    ) -> tuple[LayerFile, Path]:
        """The layer of `key` and its folder, from the cache or made now."""
        folder = self.folder / f"{part}-{key[:32]}"
        title = self.titles[part]
        known = LayerFile.recall(folder / "layer.json")
        if known is not None:
            os.utime(folder)
            self.progress(BuildEvent(part, title, 0.0, cached=True, size=known.size))
            return known, folder
        self.progress(BuildEvent(part, title))
        began = time.monotonic()
        # Made beside its place and renamed, so that a build that was cut leaves nothing half.
        shutil.rmtree(folder, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{part}-", dir=self.folder))
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
        self.progress(BuildEvent(part, title, seconds, size=finished.size))
        return finished, folder

    def forget_the_oldest(self, *also: str) -> None:
        """What has not been used for longest goes, and what a killed build left.

        `also` are folders beside the layers', by the beginning of their names.
        """
        for part in (*self.titles, *also):
            folders = sorted(
                self.folder.glob(f"{part}-*"), key=lambda folder: -folder.stat().st_mtime
            )
            for folder in [*folders[_KEPT:], *self.folder.glob(f".{part}-*")]:
                shutil.rmtree(folder, ignore_errors=True)


def key(code: list[Any], **inputs: Any) -> str:
    """A name for everything that a layer is made from: `inputs`, and the modules that make it."""
    content = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for module in code:
        content.update(Path(module.__file__).read_bytes())
    return content.hexdigest()


@contextmanager
def stage(python: ImagePython) -> Iterator[Path]:
    """A folder inside the root file system, where the image's own Python can reach it."""
    folder = python.root / "stage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def locked(caches: Iterable[Path]) -> Iterator[None]:
    """One build at a time in `caches`; a second one waits and then finds the layers made."""
    with ExitStack() as locks:
        for cache in sorted({cache.resolve() for cache in caches}):
            cache.mkdir(parents=True, exist_ok=True)
            lock = locks.enter_context((cache / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
