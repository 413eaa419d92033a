"""`python -m bench.simulated_station FOLDER`: a station's daemon without a sandbox.

Only the executor is simulated: it computes a round of `bench.rounds`, on the station's own data, as
soon as the daemon looks for it. Verification, airlock, sealing and all requests are a station's.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from phtlab.cli.main import main
from phtlab.errors import SandboxError
from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.station.context import bootstrap
from phtlab.station.data.datasets import load_datasets
from phtlab.station.executor.contract import (
    CheckResult,
    Executor,
    Job,
    JobStatus,
    RegistryAuth,
)
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings

_INDEX = {"name": "update", "kind": "model", "counts": None, "of": 2**40}


@dataclass
class SimulatedExecutor(Executor):
    """Computes in this process one step of a regression to `x` and `y` for each round."""

    root: Path
    x: np.ndarray
    y: np.ndarray
    _jobs: dict[str, Job] = field(default_factory=dict)
    _statuses: dict[str, JobStatus] = field(default_factory=dict)

    def check(self) -> tuple[CheckResult, ...]:
        return (CheckResult("container engine", True, "Rounds are simulated."),)

    def has_image(self, reference: str) -> bool:
        return True

    def start(self, job: Job, authorize: Callable[[], RegistryAuth]) -> None:
        if job.id not in self._jobs:
            (self.root / job.id / "rounds").mkdir(parents=True)
            self._jobs[job.id] = job
            self._statuses[job.id] = JobStatus("running", started=datetime.now(UTC))

    def status(self, job_id: str) -> JobStatus:
        return self._statuses.get(job_id, JobStatus("absent"))

    def stop(self, job_id: str) -> None:
        status = self.status(job_id)
        if status.state == "running":
            now = datetime.now(UTC)
            self._statuses[job_id] = JobStatus("exited", 0, False, status.started, now)

    def outputs(self, job_id: str) -> Path:
        if job_id not in self._jobs:
            raise SandboxError(f"Job {job_id} has no outputs.", code="outputs-absent")
        self._compute(self._jobs[job_id])
        return self.root / job_id

    def logs(self, job_id: str) -> bytes:
        return b""

    def remove(self, job_id: str) -> None:
        self._jobs.pop(job_id, None)
        self._statuses.pop(job_id, None)
        shutil.rmtree(self.root / job_id, ignore_errors=True)

    def jobs(self) -> frozenset[str]:
        return frozenset(self._jobs)

    def _compute(self, job: Job) -> None:
        """Leave the files of the round that is asked for, as the runtime does."""
        request = job.inputs / "rounds" / "next.json"
        number = json.loads(request.read_bytes())["number"] if request.exists() else 1
        folder = self.root / job.id / "rounds" / str(number)
        if folder.exists():
            return
        value = job.inputs / "rounds" / str(number) / "beta.safetensors"
        beta = decode_tensors(value.read_bytes())["beta"] if value.exists() else np.zeros(3)
        p = 1 / (1 + np.exp(-self.x @ beta))
        update = {
            "g": self.x.T @ (self.y - p),
            "h": np.ascontiguousarray((self.x.T * (p * (1 - p))) @ self.x),
        }
        (folder / "outputs").mkdir(parents=True)
        (folder / "outputs" / "update.safetensors").write_bytes(encode_tensors(update))
        index = json.dumps(_INDEX | {"files": ["update.safetensors"]})
        (folder / "outputs" / "update.json").write_text(index)
        (folder / "draft").write_text("{}")
        (folder / "draft").replace(folder / "run.json")


def open_simulated(folder: StationFolder, settings: StationSettings) -> Executor:
    """Return an executor that computes on the station's declared data."""
    [dataset] = load_datasets(folder).values()
    return SimulatedExecutor(folder.runs, *arrays_of(pd.read_csv(dataset.path)))


def arrays_of(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return what the station cells of `bench.rounds` load."""
    x = np.column_stack([np.ones(len(rows)), (rows.age - 50) / 10, rows.sex == "Male"])
    return x.astype(float), (rows.num > 0).to_numpy().astype(float)


if __name__ == "__main__":
    with mock.patch.object(bootstrap, "open_executor", open_simulated):
        sys.argv = ["phtlab", "station", "run", "-C", sys.argv[1]]
        main()
