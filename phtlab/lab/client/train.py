"""A train on the analyst's side: read from a notebook, checked, composed, signed, dispatched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phtlab.lab.display.train_html import TARGETS, train_html
from phtlab.lab.session.session import Session
from phtlab.lab.train_preparation import layer_files, reference_to, train_manifest
from phtlab.notebook import Analysis, read_analysis
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.composition import (
    compose,
)
from phtlab.train.image.image_format import (
    TrainImage,
)
from phtlab.wire.registry.trains import train_repository

if TYPE_CHECKING:
    from phtlab.lab.client.journey import Journey
    from phtlab.lab.display.parameters_widget import ParameterForm
    from phtlab.lab.results.results import Results


class Train:
    """An analysis ready for dispatch. `digest` is the image's: the same for the same notebook."""

    def __init__(
        self,
        session: Session,
        analysis: Analysis,
        kernel: KernelImage,
        path: Path | None = None,
        *,
        dispatch: Callable[..., Journey],
    ) -> None:
        """Make a train of `analysis` on `kernel`.

        `path` is the notebook's file, if it was read from one; `dispatch` is `Lab.dispatch`, which
        `dry_run` uses.
        """
        self._session = session
        self._dispatch = dispatch
        self.path = path
        self.analysis = analysis
        self.kernel = kernel

    @classmethod
    def read(
        cls,
        session: Session,
        path: Path,
        kernel: str | None,
        *,
        dispatch: Callable[..., Journey],
    ) -> Train:
        """Read and check the notebook at `path`. Raises NotebookError with every finding."""
        analysis = read_analysis(path)
        analysis.require_sound()
        chosen = session.trusted.catalogue.named(kernel or analysis.language)
        return cls(session, analysis, chosen, path, dispatch=dispatch)

    @property
    def name(self) -> str:
        """The notebook's name, as in the manifest."""
        return self.analysis.name

    @property
    def parameters(self) -> dict[str, Any]:
        """The declared parameters, as a JSON Schema."""
        return self.analysis.parameters.schema

    @cached_property
    def manifest(self) -> TrainManifest:
        """The manifest, which the author signs: kernel, parameters, outputs, data sets, files."""
        return train_manifest(self.analysis, reference_to(self.kernel))

    @cached_property
    def image(self) -> TrainImage:
        """The composed image. Raises TrainError if the kernel image cannot be built on."""
        return compose(
            *self._session.kernel_documents(self.kernel), layer_files(self.analysis, self.manifest)
        )

    @property
    def digest(self) -> str:
        """The image's digest, `sha256:…`; the train's name in orders and approvals."""
        return self.image.digest

    @property
    def repository(self) -> str:
        """The repository of this train's image in the registry."""
        return train_repository(self._session.name, self.name)

    def sign(self) -> Envelope:
        """Return the train statement, signed with this session's key."""
        return self.manifest.sign(self._session.identity, self.digest, self.repository)

    def dry_run(self, parameters: Mapping[str, Any] | None = None) -> Results:
        """Run at the twin station, on made-up data, with the same image, sandbox and airlock."""
        journey: Journey = self._dispatch(
            self, stations=self._session.twin_stations(), parameters=parameters, confirm=False
        )
        return journey.wait().results()

    def form(self) -> ParameterForm:
        """Return a form for the parameters, whose `values` are passed to `lab.dispatch`."""
        from phtlab.lab.display.parameters_widget import ParameterForm

        return ParameterForm(self.analysis.parameters, self.name)

    def __repr__(self) -> str:
        lines = [f"Train {self.name}, {self.digest[:19]}"]
        lines += [f"  kernel     {self.kernel.name}"]
        lines += [f"  data set   {name}" for name in self.analysis.datasets]
        lines += [f"  parameter  {parameter_line(k, v)}" for k, v in self._properties()]
        if self.analysis.route != "parallel":
            received = ", ".join(value.name for value in self.analysis.received)
            lines += [f"  route      {self.analysis.route}; receives {received or 'nothing'}"]
        for output in self.analysis.outputs:
            to = "" if output.to == "researcher" else f", to {TARGETS[output.to]}"
            lines += [f"  output     {output.name} ({output.kind}){to}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return train_html(self.analysis, self.kernel.name, self.digest)

    def _properties(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.parameters.get("properties", {}).items())


def parameter_line(name: str, schema: Mapping[str, Any]) -> str:
    """Describe a declared parameter, such as `min_age = 40 (integer, 18 to 100)`."""
    bounds = ""
    if "minimum" in schema or "maximum" in schema:
        bounds = f", {schema.get('minimum', '…')} to {schema.get('maximum', '…')}"
    if "enum" in schema:
        bounds = ", one of " + ", ".join(str(v) for v in schema["enum"])
    default = f" = {schema['default']}" if "default" in schema else ""
    return f"{name}{default} ({schema.get('type', 'any')}{bounds})"
