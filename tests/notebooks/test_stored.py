"""Notebooks as they lie in the repository: sound, tidy, and without what a run left in them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from phtlab.notebook import read_analysis
from tests.notebooks.executed import NOTEBOOKS

READ = (
    "tutorial.ipynb",
    "tour.ipynb",
    "heart_disease.ipynb",
    "neural_network.ipynb",
    "neural_network_rounds.ipynb",
    "logistic_regression.ipynb",
)
EVERY = sorted(path.relative_to(NOTEBOOKS).as_posix() for path in NOTEBOOKS.rglob("*.ipynb"))
ROLES = {"parameters", "station", "round", "combine", "aggregate"}


def stored(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((NOTEBOOKS / name).read_text("utf-8"))
    return content


@pytest.mark.parametrize("name", READ)
def test_checked_without_findings(name: str):
    assert read_analysis(NOTEBOOKS / name).findings == ()


@pytest.mark.parametrize("name", EVERY)
def test_no_outputs_no_counts_no_metadata_but_roles(name: str):
    notebook = stored(name)
    nbformat.validate(notebook)
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        assert set(cell["metadata"].get("tags", [])) <= ROLES
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "phtlab"}


@pytest.mark.parametrize("name", READ)
def test_no_passphrase_is_asked_for_or_written(name: str):
    code = "\n".join("".join(c["source"]) for c in stored(name)["cells"] if "outputs" in c)
    assert not re.search(r"passphrase|getpass|PHTLAB_|environ", code, re.IGNORECASE)


@pytest.mark.parametrize("name", READ)
def test_nothing_in_it_depends_on_where_it_lies(name: str):
    """The tutorial is copied to one's own folder under a name that was free."""
    text = "\n".join("".join(cell["source"]) for cell in stored(name)["cells"])
    own = {word for word in re.findall(r"[\w./-]+\.ipynb", text) if Path(word).name == name}
    assert not own
    assert not re.search(r"\]\((?!https://|#|attachment:)", text), "a link to a file beside it"


@pytest.mark.parametrize("name", READ)
def test_run_all_sends_nothing_by_surprise_and_results_are_waited_for(name: str):
    """In Lab the page asks before `dispatch` sends; what needs results stands behind the wait."""
    cells = [cell for cell in stored(name)["cells"] if cell["cell_type"] == "code"]
    texts = ["".join(cell["source"]) for cell in cells]
    assert not any("confirm" in text for text in texts)
    sends = [n for n, text in enumerate(texts) if "dispatch(" in text]
    results = [n for n, text in enumerate(texts) if "results(" in text]
    waits = [n for n, text in enumerate(texts) if text == "journey.wait()"]
    for sent in sends:
        assert any(sent < wait < min(results) for wait in waits)
