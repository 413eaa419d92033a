"""A train as an analyst holds it: read from a notebook, checked, composed, signed, sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phtlab.errors import SettingsError
from phtlab.lab.display.train_html import train_html
from phtlab.notebook import Analysis, read_analysis
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import KernelRef, Output, TrainFile, TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image import TrainImage, compose, declared_files
from phtlab.wire.registry.trains import train_repository

if TYPE_CHECKING:
    from phtlab.lab.client.journey import Journey
    from phtlab.lab.client.lab import Lab
    from phtlab.lab.display.parameters_widget import ParameterForm
    from phtlab.lab.results.results import Results

NOTEBOOK = "train/notebook.ipynb"


class Train:
    """An analysis ready to travel. `digest` is the image's: the same notebook, the same digest."""

    def __init__(
        self, lab: Lab, analysis: Analysis, kernel: KernelImage, path: Path | None = None
    ) -> None:
        """`path` is the notebook's file, where it was read from one."""
        self._lab = lab
        self.path = path
        self.analysis = analysis
        self.kernel = kernel

    @classmethod
    def read(cls, lab: Lab, path: Path, kernel: str | None) -> Train:
        """Read and check the notebook at `path`. Raises NotebookError with every finding."""
        analysis = read_analysis(path)
        analysis.require_sound()
        catalogue = lab.trusted.catalogue
        chosen = catalogue.named(kernel or analysis.language)
        return cls(lab, analysis, chosen, path)

    @property
    def name(self) -> str:
        """The notebook's name, as the manifest has it."""
        return self.analysis.name

    @property
    def parameters(self) -> dict[str, Any]:
        """The declared parameters, as a JSON Schema."""
        return self.analysis.parameters.schema

    @cached_property
    def manifest(self) -> TrainManifest:
        """What the author signs: kernel, parameters, outputs, data sets, files."""
        kernel = self.kernel
        return train_manifest(
            self.analysis,
            KernelRef(name=kernel.name, language=kernel.language, digest=kernel.digest),
        )

    @cached_property
    def image(self) -> TrainImage:
        """The composed image. Raises TrainError if the kernel image cannot be built on."""
        return compose(
            *self._lab.kernel_documents(self.kernel), layer_files(self.analysis, self.manifest)
        )

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`; the train's name in orders and approvals."""
        return self.image.digest

    @property
    def repository(self) -> str:
        """Where in the registry this train's image lies."""
        return train_repository(self._lab.name, self.name)

    def sign(self) -> Envelope:
        """The train statement, signed with the key of this lab."""
        return self.manifest.sign(self._lab.identity, self.digest, self.repository)

    def dry_run(self, parameters: Mapping[str, Any] | None = None) -> Results:
        """Run at the twin station: the same image, sandbox and airlock, on made-up data."""
        journey: Journey = self._lab.dispatch(
            self, stations=self._lab.twin_stations(), parameters=parameters, confirm=False
        )
        return journey.wait().results()

    def form(self) -> ParameterForm:
        """A form for the parameters: fill it in, and send `form.values` with `lab.dispatch`."""
        from phtlab.lab.display.parameters_widget import ParameterForm

        return ParameterForm(self.analysis.parameters, self.name)

    def __repr__(self) -> str:
        lines = [f"Train {self.name}, {self.digest[:19]}"]
        lines += [f"  kernel     {self.kernel.name}"]
        lines += [f"  data set   {name}" for name in self.analysis.datasets]
        lines += [f"  parameter  {parameter_line(k, v)}" for k, v in self._properties()]
        lines += [f"  output     {o.name} ({o.kind})" for o in self.analysis.outputs]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return train_html(self.analysis, self.kernel.name, self.digest)

    def _properties(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.parameters.get("properties", {}).items())


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


def parameter_line(name: str, schema: Mapping[str, Any]) -> str:
    """A declared parameter in words: `min_age = 40 (integer, 18 to 100)`."""
    bounds = ""
    if "minimum" in schema or "maximum" in schema:
        bounds = f", {schema.get('minimum', '…')} to {schema.get('maximum', '…')}"
    if "enum" in schema:
        bounds = ", one of " + ", ".join(str(v) for v in schema["enum"])
    default = f" = {schema['default']}" if "default" in schema else ""
    return f"{name}{default} ({schema.get('type', 'any')}{bounds})"
