"""Verification of a train image, all of it, and the files that it carries.

Pure. It needs nothing but the train: without its last layer, the image must be the kernel image
that the catalogue names, byte for byte. That covers every other layer, the environment, the user
and the entry point. The last layer also holds what the manifest declares. Orders and rules name a
train by its image's digest: so the digest covers parameters, data sets and outputs as well, and
nobody can sign the same image again with others.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phtlab.errors import TrainError
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.composition import (
    HISTORY,
    declared_files,
    pack_layer,
    train_files,
)
from phtlab.train.image.image_format import (
    CONFIG_TYPE,
    DECLARATION,
    FILE_PATH,
    FOLDER,
    LAYER_TYPE,
    canonical_object,
    descriptor,
)


@dataclass(frozen=True)
class ImageLimits:
    """Limits on what a station reads of an unverified train; sizes in bytes."""

    layer_bytes: int = 16 * 1024 * 1024
    json_bytes: int = 1024 * 1024
    files: int = 64


def verify_image(
    manifest: bytes,
    config: bytes,
    layer: bytes,
    *,
    train_manifest: TrainManifest,
    digest: str,
    kernel: KernelImage,
    limits: ImageLimits = ImageLimits(),
) -> Mapping[str, bytes]:
    """Verify all of a train image, and return its files by path.

    `digest` is the image digest that the author signed, `train_manifest` the signed manifest,
    `kernel` the catalogue's entry for the kernel image that it names. Raises TrainError, with a
    code that begins with `image-`, for any difference: in the image, the kernel image below it,
    its name, its settings, its declaration, or a file that is missing, added, changed or not a
    plain file.
    """
    _check_size("manifest", manifest, limits.json_bytes)
    _check_size("config", config, limits.json_bytes)
    _check_size("layer", layer, limits.layer_bytes)
    _check_digest("manifest", manifest, digest)
    image = canonical_object(manifest, "train image's manifest")
    _check_descriptor("config", image.get("config"), descriptor(CONFIG_TYPE, config))
    layers = image.get("layers")
    if not isinstance(layers, list) or len(layers) != len(kernel.diff_ids) + 1:
        raise TrainError(
            f"The train image must have the {len(kernel.diff_ids)} layers of the kernel image "
            f"'{kernel.name}' and one more.",
            "It was not made by phtlab; ask its author for another.",
            code="image-layers",
        )
    _check_descriptor("layer", layers[-1], descriptor(LAYER_TYPE, layer))
    _check_kernel(image, canonical_object(config, "train image's config"), layer, kernel)
    _check_kernel_name(train_manifest, kernel)
    layer_files = _read_layer(layer, limits)
    files = {path: layer_files[path] for path in layer_files if path != DECLARATION}
    _check_files(files, train_manifest)
    if layer_files != declared_files(train_manifest, files):
        raise TrainError(
            f"The train '{train_manifest.name}' is signed with other parameters, data sets or "
            "outputs than its image declares.",
            "Do not run it; ask its author.",
            code="image-declaration",
        )
    if pack_layer(layer_files) != layer:
        raise TrainError(
            "The train's layer holds more than its files show.",
            "It was not made by phtlab; do not run it.",
            code="image-layer-form",
        )
    return files


def _check_kernel(
    image: dict[str, Any], config: dict[str, Any], layer: bytes, kernel: KernelImage
) -> None:
    """Check that, without its last layer, the image equals the catalogue's kernel image."""
    rootfs, history = config.get("rootfs"), config.get("history")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if (
        not isinstance(rootfs, dict)
        or not isinstance(history, list)
        or diff_ids != [*kernel.diff_ids, digest(layer)]
    ):
        raise TrainError(
            f"The layers of the train image are not those of the kernel image '{kernel.name}'.",
            "Do not run it; ask its author.",
            code="image-layers",
        )
    below = canonical(
        {
            **config,
            "rootfs": {**rootfs, "diff_ids": diff_ids[:-1]},
            "history": history[:-1],
        }
    )
    kernel_manifest = canonical(
        {**image, "config": descriptor(CONFIG_TYPE, below), "layers": image["layers"][:-1]}
    )
    if history[-1:] != [HISTORY] or digest(kernel_manifest) != kernel.digest:
        raise TrainError(
            f"The train image is not built on the kernel image '{kernel.name}' ({kernel.digest}): "
            "its settings or its lower layers were changed.",
            "Do not run it; ask its author.",
            code="image-kernel",
        )


def _check_kernel_name(train_manifest: TrainManifest, kernel: KernelImage) -> None:
    """Check the kernel image's name against the catalogue, since a policy may rely on it."""
    declared = train_manifest.kernel
    if (declared.name, declared.language) != (kernel.name, kernel.language):
        raise TrainError(
            f"The train '{train_manifest.name}' calls its kernel image '{declared.name}' "
            f"({declared.language}); the catalogue calls it '{kernel.name}' ({kernel.language}).",
            "Build and sign it again.",
            code="image-kernel",
        )


def _check_files(files: Mapping[str, bytes], train_manifest: TrainManifest) -> None:
    listed = {file.path: file for file in train_manifest.files}
    for path in sorted(files.keys() - listed.keys()):
        raise TrainError(
            f"The train image holds the file '{path}', which the signed manifest does not list.",
            "Do not run it; ask its author.",
            code="image-file-unlisted",
        )
    for path in sorted(listed.keys() - files.keys()):
        raise TrainError(
            f"The file '{path}' of the signed manifest is missing from the train image.",
            "Build the train again.",
            code="image-file-missing",
        )
    for file in train_files(files):
        if file != listed[file.path]:
            raise TrainError(
                f"The file '{file.path}' of the train image is not the one that was signed.",
                "Do not run it; ask its author.",
                code="image-file-changed",
            )


def _read_layer(layer: bytes, limits: ImageLimits) -> dict[str, bytes]:
    """Return the plain files below /train. Raises TrainError for any other entry."""
    files: dict[str, bytes] = {}
    entries = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as archive:
            for entry in archive:
                entries += 1
                if entries > 2 * limits.files:
                    raise TrainError(
                        f"The train's layer holds more than {limits.files} files.",
                        code="image-too-many-files",
                    )
                if not (entry.isdir() or entry.type == tarfile.REGTYPE) or entry.issparse():
                    raise TrainError(
                        f"'{entry.name}' in the train's layer is a link, a device or a special "
                        "file; only plain files may travel.",
                        "Do not run it; ask its author.",
                        code="image-file-kind",
                    )
                if entry.isdir():
                    continue
                path = entry.name.removeprefix(f"{FOLDER}/")
                if path == entry.name or not FILE_PATH.fullmatch(path) or path in files:
                    raise TrainError(
                        f"The train's layer holds '{entry.name}', which is not one of the files "
                        f"below /{FOLDER}.",
                        "Do not run it; ask its author.",
                        code="image-file-unlisted",
                    )
                content = archive.extractfile(entry)
                files[path] = b"" if content is None else content.read()
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as wrong:
        raise TrainError(
            f"The train's layer is not a tar archive: {wrong}.", code="image-layer-form"
        ) from None
    return files


def _check_descriptor(what: str, found: object, expected: dict[str, Any]) -> None:
    if found != expected:
        raise TrainError(
            f"The {what} of the train image is not the one that its manifest names.",
            "Fetch the image again; if that does not help, do not run it.",
            code=f"image-{what}-changed",
        )


def _check_digest(what: str, content: bytes, expected: str) -> None:
    found = digest(content)
    if found != expected:
        raise TrainError(
            f"The {what} of the train image is {found}, but the author signed {expected}.",
            "Do not run it; ask its author.",
            code="image-changed",
        )


def _check_size(what: str, content: bytes, limit: int) -> None:
    if len(content) > limit:
        raise TrainError(
            f"The {what} of the train image is {len(content)} bytes; at most {limit} are read.",
            code="image-too-large",
        )
