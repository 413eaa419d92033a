"""The self-test's train: a tiny notebook on synthetic rows that takes all steps of a journey.

A layer is composed and verified, a run starts in the sandbox, the airlock suppresses a small group,
the rest is sealed to the station's own key and opened again. It uses neither central nor the
registry, and reads no data set of the station.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet

from phtlab.errors import PhtlabError, TrialUnfinishedError
from phtlab.notebook import read_analysis
from phtlab.station.audit.log import Log
from phtlab.station.context.self_test_result import AIRLOCK, TRAIN
from phtlab.station.data.datasets import add_dataset
from phtlab.station.executor.contract import CheckResult
from phtlab.station.health.local_train import LocalRun, Made, run_local
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import KernelRef, Output, TrainManifest
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.composition import (
    declared_files,
    train_files,
)

GROUPS: Final[Mapping[str, int]] = {"few": 3, "many": 25, "more": 31}
"""Synthetic rows by group. The airlock suppresses the first: below its smallest count."""
_NOTEBOOK: Final = "notebook.ipynb"
_CELL: Final = """\
import phtlab
rows = phtlab.dataset("self_test")
counts = rows.groupby("kind").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
"""
_SCHEMA: Final = b"""\
title = "Made up for the self-test"

[[columns]]
name = "kind"
type = "string"
categories = ["few", "many", "more"]
"""


def train_check(
    folder: StationFolder, settings: StationSettings, identity: Identity, log: Log, *, by: str
) -> CheckResult:
    """Run the train and return its result; leaves nothing but two entries in `log`."""
    place = folder.self_test_train
    try:
        place.create()
        place.policy.write_text(default_policy("auto"))
        rows = [kind for kind, count in GROUPS.items() for _ in range(count)]
        data = place.path / "self_test.csv"
        data.write_text("\n".join(["kind", *rows]) + "\n")
        data.chmod(0o644)
        add_dataset(place, "self_test", data, _SCHEMA)
        run = run_local(
            place, settings.model_copy(update={"twin": False}), identity, _made,
            by=by, language="python", parameters={}, log=log,
        )  # fmt: skip
        found = judge_run(run)
    except PhtlabError as error:
        # Not possible yet, or not just now: nothing is broken.
        passing = error.code in ("local-train-runs", "no-kernel-here")
        found = CheckResult(TRAIN, passing, error.message, error.hint, warning=passing)
        if error.code == "local-train-runs":
            return found  # the folder belongs to the other run
    except OSError as error:
        sentence = f"It cannot be written: {error.strerror or type(error).__name__}."
        found = CheckResult(TRAIN, False, sentence, "Mend what is said of the disk")
    shutil.rmtree(place.path, ignore_errors=True)
    return found


def judge_run(run: LocalRun) -> CheckResult:
    """Check that the run completed, and that the airlock suppressed exactly the small group."""
    if run.archive is None:
        return CheckResult(
            TRAIN,
            False,
            f"A train of this station's own ended as {run.record.outcome} ({run.record.code}): "
            f"{run.record.sentence}",
            "phtlab station check says of each part whether it is well",
            unfinished=run.record.code == TrialUnfinishedError.code,
        )
    counts = _counts(run.archive)
    if counts != {kind: count for kind, count in GROUPS.items() if kind != "few"}:
        return CheckResult(
            AIRLOCK,
            False,
            "The airlock let through other rows of the self-test than it should have.",
            "Install the same release of phtlab again, then run 'phtlab station check --deep'; "
            "report it if it stays so",
        )
    return CheckResult(
        TRAIN,
        True,
        "A train of its own was built, run in the sandbox, passed by the airlock, sealed and "
        "opened.",
    )


def _made(kernel: KernelImage) -> Made:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "counts",
        "execution_count": None,
        "metadata": {"tags": ["station"]},
        "outputs": [],
        "source": _CELL,
    }
    notebook = {
        "cells": [cell],
        "metadata": {
            "kernelspec": {
                "name": kernel.kernelspec,
                "language": kernel.language,
                "display_name": kernel.name,
            },
            "language_info": {"name": kernel.language},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    analysis = read_analysis(json.dumps(notebook).encode())
    files = {_NOTEBOOK: analysis.travelling()}
    manifest = TrainManifest(
        name="self_test",
        kernel=KernelRef(name=kernel.name, language=kernel.language, digest=kernel.digest),
        parameters=analysis.parameters.schema,
        outputs=(Output(name="counts", kind="table", counts="n"),),
        datasets=analysis.datasets,
        files=train_files(files),
    )
    return manifest, declared_files(manifest, files)


def _counts(archive: Path) -> dict[str, int]:
    with tarfile.open(archive) as tar:
        entry = tar.extractfile("counts.parquet")
        content = entry.read() if entry else b""
    table = pyarrow.parquet.read_table(io.BytesIO(content)).to_pydict()
    return dict(zip(table["kind"], table["n"], strict=True))
