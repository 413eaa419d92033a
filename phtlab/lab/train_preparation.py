"""Preparation of a train from a notebook: the manifest that its author signs, and its files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

from phtlab.errors import SettingsError
from phtlab.notebook import Analysis, read_analysis
from phtlab.notebook.declared_received import DeclaredReceived
from phtlab.train.canonical import digest
from phtlab.train.documents.manifest import (
    DeclaredArray,
    KernelRef,
    Output,
    Received,
    Rounds,
    TrainFile,
    TrainManifest,
)
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.composition import (
    compose,
    declared_files,
)
from phtlab.train.image.image_format import (
    TrainImage,
)

NOTEBOOK: Final = "train/notebook.ipynb"


def reference_to(kernel: KernelImage) -> KernelRef:
    """Return the reference to `kernel` for a manifest."""
    return KernelRef(name=kernel.name, language=kernel.language, digest=kernel.digest)


def layer_files(analysis: Analysis, manifest: TrainManifest) -> dict[str, bytes]:
    """Return all files of the train's own layer."""
    return declared_files(manifest, {NOTEBOOK: analysis.travelling()})


def train_manifest(analysis: Analysis, kernel: KernelRef) -> TrainManifest:
    """Return the manifest of `analysis` on `kernel`, which its author signs."""
    notebook = analysis.travelling()
    return TrainManifest(
        name=analysis.name,
        kernel=kernel,
        parameters=analysis.parameters.schema,
        outputs=tuple(Output(**asdict(output)) for output in analysis.outputs),
        received=tuple(_received(value) for value in analysis.received),
        rounds=_rounds(analysis),
        datasets=analysis.datasets,
        files=(TrainFile(path=NOTEBOOK, size=len(notebook), sha256=digest(notebook)),),
    )


def _rounds(analysis: Analysis) -> Rounds | None:
    if analysis.route != "rounds":
        return None
    return Rounds(
        cells=tuple(cell.number for cell in analysis.round_cells),
        combine=tuple(cell.number for cell in analysis.combine_cells),
    )


def _received(value: DeclaredReceived) -> Received:
    return Received(
        name=value.name,
        arrays=tuple(DeclaredArray(name=name, shape=shape) for name, shape in value.arrays),
        lowest=value.lowest,
        highest=value.highest,
    )


def compose_offline(notebook: Path, kernel_folder: Path) -> tuple[TrainImage, str]:
    """Return the train's image and name from `notebook` and a folder with a kernel image.

    `kernel_folder` is the result of 'phtlab kernel build --out'. Raises NotebookError with every
    finding, SettingsError if the folder is no kernel image.
    """
    analysis = read_analysis(notebook)
    analysis.require_sound()
    try:
        manifest = (kernel_folder / "manifest.json").read_bytes()
        config = (kernel_folder / "config.json").read_bytes()
    except OSError:
        raise SettingsError(
            f"{kernel_folder} holds no kernel image.",
            f"Write one with 'phtlab kernel build RECIPE --out {kernel_folder}'.",
        ) from None
    # Any name will do: the image refers to the kernel image by its digest.
    kernel = KernelRef(name=analysis.language, language=analysis.language, digest=digest(manifest))
    files = layer_files(analysis, train_manifest(analysis, kernel))
    return compose(manifest, config, files), analysis.name
