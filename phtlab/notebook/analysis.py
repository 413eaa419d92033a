"""Analysis of a notebook: the cells of its train, their parameters, data sets and outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phtlab.errors import NotebookError
from phtlab.notebook.cell import Cell, Document, read_document
from phtlab.notebook.declaration import read_parameters
from phtlab.notebook.declared_output import DeclaredOutput
from phtlab.notebook.declared_received import DeclaredReceived
from phtlab.notebook.finding import Finding, in_order
from phtlab.notebook.foreign import read_foreign_outputs, read_metadata_parameters
from phtlab.notebook.magic import read_python
from phtlab.notebook.name_findings import check_names
from phtlab.notebook.outputs import Declarations, read_outputs, undeclared
from phtlab.notebook.parameters import ParameterSchema
from phtlab.notebook.surroundings import check_surroundings
from phtlab.notebook.travelling import travelling_notebook


@dataclass(frozen=True)
class Analysis:
    """A notebook's cells by role, what they declare, and findings.

    `received` are the values that station cells receive from the station before, or round cells
    from the combine cells.

    `language` is in lower case ('python', 'r', 'julia'); `kernelspec` is the kernel's name in the
    file. Everything comes from reading the notebook, without running it.
    """

    name: str
    language: str
    kernelspec: str
    cells: tuple[Cell, ...]
    parameters: ParameterSchema
    outputs: tuple[DeclaredOutput, ...]
    datasets: tuple[str, ...]
    received: tuple[DeclaredReceived, ...]
    findings: tuple[Finding, ...]

    @property
    def route(self) -> Literal["parallel", "sequential", "rounds"]:
        """How its train visits stations, which follows from what its cells hand on and receive."""
        if self.round_cells or self.combine_cells:
            return "rounds"
        hands_on = any(output.to != "researcher" for output in self.outputs)
        return "sequential" if hands_on or self.received else "parallel"

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the notebook from becoming a train."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not keep the notebook from becoming a train."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    @property
    def travelling_cells(self) -> tuple[Cell, ...]:
        """The cells of the train, in order: parameters, station, round and combine cells."""
        return tuple(cell for cell in self.cells if cell.is_in_train)

    @property
    def round_cells(self) -> tuple[Cell, ...]:
        """The cells that stations run again in each round."""
        return tuple(cell for cell in self.cells if cell.role == "round")

    @property
    def combine_cells(self) -> tuple[Cell, ...]:
        """The cells that run between rounds, on what the stations sent."""
        return tuple(cell for cell in self.cells if cell.role == "combine")

    @property
    def aggregate_cells(self) -> tuple[Cell, ...]:
        """The cells that run on the stations' results."""
        return tuple(cell for cell in self.cells if cell.role == "aggregate")

    def require_sound(self) -> Analysis:
        """Return this analysis. Raises NotebookError with every error among the findings.

        The error's code is the finding's if there is only one, else 'notebook-findings'.
        """
        errors = self.errors
        if not errors:
            return self
        if len(errors) == 1:
            raise NotebookError(f"{self.name}: {errors[0].message}", code=errors[0].code)
        listed = "\n".join(f"  - {finding.message}" for finding in errors)
        raise NotebookError(
            f"{self.name} cannot become a train; {len(errors)} things to mend:\n{listed}",
            code="notebook-findings",
        )

    def travelling(self) -> bytes:
        """Return the train's notebook: the same bytes on any machine."""
        return travelling_notebook(self.cells, self.language, self.kernelspec)


def read_analysis(source: Path | str | bytes, *, name: str | None = None) -> Analysis:
    """Read a notebook: a path to an .ipynb file, or the content of such a file.

    What the checks find is in `findings` and never raised. Raises NotebookError if the file cannot
    be read or is not a notebook (notebook-missing, notebook-format).
    """
    folder: Path | None = None
    if isinstance(source, bytes):
        content, label = source, name or "This file"
    else:
        path = Path(source)
        content, label, folder = _content(path), path.name, path.parent
        name = name or path.stem
    document = read_document(content, label)
    language, kernelspec = _kernel(document.metadata)
    read = _read_python if language == "python" else _read_foreign
    parameters, declared, findings = read(document, language, folder)
    found = in_order(
        (
            *document.findings,
            *findings,
            *declared.findings,
            *undeclared(declared.outputs, document.cells),
        )
    )
    return Analysis(
        name=train_name(name or "analysis"),
        language=language,
        kernelspec=kernelspec,
        cells=document.cells,
        parameters=parameters,
        outputs=declared.outputs,
        datasets=declared.datasets,
        received=declared.received,
        findings=found,
    )


def train_name(text: str) -> str:
    """Return `text` as a train's name: lower-case letters, digits and underscores, at most 63."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    plain = plain if plain[:1].isalpha() else f"train_{plain}".rstrip("_")
    return plain[:63]


_Reading = tuple[ParameterSchema, Declarations, list[Finding]]


def _read_python(document: Document, language: str, folder: Path | None) -> _Reading:
    cells = document.cells
    parsed = {cell.number: read_python(cell) for cell in cells if cell.kind == "code"}
    trees = {number: python.tree for number, python in parsed.items()}
    findings = [
        finding
        for cell in cells
        if cell.kind == "code" and cell.role != "local"
        for finding in parsed[cell.number].findings
        if cell.is_in_train or finding.code == "syntax"
    ]
    parameters = ParameterSchema({})
    for cell in _parameters_cells(cells):
        if (tree := trees[cell.number]) is not None:
            parameters, found = read_parameters(cell, tree)
            findings.extend(found)
    declared = read_outputs(cells, parsed)
    findings.extend(
        check_names(
            cells, parsed, parameters.properties, [value.name for value in declared.received]
        )
    )
    findings.extend(check_surroundings(cells, trees, folder))
    return parameters, declared, findings


def _read_foreign(document: Document, language: str, folder: Path | None) -> _Reading:
    declared = read_foreign_outputs(document.cells, language)
    parameters, found = read_metadata_parameters(document.metadata, document.cells)
    return parameters, declared, found


def _parameters_cells(cells: tuple[Cell, ...]) -> Iterator[Cell]:
    """Yield the first parameters cell; the second already has a finding."""
    yield from [cell for cell in cells if cell.role == "parameters"][:1]


def _kernel(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """Return the notebook's language and kernel name; Python if the notebook names neither."""

    def text(section: str, key: str) -> str:
        inner = metadata.get(section)
        value = inner.get(key) if isinstance(inner, dict) else None
        return value if isinstance(value, str) else ""

    language = text("kernelspec", "language") or text("language_info", "name") or "python"
    language = language.lower()
    return language, text("kernelspec", "name") or ("python3" if language == "python" else language)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failed:
        raise NotebookError(
            f"Cannot read the notebook {path}: {failed.strerror or failed}.",
            "Check the path.",
            code="notebook-missing",
        ) from None
