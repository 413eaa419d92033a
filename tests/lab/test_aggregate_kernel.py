"""The kernel of the aggregate cells is found wherever the command is typed, and leaves nothing."""

import nbformat

from phtlab.lab.aggregation.run import run_aggregate


def test_aggregate_cells_run_in_the_notebooks_folder_from_any_other(tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "notebooks", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    cell = nbformat.v4.new_code_cell(
        "import os\nprint(os.path.basename(os.getcwd()), os.environ['PHTLAB_JOURNEY'])",
        metadata={"tags": ["aggregate"]},
    )
    path = folder / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    monkeypatch.chdir(elsewhere)

    shown = run_aggregate(path, "sha256:1")

    assert shown.cells[0].outputs[0].text == "notebooks sha256:1\n"
    assert [p.name for p in folder.iterdir()] == ["one.ipynb"]
    assert list(elsewhere.iterdir()) == []
