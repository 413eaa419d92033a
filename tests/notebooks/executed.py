"""A notebook of `notebooks/`, run from top to bottom in a real kernel, as its reader runs it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TIMEOUT = 600  # seconds a cell, on a busy machine


@dataclass(frozen=True)
class Executed:
    """The notebook after its run, and what the expressions asked for were at its end."""

    notebook: NotebookNode
    values: Mapping[str, Any]

    def cell(self, name: str) -> NotebookNode:
        """The cell whose id is `name`."""
        (found,) = [cell for cell in self.notebook.cells if cell.id == name]
        return found

    def shown(self, name: str, form: str = "text/plain") -> list[str]:
        """What the cell `name` shows in `form`, an entry an output."""
        return [o.data[form] for o in self.cell(name).outputs if form in o.get("data", {})]


def execute(
    name: str,
    folder: Path,
    environment: Mapping[str, str],
    values: Sequence[str] = (),
    *,
    change: Mapping[str, tuple[str, str]] | None = None,
) -> Executed:
    """Run a copy of the notebook `name` in `folder`; `values` are expressions to read at the end.

    `change` is what its reader edits first: a cell's id to old and new text.
    Of this process's environment the kernel has what does not concern phtlab, and `environment`.
    Raises CellExecutionError, with the cell, for one that fails.
    """
    copy = folder / name
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        old, new = (change or {}).get(cell.id, ("", ""))
        assert old in cell.source, f"{name}, cell '{cell.id}': there is no {old!r}"
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, copy)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PHTLAB_")}
    told = {**clean, "PHTLAB_NOTEBOOK": str(copy), **environment}
    with TemporaryDirectory(prefix="phtlab-kernel-") as sockets:
        connection = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            startup_timeout=TIMEOUT,
            resources={"metadata": {"path": str(folder)}},
            config=Config({"ConnectionFileMixin": connection}),
        )
        client.reset_execution_trackers()
        with client.setup_kernel(env=told):
            for number, cell in enumerate(notebook.cells):
                client.execute_cell(cell, number)
            read = {expression: _value(client, expression) for expression in values}
    nbformat.write(notebook, copy)  # to be looked at
    return Executed(notebook, read)


def _value(client: NotebookClient, expression: str) -> Any:
    cell = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({expression}))")
    client.execute_cell(cell, 0)
    return json.loads("".join(o.text for o in cell.outputs if o.get("name") == "stdout"))
