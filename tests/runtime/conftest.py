"""A sandbox's folders and its main program, without the container around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from phtlab.runtime.rounds import local_rounds


@pytest.fixture(autouse=True)
def no_rounds_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test published, sent or kept in this process is not there."""
    monkeypatch.setattr(local_rounds, "_rounds", local_rounds.LocalRounds())


@dataclass
class Sandbox:
    """`cells` become station cells numbered 2, 4, 6…, as if each other cell were local."""

    root: Path
    cells: list[str] = field(default_factory=list)
    seconds: float = 60.0
    grace: float = 1.0
    datasets: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    kernel: str = "python3"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def write(self, **job: Any) -> None:
        (self.root / "in").mkdir(exist_ok=True)
        self.out.mkdir(exist_ok=True)
        content = {
            "version": 1,
            "kernel": self.kernel,
            "seconds": self.seconds,
            "grace": self.grace,
            "datasets": self.datasets,
            "outputs": self.outputs,
        }
        (self.root / "in/job.json").write_text(json.dumps(content | job))
        (self.root / "in/notebook.ipynb").write_text(json.dumps(notebook(*self.cells)))

    def start(self) -> subprocess.Popen[str]:
        temporary = self.root / "tmp"
        temporary.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "phtlab.runtime"],
            env=os.environ
            | {
                "PHTLAB_IN": str(self.root / "in"),
                "PHTLAB_OUT": str(self.out),
                "HOME": str(temporary),
            },
            cwd=temporary,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *cells: str, **job: Any) -> dict[str, Any]:
        """Run the cells; the record that the runtime wrote."""
        self.cells = list(cells) or self.cells
        self.write(**job)
        with self.start() as process:
            stdout, stderr = process.communicate(timeout=120)
        assert (process.returncode, stdout, stderr) == (0, "", "")
        return self.record()

    def record(self) -> dict[str, Any]:
        return json.loads((self.out / "run.json").read_bytes())

    def executed(self) -> dict[str, Any]:
        return json.loads((self.out / "executed.ipynb").read_bytes())

    def output(self, name: str) -> Any:
        return json.loads((self.out / "outputs" / name).read_bytes())


def notebook(*sources: str) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "cells": [
            {
                "id": f"cell-{number}",
                "cell_type": "code",
                "metadata": {"phtlab": {"cell": 2 * number, "role": "station"}},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(sources, start=1)
        ],
    }


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)
