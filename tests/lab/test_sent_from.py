"""A journey remembers which notebook it was sent from, on this machine and for a while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from phtlab.lab.client import dispatch_history
from phtlab.lab.client.dispatch_history import notebook_of, remember_notebook

JOURNEY = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_CACHE", str(tmp_path / "cache"))


def test_the_notebook_is_told_with_its_whole_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    remember_notebook(JOURNEY, Path("Ünïcode heart.ipynb"))
    assert notebook_of(JOURNEY) == tmp_path / "Ünïcode heart.ipynb"
    assert notebook_of("sha256:" + "b" * 64) is None


@pytest.mark.parametrize("journey", ["", "a", "sha256:../../../x", "sha256:" + "A" * 64, "/etc/x"])
def test_what_is_no_journey_s_id_is_no_file(journey: str, tmp_path: Path):
    remember_notebook(journey, Path("a.ipynb"))
    assert notebook_of(journey) is None
    assert list(tmp_path.rglob("*")) == []


def test_only_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dispatch_history, "MOST", 3)
    ids = [f"sha256:{number:064x}" for number in range(5)]
    for age, journey in enumerate(ids):
        remember_notebook(journey, Path("a.ipynb"))
        place = dispatch_history._history_file(journey)
        assert place is not None
        os.utime(place, (age, age))
    assert [notebook_of(journey) is not None for journey in ids] == [False] * 2 + [True] * 3


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    remember_notebook(JOURNEY, Path("a.ipynb"))
    assert notebook_of(JOURNEY) is None
