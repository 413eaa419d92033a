"""The cells of a notebook, each with the role of its tags."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from phtlab.errors import NotebookError
from phtlab.notebook.finding import Finding, error, warning

Role = Literal["parameters", "station", "round", "combine", "aggregate", "local"]
Kind = Literal["code", "markdown", "raw"]

ROLES: tuple[Role, ...] = ("parameters", "station", "round", "combine", "aggregate", "local")
AT_STATIONS: frozenset[str] = frozenset({"parameters", "station", "round"})
# Combine cells are part of the train, so that reviewers read them; no station runs them.
TRAVELLING: frozenset[str] = AT_STATIONS | {"combine"}

# Tags of Jupyter's own tools. They change nothing at a station: it runs every cell of the train,
# and the first cell that fails ends the run.
_IGNORED_TAGS = ("raises-exception", "skip-execution")


@dataclass(frozen=True)
class Cell:
    """A cell. `number` counts all cells from 1; `role` is `local` unless a tag sets another."""

    number: int
    kind: Kind
    role: Role
    source: str
    id: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_in_train(self) -> bool:
        """Whether the train's notebook has the cell."""
        return self.role in TRAVELLING

    @property
    def runs_at_stations(self) -> bool:
        """Whether stations run the cell, once or in each round."""
        return self.role in AT_STATIONS


@dataclass(frozen=True)
class Document:
    """A notebook file as read: its cells and metadata, and the errors of its tags."""

    cells: tuple[Cell, ...]
    metadata: Mapping[str, Any]
    findings: tuple[Finding, ...]


def read_document(content: bytes, label: str) -> Document:
    """Read the cells of the notebook file `content`; `label` names the file in messages.

    Raises NotebookError if it is not a notebook of format 4 (nbformat 4.0 to 4.5).
    """
    notebook = _load(content, label)
    cells: list[Cell] = []
    findings: list[Finding] = []
    for number, raw in enumerate(notebook["cells"], start=1):
        cell, found = _read_cell(raw, number, label)
        cells.append(cell)
        findings.extend(found)
    declaring = [c for c in cells if c.role == "parameters"]
    for extra in declaring[1:]:
        findings.append(
            error(
                "parameters-twice",
                f"cell {extra.number} is a second parameters cell; cell {declaring[0].number} is "
                "the first. Declare all parameters in one cell.",
                extra.number,
            )
        )
    metadata = notebook.get("metadata")
    return Document(tuple(cells), metadata if isinstance(metadata, dict) else {}, tuple(findings))


def _load(content: bytes, label: str) -> dict[str, Any]:
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError):
        raise NotebookError(
            f"{label} is not a notebook: it is not JSON.",
            "Give the .ipynb file.",
            code="notebook-format",
        ) from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        version = notebook.get("nbformat") if isinstance(notebook, dict) else None
        hint = (
            f"its format is version {version}. Open it in JupyterLab and save it again."
            if isinstance(version, int) and version < 4
            else "it has no list of cells. Give the .ipynb file."
        )
        raise NotebookError(f"{label} is not a notebook: {hint}", code="notebook-format")
    if notebook.get("nbformat") != 4:
        raise NotebookError(
            f"{label} is a notebook of format {notebook.get('nbformat')!r}; phtlab reads format 4.",
            "Open it in JupyterLab and save it again.",
            code="notebook-format",
        )
    return notebook


def _read_cell(raw: Any, number: int, label: str) -> tuple[Cell, list[Finding]]:
    source = raw.get("source") if isinstance(raw, dict) else None
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    kind = raw.get("cell_type") if isinstance(raw, dict) else None
    if not isinstance(source, str) or kind not in ("code", "markdown", "raw"):
        raise NotebookError(
            f"{label} is not a notebook: cell {number} has no source or no known cell_type.",
            "Open it in JupyterLab and save it again.",
            code="notebook-format",
        )
    metadata = raw.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    tags = tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else ()
    role, findings = _role(tags, kind, number)
    identity = raw.get("id")
    cell = Cell(
        number,
        kind,
        role,
        source.replace("\r\n", "\n").replace("\r", "\n"),
        identity if isinstance(identity, str) else None,
        tags,
    )
    return cell, findings


def _role(tags: tuple[str, ...], kind: str, number: int) -> tuple[Role, list[Finding]]:
    roles = [role for role in ROLES if role in tags]
    findings = [
        error(
            "unknown-role",
            f"cell {number} has the tag '{tag}', which is no role. Did you mean '{meant}'? "
            f"The roles are {', '.join(ROLES[:-1])}; a cell without one stays local.",
            number,
        )
        for tag in tags
        if (meant := _misspelt(tag)) is not None
    ]
    if kind != "code":
        if roles:
            findings.append(
                warning(
                    "role-not-code",
                    f"cell {number} is a {kind} cell, so its role '{roles[0]}' means nothing. "
                    "Only code cells have a role.",
                    number,
                )
            )
        return "local", findings
    if len(roles) > 1:
        findings.append(
            error(
                "two-roles",
                f"cell {number} has the roles {_listed(roles)}. A cell has one role: "
                "remove the other tags, or split the cell.",
                number,
            )
        )
    role = roles[0] if roles else "local"
    if role in TRAVELLING:
        findings.extend(
            warning(
                "tag-ignored",
                f"cell {number} is tagged '{tag}', but a station runs every cell that travels "
                "and stops at the first that fails. Remove the tag or the role.",
                number,
            )
            for tag in _IGNORED_TAGS
            if tag in tags
        )
    return role, findings


def _misspelt(tag: str) -> Role | None:
    """Return the role that `tag` probably misspells; None if it is a role, or something else."""
    if tag in ROLES or tag == "injected-parameters":
        return None
    plain = tag.strip().lower().removeprefix("phtlab").lstrip("-:_. ")
    if plain in ("param", "params"):
        return "parameters"
    close = difflib.get_close_matches(plain, ROLES[:-1], n=1, cutoff=0.85)
    return cast(Role, close[0]) if close else None


def _listed(names: list[Role]) -> str:
    quoted = [f"'{name}'" for name in names]
    return ", ".join(quoted[:-1]) + " and " + quoted[-1]
