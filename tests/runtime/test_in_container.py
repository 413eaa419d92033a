"""The runtime in the station's real sandbox: what only limits and a container can show."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.station.executor.contract import Job, Limits, RegistryAuth
from phtlab.station.executor.docker_executor import DockerExecutor
from tests.limits import LIMIT

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

MIB = 1024 * 1024


class Box:
    """Runs cells in a container with given limits."""

    def __init__(self, root: Path, image: str) -> None:
        self.executor = DockerExecutor(root / "runs", station=f"runtime-{secrets.token_hex(4)}")
        self.folder = root
        self._image = image

    def start(
        self,
        *cells: str,
        outputs: tuple[dict[str, Any], ...] = (),
        seconds: float = 60,
        **limits: int,
    ) -> None:
        inputs = self.folder / "in"
        inputs.mkdir()
        job = {
            "version": 1,
            "kernel": "python3",
            "seconds": seconds,
            "grace": 1,
            "datasets": {},
            "outputs": outputs,
        }
        (inputs / "job.json").write_text(json.dumps(job))
        book = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {"cell_type": "code", "metadata": {"phtlab": {"cell": number}}, "source": cell}
                for number, cell in enumerate(cells, start=1)
            ],
        }
        (inputs / "notebook.ipynb").write_text(json.dumps(book))
        self.executor.start(
            Job(id="run", image=self._image, inputs=inputs, limits=Limits(**limits)), RegistryAuth
        )

    def run(self, *cells: str, **options: Any) -> dict[str, Any]:
        self.start(*cells, **options)
        until(lambda: self.executor.status("run").state == "exited")
        return self.record()

    def record(self) -> dict[str, Any]:
        status = self.executor.status("run")
        assert (status.exit_code, self.executor.logs("run")) == (0, b"")
        return json.loads((self.executor.outputs("run") / "run.json").read_bytes())


@pytest.fixture
def box(tmp_path: Path, kernel_image: str) -> Iterator[Box]:
    box = Box(tmp_path, kernel_image)
    yield box
    box.executor.remove("run")
    box.executor.close()


def until(condition: Callable[[], bool], seconds: float = LIMIT) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


def test_every_kind_of_output_leaves_its_files(box: Box) -> None:
    kinds = ("table", "scalar", "figure", "model", "file")
    record = box.run(
        "import phtlab, numpy as np\n"
        "from matplotlib import pyplot as plt\n"
        "from sklearn.linear_model import LogisticRegression",
        "phtlab.publish('table', {'sex': ['f', 'm'], 'n': [12, 34]}, counts='n')\n"
        "phtlab.publish('scalar', np.float64(0.5), kind='scalar')\n"
        "figure, axes = plt.subplots()\n"
        "axes.hist([1, 2, 2, 3])\n"
        "phtlab.publish('figure', figure, kind='figure')\n"
        "model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])\n"
        "phtlab.publish('model', model, kind='model')\n"
        "phtlab.publish('file', b'content', kind='file')",
        outputs=tuple(
            {"name": kind, "kind": kind, "counts": "n" if kind == "table" else None}
            for kind in kinds
        ),
    )

    assert record["outcome"] == "completed", record["error"]
    outputs = box.executor.outputs("run") / "outputs"
    assert sorted(path.name for path in outputs.iterdir()) == [
        "figure.data.json",
        "figure.json",
        "figure.png",
        "file.bin",
        "file.json",
        "model.json",
        "model.safetensors",
        "scalar.json",
        "scalar.scalar.json",
        "table.json",
        "table.table.json",
    ]


def test_memory_bomb_takes_the_kernel_and_not_the_record(box: Box) -> None:
    record = box.run(
        "x = 1",
        "hog = []\nwhile True:\n    hog.append(bytearray(16 << 20))",
        memory_bytes=192 * MIB,
    )

    assert record["outcome"] == "out-of-memory"
    assert record["error"]["cell"] == 2
    assert record["error"]["message"] == "the kernel was killed because memory ran out"


def test_kernel_that_kills_itself_is_not_out_of_memory(box: Box) -> None:
    record = box.run("import os; os.kill(os.getpid(), 9)")

    assert record["outcome"] == "kernel-died"


def test_output_over_quota_in_publish(box: Box) -> None:
    record = box.run(
        "import phtlab, os\nphtlab.publish('big', os.urandom(20 << 20), kind='file')",
        outputs=({"name": "big", "kind": "file", "counts": None},),
        output_bytes=8 * MIB,
    )

    assert (record["outcome"], record["error"]["cell"]) == ("quota", 1)
    assert list((box.executor.outputs("run") / "outputs").iterdir()) == []


@pytest.mark.parametrize(
    "fill",
    [
        "with open(out + '/junk', 'wb') as junk:\n"
        "    while True: junk.write(bytes(65536)); junk.flush()",
        "n = 0\nwhile True:\n    open(f'{out}/{n}', 'w').close()\n    n += 1",
        "os.makedirs(out + '/outputs')\nn = 0\n"
        "while True:\n    open(f'{out}/outputs/{n}', 'wb').write(b'x' * 4096)\n    n += 1",
    ],
    ids=["bytes", "inodes", "outputs"],
)
def test_record_is_written_into_a_volume_that_the_kernel_filled(box: Box, fill: str) -> None:
    record = box.run(
        f"import os\nout = '/phtlab/out'\n{fill}", output_bytes=4 * MIB, output_inodes=256
    )

    assert (record["outcome"], record["error"]["type"]) == ("quota", "OSError")


def test_kernel_that_fills_the_volume_and_hides_it_completes_with_a_record(box: Box) -> None:
    record = box.run(
        "import os\n"
        "os.mkdir('/phtlab/out/run.json')\n"
        "try:\n"
        "    with open('/phtlab/out/junk', 'wb') as junk:\n"
        "        while True: junk.write(bytes(4096)); junk.flush()\n"
        "except OSError: pass\n"
        "os.chmod('/phtlab/out', 0)",
        output_bytes=4 * MIB,
    )

    assert record["outcome"] == "completed"


def test_file_over_the_limit_of_one_file_is_quota(box: Box) -> None:
    record = box.run(
        "open('/tmp/large', 'wb').write(bytes(8 << 20))",
        file_bytes=4 * MIB,
    )

    assert record["outcome"] == "quota"


def test_out_of_time(box: Box) -> None:
    record = box.run("import time; time.sleep(600)", seconds=3)

    assert record["outcome"] == "out-of-time"


def test_stop_cancels_and_leaves_a_record(box: Box) -> None:
    box.start("import time; time.sleep(600)")
    progress = box.executor.outputs("run") / "progress.json"
    until(lambda: progress.exists() or box.executor.status("run").state == "exited")
    box.executor.stop("run")
    until(lambda: box.executor.status("run").state == "exited")

    assert box.record()["outcome"] == "cancelled"


def test_fork_bomb_ends_with_a_record(box: Box) -> None:
    record = box.run(
        "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.01)",
        seconds=4,
        pids=64,
    )

    assert record["outcome"] in ("out-of-time", "kernel-died")
