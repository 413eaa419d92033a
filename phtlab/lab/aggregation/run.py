"""Run a notebook's aggregate cells over a journey's results, headless, and keep their outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from phtlab.errors import NotebookError

ROLE = "aggregate"


def run_aggregate(
    notebook: Path,
    journey: str,
    *,
    environment: Mapping[str, str] | None = None,
    epilogue: str = "",
    timeout: float = 600.0,
) -> Any:
    """Return the notebook with its aggregate cells executed for `journey`; other cells stay as is.

    `environment` is added to this process's own for the kernel. `epilogue` is code that runs in the
    same kernel afterwards and is not kept. `timeout` is in seconds per cell. Raises NotebookError
    with the failing cell's number.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError
    from traitlets.config import Config

    executed = nbformat.read(notebook, as_version=4)
    numbers = [
        number
        for number, cell in enumerate(executed.cells)
        if cell.cell_type == "code" and ROLE in cell.metadata.get("tags", [])
    ]
    running = nbformat.v4.new_notebook(
        cells=[executed.cells[number] for number in numbers],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    if epilogue:
        running.cells.append(nbformat.v4.new_code_cell(epilogue))
    variables = {"PHTLAB_JOURNEY": journey, "PHTLAB_NOTEBOOK": str(notebook)}
    # A socket in the file system, not TCP, which other users of the machine can reach. It has a
    # folder of its own: the default path is relative, and the kernel's working directory differs
    # from ours.
    with TemporaryDirectory(prefix="phtlab-kernel-") as sockets:
        connection = {"transport": "ipc", "ip": f"{sockets}/kernel"}
        client = NotebookClient(
            running,
            timeout=timeout,
            startup_timeout=120,
            resources={"metadata": {"path": str(notebook.parent)}},
            config=Config({"ConnectionFileMixin": connection}),
        )
        try:
            client.execute(env={**os.environ, **(environment or {}), **variables})
        # RuntimeError: the kernel died, or did not start.
        except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
            number = _failed(running.cells, numbers)
            reason = getattr(error, "evalue", "") or "it ran out of time, or its kernel died"
            raise NotebookError(
                f"The aggregate cell {number} of {notebook.name} failed: {reason}",
                code="aggregate-failed",
            ) from None
    return executed


def _failed(cells: list[Any], numbers: list[int]) -> int:
    """Return the number, from 1, of the first cell that did not run to its end."""
    for cell, number in zip(cells, numbers, strict=False):
        if any(o.output_type == "error" for o in cell.outputs) or cell.execution_count is None:
            return number + 1
    return numbers[-1] + 1 if numbers else 0


# Page for a closed network: it fetches nothing and runs no script.
_PAGE = """\
{% extends "lab/index.html.j2" %}
{% block html_head_js %}
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:">
{% endblock html_head_js %}
{% block html_head_js_mathjax %}{% endblock html_head_js_mathjax %}
{% block html_head_js_mermaidjs %}{% endblock html_head_js_mermaidjs %}
"""


def as_html(notebook: Any, title: str) -> str:
    """Return an executed notebook as one HTML page that fetches nothing and runs no script.

    Only for the reader's own notebook: another person's must be sanitized before it is shown.
    """
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from nbformat import from_dict

    exporter = HTMLExporter(
        template_file="page.html.j2",
        extra_loaders=[DictLoader({"page.html.j2": _PAGE})],
        embed_images=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    resources = {"metadata": {"name": title}}
    # Without widget state, nbconvert uses the HTML stored beside each widget.
    notebook = {**notebook, "metadata": {**notebook["metadata"]}}
    notebook["metadata"].pop("widgets", None)
    notebook = from_dict(notebook)
    body: str = exporter.from_notebook_node(notebook, resources=resources)[0]
    return body
