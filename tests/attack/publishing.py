"""A researcher who publishes what they like, and the airlock of a station that asks nobody."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save

from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict
from tests.station.airlock.run_leftovers import LeftInMemory

TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


@dataclass(frozen=True)
class Published:
    """An output: what the run leaves, by the end of the file's name, and what is declared."""

    kind: str
    files: Mapping[str, bytes]
    of: int | None = None
    declared: Mapping[str, Any] = field(default_factory=dict)


def table(
    columns: Mapping[str, Sequence[Any]], *, kind: str = "table", counts: str = "n", **declared: Any
) -> Published:
    """A table or a figure's data. A column is of the type of its first value that is there."""
    heads = [
        {"name": name, "type": TYPES[type(next(v for v in values if v is not None))]}
        for name, values in columns.items()
    ]
    content = json.dumps({"columns": heads, "data": [list(v) for v in columns.values()]}).encode()
    if kind == "table":
        return Published(kind, {".table.json": content}, None, {"counts": counts, **declared})
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    files = {".data.json": content, ".png": picture.getvalue()}
    return Published(kind, files, None, {"counts": counts, **declared})


def counts(name: str, people: Mapping[Any, int], **declared: Any) -> Published:
    """A table of one dimension."""
    return table({name: list(people), "n": list(people.values())}, **declared)


def scalar(value: Any, *, of: int | None = None, **declared: Any) -> Published:
    content: dict[str, Any] = {"value": value} | ({} if of is None else {"of": of})
    files = {".scalar.json": json.dumps(content).encode()}
    return Published("scalar", files, of, {"of": of is not None, **declared})


def model(tensors: Mapping[str, Any], *, of: int, names: Sequence[str]) -> Published:
    files = {".safetensors": save({name: np.asarray(value) for name, value in tensors.items()})}
    return Published("model", files, of, {"of": True, "tensors": tuple(names)})


def bars(
    heights: Sequence[int],
    *,
    texts: bool = False,
    axes: int = 1,
    series: str = "patients",
    width: float = 10,
    first: float = 35.0,
    names: Sequence[str] = (),
) -> Published:
    """A bar chart by ages, as the runtime reads it; `texts` say each bar's height above it.

    The `first` bar's middle is that age, and the others' stand 10 years apart; `names` are what
    places are called.
    """
    middles = [first + 10 * i for i in range(len(heights))]
    columns: dict[str, list[Any]] = {
        "axes": [axes] * len(heights),
        "artist": ["bar"] * len(heights),
        "series": [series] * len(heights),
        "x": list(middles),
        "y": list(heights),
        "low": [middle - width / 2 for middle in middles],
        "high": [middle + width / 2 for middle in middles],
    }
    if names:
        columns["x_text"] = list(names)
    if texts:
        for middle, height in zip(middles, heights, strict=True):
            for name, value in zip(
                columns, (axes, "text", str(height), middle, height, None, None), strict=True
            ):
                columns[name].append(value)
    return table(columns, kind="figure", counts="y")


@dataclass
class Airlock:
    """The airlock of one station; `everybody` is how many people it publishes that it has."""

    folder: Path
    everybody: tuple[int, int] | None = None
    rules: AirlockRules = field(default_factory=AirlockRules)

    def stop(self, **published: Published) -> dict[str, OutputVerdict]:
        """One stop; what leaves is remembered."""
        return {one.verdict.name: one.verdict for one in self.passed(**published)}

    def passed(self, **published: Published) -> tuple[CheckedOutput, ...]:
        """The same, with the files."""
        files: dict[str, bytes] = {}
        outputs = []
        for name, one in published.items():
            files[f"{name}.json"] = json.dumps({"kind": one.kind, "of": one.of}).encode()
            files |= {name + suffix: content for suffix, content in one.files.items()}
            outputs.append(Output.model_validate({"name": name, "kind": one.kind, **one.declared}))
        history = released_counts.ReleasedHistory(self.folder, ["heart"], self.everybody)
        passed = pass_outputs(tuple(outputs), LeftInMemory(files.__getitem__), self.rules, history)
        if not any(one.verdict.verdict == "held" for one in passed):
            released_counts.note(
                self.folder, ["heart"], remembered_outputs.outputs_to_remember(outputs, passed)
            )
        return passed


def found_in(airlock: Airlock, published: Published) -> tuple[str, str]:
    """The verdict of one output by itself, and its rule."""
    found = airlock.stop(t=published)["t"]
    return found.verdict, found.rule
