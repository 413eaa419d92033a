"""Each case of the literature through the airlock, with the defaults of a new station."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.airlock_actions import (
    FigureActions,
    FileActions,
    ModelActions,
    ScalarActions,
    TableActions,
)
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output, OutputKind
from tests.airlock.cases import CASES, SOURCES, Case, Published
from tests.station.airlock.run_leftovers import LeftInMemory


def files_of(name: str, output: Published) -> dict[str, bytes]:
    """What the run leaves of an output."""
    table = json.dumps(
        {
            "columns": [{"name": n, "type": t} for n, (t, _) in output.columns.items()],
            "data": [values for _, values in output.columns.values()],
        }
    ).encode()
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    kept = {"w": np.zeros(output.value if output.kind == "model" and output.value else 1)}
    content = {
        "table": {".table.json": table},
        "scalar": {".scalar.json": json.dumps({"value": output.value, "of": output.of}).encode()},
        "figure": {".png": picture.getvalue(), ".data.json": table},
        "model": {".safetensors": output.content or save(kept)},
        "file": {".bin": output.content},
    }[output.kind]
    index = {f"{name}.json": json.dumps({"kind": output.kind, "of": output.of}).encode()}
    return index | {name + suffix: part for suffix, part in content.items()}


def stop(
    folder: Path,
    published: Mapping[str, Published],
    everybody: tuple[int, int] | None = None,
) -> dict[str, CheckedOutput]:
    files: dict[str, bytes] = {}
    outputs = []
    for name, one in published.items():
        files |= files_of(name, one)
        outputs.append(
            Output.model_validate(
                {
                    "name": name,
                    "kind": one.kind,
                    "counts": one.counts if one.kind not in ("model", "file") else None,
                    "by": one.by,
                    "total": one.total,
                    "largest": one.largest,
                    "of": one.of is not None,
                    "statistic": one.statistic,
                    "where": dict(one.where),
                    "tensors": ("w",) if one.kind == "model" else (),
                }
            )
        )
    rules = AirlockRules(kinds=get_args(OutputKind))
    before = released_counts.ReleasedHistory(folder, ["heart"], everybody)
    passed = pass_outputs(tuple(outputs), LeftInMemory(files.__getitem__), rules, before)
    released_counts.note(folder, ["heart"], remembered_outputs.outputs_to_remember(outputs, passed))
    return {one.verdict.name: one for one in passed}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.title}")
def test_a_case_of_the_literature_is_caught_or_passed_as_it_should_be(
    case: Case, tmp_path: Path
) -> None:
    for earlier in case.before:
        stop(tmp_path / "released", earlier)
    passed = stop(tmp_path / "released", case.outputs)
    found = {
        name: (one.verdict.verdict, one.verdict.rule, one.verdict.suppressed_rows)
        for name, one in passed.items()
    }
    assert found == dict(case.leaves)
    touched = {finding.rule for one in passed.values() for finding in one.findings}
    assert (case.rule in touched | {one.verdict.rule for one in passed.values()}) == case.caught


def test_every_case_names_its_source() -> None:
    assert {case.source for case in CASES} == set(SOURCES)


def test_every_rule_that_a_policy_can_set_has_a_case() -> None:
    kinds = (TableActions, ScalarActions, FigureActions, ModelActions, FileActions)
    rules = {name.replace("_", "-") for kind in kinds for name in kind.model_fields}
    # test_airlock_files.py and test_forgotten.py have these.
    assert rules - {case.rule for case in CASES} == {"structure", "forgotten"}
