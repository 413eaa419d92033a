"""Each test has a configuration folder of its own: it holds the keys of its journeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.rounds.series_world import SeriesWorld


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def world(tmp_path: Path) -> SeriesWorld:
    return SeriesWorld(tmp_path)
