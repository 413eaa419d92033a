"""A dry run helps: at the twin station, which holds nobody's data, an error keeps its message."""

import nbformat
import pytest

from phtlab.lab import Lab

pytestmark = pytest.mark.engine

STATION_CELL = """\
import phtlab
heart = phtlab.dataset("heart")
phtlab.publish("counts", heart.groupby("sexx").size().rename("n").reset_index(), counts="n")
"""


def test_a_mistake_is_told_whole_by_a_dry_run(lab: Lab, tmp_path):
    cell = nbformat.v4.new_code_cell(STATION_CELL, metadata={"tags": ["station"]})
    path = tmp_path / "mistaken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    results = lab.train(path).dry_run()
    record = results.failures["twin"]
    assert record.code == "cell-failed"
    assert record.error is not None
    assert (record.error.type, record.error.cell, record.error.line) == ("KeyError", 1, 3)
    assert record.error.message == "'sexx'"
