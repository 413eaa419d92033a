"""The tutorial as one's own copy, and beside it what its end points to."""

from __future__ import annotations

from pathlib import Path

from phtlab.share import share
from tests.lab.server.conftest import Asking

NOTEBOOKS = share("notebooks")
BESIDE = (
    "heart_disease.ipynb",
    "logistic_regression.ipynb",
    "neural_network.ipynb",
    "neural_network_rounds.ipynb",
    "tour.ipynb",
)


async def test_a_copy_comes_with_the_notebooks_to_go_on_with(asking: Asking, jp_root_dir: Path):
    assert await asking.post("tutorial", {}) == {"path": "tutorial.ipynb"}
    for name in ("tutorial.ipynb", *BESIDE):
        assert (jp_root_dir / name).read_bytes() == (NOTEBOOKS / name).read_bytes()
    text = (NOTEBOOKS / "tutorial.ipynb").read_text()
    assert all(name in text for name in BESIDE), "its end says what lies beside it"


async def test_what_is_there_already_is_not_touched(asking: Asking, jp_root_dir: Path):
    for name in ("tutorial.ipynb", "tour.ipynb"):
        (jp_root_dir / name).write_text("mine")
    assert await asking.post("tutorial", {}) == {"path": "tutorial-2.ipynb"}
    assert (jp_root_dir / "tutorial.ipynb").read_text() == "mine"
    assert (jp_root_dir / "tour.ipynb").read_text() == "mine"
    assert (jp_root_dir / "heart_disease.ipynb").exists()
