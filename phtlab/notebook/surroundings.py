"""What a Python cell uses and a station's sandbox does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error

_INTERACTIVE = ("input", "breakpoint")


def check_surroundings(
    cells: Sequence[Cell], trees: Mapping[int, ast.Module | None], folder: Path | None
) -> Iterator[Finding]:
    """Yield findings for input from the user, and for modules beside the notebook.

    `folder` is the notebook's folder; None if only its content is known.
    """
    travelling = [(c, tree) for c in cells if c.is_in_train and (tree := trees.get(c.number))]
    own = {name for _, tree in travelling for name in _bound(tree)}
    for cell, tree in travelling:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in _INTERACTIVE
                and node.func.id not in own
            ):
                yield error(
                    "asks",
                    f"cell {cell.number}, line {node.lineno}: {node.func.id}() waits for somebody "
                    "to answer, and nobody is there at a station. Make it a parameter.",
                    cell.number,
                    node.lineno,
                )
            elif folder is not None and isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from _beside(cell, node, folder)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the analysis itself binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def _beside(cell: Cell, node: ast.Import | ast.ImportFrom, folder: Path) -> Iterator[Finding]:
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for name in {full.split(".")[0] for full in names} - {"", "phtlab"}:
        if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file():
            yield error(
                "module-beside",
                f"cell {cell.number}, line {node.lineno}: '{name}' is a module beside the "
                "notebook, which does not travel with it. Move what the analysis needs into a "
                "station cell.",
                cell.number,
                node.lineno,
            )
