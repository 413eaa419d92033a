"""A folder as an image layer: a tar archive whose bytes depend only on its content."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from phtlab.errors import KernelError

# Time of every file, and of every entry of an image's history: 2024-01-01T00:00:00Z.
EPOCH = 1_704_067_200
CREATED = "2024-01-01T00:00:00Z"

_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True)
class LayerFile:
    """A layer on disk. `size` is in bytes as stored, `unpacked` in bytes of the tar archive."""

    path: Path
    media_type: str
    digest: str
    size: int
    diff_id: str
    unpacked: int

    @property
    def descriptor(self) -> dict[str, str | int]:
        """The layer's descriptor in an OCI image manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    def remember(self, file: Path) -> None:
        """Write the layer's fields to `file`, beside the layer."""
        content = asdict(self) | {"path": self.path.name}
        file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def recall(cls, file: Path) -> LayerFile | None:
        """Read the layer that `remember` wrote to `file`; None if there is none."""
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(**{**content, "path": file.parent / content["path"]})


class Hashed:
    """A stream that counts and hashes the bytes written through it."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self._sha256.update(content)
        self.size += len(content)
        return self._target.write(content)

    @property
    def digest(self) -> str:
        return f"sha256:{self._sha256.hexdigest()}"


def write_tree(tree: Path, target: IO[bytes]) -> None:
    """Write `tree` as a PAX tar archive: names sorted, owner 0, one fixed time, no set-id bits.

    It holds only folders, files, hard and symbolic links; anything else raises KernelError.
    Extended attributes are omitted.
    """
    # A stream ("w|") never seeks, so the target may be a pipe.
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        first_name: dict[tuple[int, int], str] = {}
        for path in _walk(tree):
            _add(archive, tree, path, first_name)


def _add(
    archive: tarfile.TarFile, tree: Path, path: Path, first_name: dict[tuple[int, int], str]
) -> None:
    status = path.lstat()
    entry = tarfile.TarInfo(path.relative_to(tree).as_posix())
    entry.mtime = EPOCH
    entry.mode = stat.S_IMODE(status.st_mode) & ~_SET_ID
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        entry.type = tarfile.SYMTYPE
        entry.linkname = os.readlink(path)  # noqa: PTH115 - Path would tidy the target up
        entry.mode = 0o777
    elif not stat.S_ISREG(status.st_mode):
        raise KernelError(
            f"{path} is a device, socket or pipe, which no layer may hold.",
            code="kernel-layer-file",
        )
    elif status.st_nlink > 1 and (status.st_dev, status.st_ino) in first_name:
        entry.type = tarfile.LNKTYPE
        entry.linkname = first_name[status.st_dev, status.st_ino]
    else:
        if status.st_nlink > 1:
            first_name[status.st_dev, status.st_ino] = entry.name
        entry.size = status.st_size
        with path.open("rb") as content:
            archive.addfile(entry, content)
        return
    archive.addfile(entry)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield all paths below `folder`: a folder before its content, and names sorted."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        path = folder / name
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
