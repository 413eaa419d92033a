"""Small notebooks, written for one test each."""

from __future__ import annotations

from pathlib import Path

import nbformat

PARAMETERS = """\
from typing import Annotated
from annotated_types import Interval
min_age: Annotated[int, Interval(ge=18, le=100)] = 40
"""
LOAD = """\
import phtlab
heart = phtlab.dataset("heart")
"""
PUBLISH = """\
counts = heart.groupby("sex").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
"""
SUMS = """\
import numpy as np
sums = phtlab.receive(
    "sums",
    default={"age": np.zeros(1), "people": np.zeros(1)},
    arrays={"age": (1,), "people": (1,)},
    lowest=0,
)
sums["age"] += heart.age.sum()
sums["people"] += len(heart)
phtlab.publish("sums", sums, kind="model", of=len(heart), tensors=["age", "people"], to="next")
"""
"""What one station after the other adds to: a stop counted twice, or not at all, would show."""
FIRST = 4  # the number of the first station cell


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook at `path` whose station cells are `cells`, numbered from FIRST on.

    Before them: text, the parameter `min_age`, and a cell that stays at home.
    """
    made = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        }
    )
    new = nbformat.v4.new_code_cell
    made.cells = [
        nbformat.v4.new_markdown_cell("# A question"),
        new(PARAMETERS, metadata={"tags": ["parameters"]}),
        new("here = 'a note of the author'"),
        *(new(source, metadata={"tags": ["station"]}) for source in cells),
    ]
    nbformat.write(made, path)
    return path
