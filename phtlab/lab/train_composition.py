"""A train composed from a notebook: the manifest its author signs, and the image's own layer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Final

from phtlab.errors import SettingsError
from phtlab.notebook import Analysis, read_analysis
from phtlab.train.canonical import digest
from phtlab.train.documents.manifest import KernelRef, Output, TrainFile, TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image import TrainImage, compose, declared_files

NOTEBOOK: Final = "train/notebook.ipynb"


def reference_to(kernel: KernelImage) -> KernelRef:
    """What a manifest says of `kernel`."""
    return KernelRef(name=kernel.name, language=kernel.language, digest=kernel.digest)


def layer_files(analysis: Analysis, manifest: TrainManifest) -> dict[str, bytes]:
    """All that the train's own layer holds."""
    return declared_files(manifest, {NOTEBOOK: analysis.travelling()})


def train_manifest(analysis: Analysis, kernel: KernelRef) -> TrainManifest:
    """The manifest of `analysis` on `kernel`: what its author signs."""
    notebook = analysis.travelling()
    return TrainManifest(
        name=analysis.name,
        kernel=kernel,
        parameters=analysis.parameters.schema,
        outputs=tuple(Output(**asdict(output)) for output in analysis.outputs),
        datasets=analysis.datasets,
        files=(TrainFile(path=NOTEBOOK, size=len(notebook), sha256=digest(notebook)),),
    )


def compose_offline(notebook: Path, kernel_folder: Path) -> tuple[TrainImage, str]:
    """The train's image and name from `notebook` and a folder of 'phtlab kernel build --out'.

    Raises NotebookError with every finding, SettingsError if the folder is no kernel image.
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
    # Whatever the catalogue calls the kernel image: its digest is what the image holds of it.
    kernel = KernelRef(name=analysis.language, language=analysis.language, digest=digest(manifest))
    files = layer_files(analysis, train_manifest(analysis, kernel))
    return compose(manifest, config, files), analysis.name
