"""A file system of a size that a test can fill. Mounting it needs root, as the stations do."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.limits import LIMIT


@dataclass(frozen=True)
class SmallDisk:
    path: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left while the block runs."""
        filler = self.path / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                for size in (65536, 1):
                    while True:
                        try:
                            file.write(b"\0" * size)
                        except OSError as error:
                            assert error.errno == errno.ENOSPC
                            break
                yield
            finally:
                filler.unlink()


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[SmallDisk]:
    """A disk of `size`, such as ``8m``, at `path`, which is made."""
    path.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", path],
        check=True,
        timeout=LIMIT,
    )
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True, timeout=LIMIT)
