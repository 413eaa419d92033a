"""Composition of a train image: the kernel image's layers, and one more with the analysis.

Pure, and the same on any machine: the layer is an uncompressed tar archive (no compressor's build
shows in the digest), all JSON is canonical, all times are one fixed time.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from phtlab.errors import TrainError
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import TrainFile, TrainManifest
from phtlab.train.image.image_format import (
    CONFIG_TYPE,
    DECLARATION,
    FILE_PATH,
    FOLDER,
    LAYER_TYPE,
    TrainImage,
    canonical_object,
    descriptor,
)

# 2024-01-01T00:00:00Z, the time of every file and of the history.
_EPOCH = 1_704_067_200
HISTORY = {"created": "2024-01-01T00:00:00Z", "created_by": "phtlab train"}


def train_files(files: Mapping[str, bytes]) -> tuple[TrainFile, ...]:
    """Return the entries of a train manifest for `files`, by path."""
    return tuple(
        TrainFile(path=path, size=len(content), sha256=digest(content))
        for path, content in sorted(files.items())
    )


def declared_files(manifest: TrainManifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return `files` and the declaration of `manifest`: all that a train's layer holds."""
    document = manifest.model_dump(mode="json", exclude={"kernel", "files"})
    return {**files, DECLARATION: canonical(document)}


def compose(kernel_manifest: bytes, kernel_config: bytes, files: Mapping[str, bytes]) -> TrainImage:
    """Compose the kernel image with `files` (path to content) added below /train.

    Raises TrainError for a path that could leave /train, and for a kernel image that is not in
    the canonical form in which `phtlab kernel build` writes it.
    """
    manifest = canonical_object(kernel_manifest, "kernel image's manifest")
    config = canonical_object(kernel_config, "kernel image's config")
    if manifest.get("config") != descriptor(CONFIG_TYPE, kernel_config):
        raise TrainError(
            "The kernel image's config is not the one that its manifest names.",
            "Fetch or build the kernel image again.",
            code="image-kernel",
        )
    layer = pack_layer(files)
    diff_id = digest(layer)
    config_bytes = canonical(with_layer(config, diff_id))
    manifest_bytes = canonical(
        {
            **manifest,
            "config": descriptor(CONFIG_TYPE, config_bytes),
            "layers": [*manifest["layers"], descriptor(LAYER_TYPE, layer)],
        }
    )
    return TrainImage(layer, config_bytes, manifest_bytes, digest(manifest_bytes), diff_id)


def pack_layer(files: Mapping[str, bytes]) -> bytes:
    """Pack `files` as an uncompressed tar: names sorted, owner 0, mode 644, one fixed time."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folders: set[str] = set()
        for path in sorted(files):
            if not FILE_PATH.fullmatch(path) or len(path) > 90:
                raise TrainError(
                    f"'{path}' cannot be a file of a train: use letters, digits, '.', '_' and "
                    "'-', in at most 90 characters, inside the train's folder.",
                    code="image-file-name",
                )
            parts = f"{FOLDER}/{path}".split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                if folder not in folders:
                    folders.add(folder)
                    archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
            entry = _entry("/".join(parts), tarfile.REGTYPE, 0o644)
            entry.size = len(files[path])
            archive.addfile(entry, io.BytesIO(files[path]))
    return target.getvalue()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, _EPOCH
    return entry


def with_layer(config: dict[str, Any], diff_id: str) -> dict[str, Any]:
    rootfs = config["rootfs"]
    return {
        **config,
        "rootfs": {**rootfs, "diff_ids": [*rootfs["diff_ids"], diff_id]},
        "history": [*config["history"], HISTORY],
    }
