"""A notebook in the kernel image, by the runtime, with every flag of the sandbox on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.station.executor.contract import Job, Limits
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.station.executor.untrusted_files import read_untrusted
from tests.station.executor.executor_contract import anyone, ended

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

Run = Callable[..., dict[str, Any]]
MIB = 1024 * 1024


@pytest.fixture
def executor(tmp_path: Path) -> Iterator[DockerExecutor]:
    executor = DockerExecutor(tmp_path / "runs", station=f"notebook-{secrets.token_hex(4)}")
    yield executor
    for job_id in executor.jobs():
        executor.remove(job_id)
    executor.close()


@pytest.fixture
def run(executor: DockerExecutor, kernel_image: str, tmp_path: Path) -> Run:
    """Run cells over a data set `heart`; returns run.json."""

    def run(
        *cells: str, limits: Limits | None = None, outputs: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        heart = tmp_path / "heart.csv"
        heart.write_text("age,sick\n40,0\n63,1\n71,1\n")
        inputs = tmp_path / "in"
        inputs.mkdir()
        notebook = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "cells": [
                {
                    "id": f"cell-{number}",
                    "cell_type": "code",
                    "metadata": {"phtlab": {"cell": number, "role": "station"}},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, source in enumerate(cells, 1)
            ],
        }
        job = {
            "version": 1,
            "kernel": "python3",
            "seconds": 60,
            "datasets": {
                "heart": {
                    "path": "/data/heart/heart.csv",
                    "format": "csv",
                    "columns": {"age": "integer", "sick": "integer"},
                }
            },
            "outputs": [{"name": name, "kind": "table", "counts": None} for name in outputs],
        }
        (inputs / "notebook.ipynb").write_text(json.dumps(notebook))
        (inputs / "job.json").write_text(json.dumps(job))
        executor.start(
            Job("stop-1", kernel_image, inputs, {"heart": heart}, limits or Limits()), anyone
        )
        status = ended(executor, "stop-1")
        assert status.exit_code == 0, executor.logs("stop-1").decode(errors="replace")
        content = read_untrusted(executor.outputs("stop-1"), "run.json", limit=MIB)
        found: dict[str, Any] = json.loads(content)
        return found

    return run


def test_the_libraries_of_the_kernel_image_work_under_the_filter(
    run: Run, executor: DockerExecutor
) -> None:
    record = run(
        "import phtlab, numpy as np, pandas as pd\n"
        "import matplotlib; matplotlib.use('agg')\n"
        "import matplotlib.pyplot as plt\n"
        "heart = phtlab.dataset('heart')\n"
        "assert np.linalg.svd(np.random.rand(200, 200))[1].shape == (200,)\n"
        "plt.plot(heart.age); plt.savefig('/tmp/figure.png')",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "assert sum(ThreadPoolExecutor(4).map(int, '123')) == 6",
        "phtlab.publish('ages', heart.groupby('sick').age.mean().reset_index())",
        outputs=("ages",),
    )
    assert record["outcome"] == "completed", record
    table = json.loads(
        read_untrusted(executor.outputs("stop-1"), "outputs/ages.table.json", limit=MIB)
    )
    assert table["data"] == [[0, 1], [40.0, 67.0]]


def test_a_notebook_out_of_memory_is_told_by_run_and_engine(
    run: Run, executor: DockerExecutor
) -> None:
    record = run(
        "hoard = [b'x' * (1 << 20) for _ in range(1000)]", limits=Limits(memory_bytes=200 * MIB)
    )
    assert record["outcome"] == "out-of-memory"
    assert executor.status("stop-1").oom_killed
