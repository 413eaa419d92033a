"""Layers cached on disk until one of their inputs changes."""

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
    """An event for a progress display. `seconds` is None when the part begins."""

    part: str
    title: str
    seconds: float | None = None
    cached: bool = False
    size: int = 0


Progress = Callable[[BuildEvent], None]

# Number of layers of each part, and of folders of wheels, that stay in the cache.
_KEPT = 4


@dataclass(frozen=True)
class LayerCache:
    """Cache in `folder`, with a folder `<part>-<key>` per layer; `progress` gets its events.

    `titles` maps the parts to their titles for people.
    """

    folder: Path
    titles: dict[str, str]
    progress: Progress

    def layer(
        self, part: str, key: str, make: Callable[[Path], LayerFile]
    ) -> tuple[LayerFile, Path]:
        """Return the layer of `key` and its folder, from the cache or built now."""
        folder = self.folder / f"{part}-{key[:32]}"
        title = self.titles[part]
        known = LayerFile.recall(folder / "layer.json")
        if known is not None:
            os.utime(folder)
            self.progress(BuildEvent(part, title, 0.0, cached=True, size=known.size))
            return known, folder
        self.progress(BuildEvent(part, title))
        began = time.monotonic()
        # Built beside its place and renamed, so that an interrupted build leaves no partial layer.
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
        """Remove the least recently used layers, and what a killed build left.

        `also` are other folders of the cache, by the beginning of their names.
        """
        for part in (*self.titles, *also):
            folders = sorted(
                self.folder.glob(f"{part}-*"), key=lambda folder: -folder.stat().st_mtime
            )
            for folder in [*folders[_KEPT:], *self.folder.glob(f".{part}-*")]:
                shutil.rmtree(folder, ignore_errors=True)


def key(code: list[Any], **inputs: Any) -> str:
    """Return a digest of a layer's inputs: `inputs`, and the modules that build it."""
    content = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for module in code:
        content.update(Path(module.__file__).read_bytes())
    return content.hexdigest()


@contextmanager
def stage(python: ImagePython) -> Iterator[Path]:
    """Yield a folder inside the root file system, where the image's own Python can access it."""
    folder = python.root / "stage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def locked(caches: Iterable[Path]) -> Iterator[None]:
    """Allow one build at a time in `caches`; a second waits and then uses the first's layers."""
    with ExitStack() as locks:
        for cache in sorted({cache.resolve() for cache in caches}):
            cache.mkdir(parents=True, exist_ok=True)
            lock = locks.enter_context((cache / ".lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
