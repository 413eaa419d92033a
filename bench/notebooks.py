"""Notebooks for the benches: small, so that they take little of the measured time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat

TRIVIAL = ("answer = 1 + 1\nprint(answer)",)
FIGURE = (
    "import matplotlib.pyplot as plt\nimport phtlab\n"
    "figure, axis = plt.subplots()\n"
    "axis.bar(['no', 'yes'], [120, 80])\n"
    "phtlab.publish('bars', figure, kind='figure', counts='y')",
)
SLOW = ("import time\nfor _ in range(60):\n    time.sleep(0.1)\nprint('awake')",)


def steps(seconds: float) -> tuple[str, ...]:
    """Return three cells, which take `seconds` each."""
    return tuple(f"import time\ntime.sleep({seconds})\nprint({step})" for step in (1, 2, 3))


def write(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook of station cells, which are ordinary cells for tools without roles."""
    return write_roles(path, [("station", cell) for cell in cells])


def write_roles(path: Path, cells: Sequence[tuple[str, str]]) -> Path:
    """Write a notebook of cells, each of a role and its source."""
    made = [nbformat.v4.new_code_cell(cell, metadata={"tags": [role]}) for role, cell in cells]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return path
