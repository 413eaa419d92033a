"""The same run under papermill, whose own metadata would call a dead kernel completed."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from phtlab.runtime import JobError, RunFailedError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*sources, parameters=None, kernel_name="python3", **options):
        book = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": kernel_name, "language": "python", "display_name": ""}}
        )
        book.cells = [nbformat.v4.new_code_cell(source) for source in sources]
        book.cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(book, "in.ipynb")
        papermill.execute_notebook(
            "in.ipynb", "out.ipynb", parameters, engine_name="phtlab", progress_bar=False, **options
        )
        return executed()

    return run


def executed():
    content = Path("out.ipynb").read_text()
    return json.loads(content)


def test_parameters_are_injected_and_outputs_collected(run):
    book = run("a = 1", "print('hello')\na + 1", parameters={"a": 41})

    printed, result = book["cells"][2]["outputs"]
    assert printed["text"] == ["hello\n"]
    assert result["data"] == {"text/plain": ["42"]}
    assert book["metadata"]["papermill"]["exception"] is None
    assert {cell["metadata"]["papermill"]["status"] for cell in book["cells"]} == {"completed"}


def test_failing_cell_raises_papermills_own_error(run):
    with pytest.raises(PapermillExecutionError) as caught:
        run("a = 1", "a / 0", "never = 1")

    assert (caught.value.ename, caught.value.cell_index) == ("ZeroDivisionError", 1)
    assert executed()["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert executed()["cells"][1]["metadata"]["papermill"]["status"] == "failed"
    assert executed()["metadata"]["papermill"]["phtlab_outcome"] == "cell-failed"


def test_dead_kernel_raises(run):
    with pytest.raises(RunFailedError) as caught:
        run("a = 1", "import os; os._exit(3)", "never = 1")

    assert caught.value.outcome == "kernel-died"
    statuses = [cell["metadata"]["papermill"]["status"] for cell in executed()["cells"]]
    assert statuses[1] == "failed"


def test_time_limit_raises(run):
    with pytest.raises(RunFailedError) as caught:
        run("a = 1", "import time; time.sleep(600)", execution_timeout=3)

    assert caught.value.outcome == "out-of-time"


def test_kernel_that_is_not_installed_raises(run):
    with pytest.raises(JobError, match="no Jupyter kernel 'julia'"):
        run("a = 1", kernel_name="julia")
