"""Replay other rules of the airlock on the remembered outputs of earlier stops.

The station remembers the counts that left, with their labels, for good
(`airlock/history/released_counts.py`); a stop's folder names those of the stop. So the rules about
counts are replayed on a stop's outputs by themselves and against each other. Values, models, files,
withheld rows and outputs that were held or refused are not remembered; the replay counts the
outputs that it lacks.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from phtlab.errors import AirlockError, StationError
from phtlab.runtime.table import Column, encode_table
from phtlab.station.airlock.cells import NO_COLUMN
from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.airlock.history import released_counts
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict

_COUNT = "n"


@dataclass(frozen=True)
class OutputChange:
    """An output with person counts, and the verdicts of both policies on what left of it."""

    before: OutputVerdict
    after: OutputVerdict

    @property
    def name(self) -> str:
        return self.after.name

    @property
    def sentence(self) -> str:
        """The change in one line, such as `by_sex: 2 rows stay (small-count)`."""
        verdict, rows = self.after.verdict, self.after.suppressed_rows
        sentence = {
            "released": "leaves whole",
            "suppressed": f"{rows} row{'s stay' if rows != 1 else ' stays'}",
            "held": "waits for a person",
            "refused": "is refused",
        }[verdict]
        return (
            f"{self.name}: {sentence} ({self.after.rule})"
            if self.after.rule
            else (f"{self.name}: {sentence}")
        )


@dataclass(frozen=True)
class AirlockReplay:
    """Changed verdicts of a stop, and how many outputs were `replayed` or could not be (`lost`)."""

    changes: tuple[OutputChange, ...] = ()
    replayed: int = 0
    lost: int = 0


def replay_airlock(
    stop: Stop,
    outputs: Sequence[Output],
    folder: Path,
    old: AirlockRules | None,
    new: AirlockRules,
) -> AirlockReplay:
    """Replay `new` instead of `old` on what the folder of released counts has of `stop`.

    Without `old`, which is broken, nothing changes. A stop without outputs, or on a twin, has
    nothing to replay.
    """
    if not stop.has(Marker.AIRLOCK) or stop.read(stop_files.ADMITTED).twin:
        return AirlockReplay()
    remaining = len(stop.read(stop_files.AIRLOCK))
    kept = [output for output in _kept(stop, folder) if _rows(output)]
    declared = {output.name: output for output in outputs}
    # Of a share or a mean only the number of people is remembered, not the value to check.
    known = [
        (declared[output["name"]], output)
        for output in kept
        if output["name"] in declared and declared[output["name"]].counts is not None
    ]
    changes: list[OutputChange] = []
    if old is not None and old != new:
        for figures in (False, True):
            some = [(out, output) for out, output in known if (out.kind == "figure") == figures]
            before = _verdicts(some, _for_figures(old) if figures else old)
            after = _verdicts(some, _for_figures(new) if figures else new)
            changes += [
                OutputChange(old, other)
                for old, other in zip(before, after, strict=True)
                if _verdict_key(old) != _verdict_key(other)
            ]
    return AirlockReplay(tuple(changes), len(known), remaining - len(known))


def _kept(stop: Stop, folder: Path) -> Sequence[Mapping[str, Any]]:
    """Return the remembered outputs of the stop; none if they were never noted, or removed."""
    if not stop.has(Marker.NOTED):
        return ()
    name = stop.read(stop_files.NOTED).released
    try:
        return released_counts.outputs_of(folder, name) if name else ()
    except (StationError, FileNotFoundError):
        return ()


def _rows(kept: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in kept["rows"] if row["count"] is not None]


def _verdict_key(verdict: OutputVerdict) -> tuple[str, str, int]:
    return verdict.verdict, verdict.rule, verdict.suppressed_rows


def _for_figures(rules: AirlockRules) -> AirlockRules:
    """Return the rules for figures' data as rules for tables: no picture is remembered."""
    actions = rules.figures.model_dump()
    known = {name: actions[name] for name in type(rules.tables).model_fields if name in actions}
    return rules.model_copy(update={"tables": rules.tables.model_copy(update=known)})


def _verdicts(
    known: Sequence[tuple[Output, Mapping[str, Any]]], rules: AirlockRules
) -> list[OutputVerdict]:
    files: dict[str, bytes] = {}
    outputs = []
    for output, kept in known:
        kind = "table" if output.kind == "figure" else output.kind
        files[f"{output.name}.json"] = json.dumps({"kind": kind}).encode()
        if kind == "scalar":
            content = {"type": "integer", "value": _rows(kept)[0]["count"]}
            files[f"{output.name}.scalar.json"] = json.dumps(content).encode()
            outputs.append(output)
            continue
        names = [name for name in kept["dimensions"] if not name.startswith(NO_COLUMN)]
        columns = [
            Column(name, "string", [row["cell"].get(name) for row in _rows(kept)]) for name in names
        ]
        count = _COUNT + "_" * max((len(name) for name in names), default=0)
        columns.append(Column(count, "integer", [row["count"] for row in _rows(kept)]))
        files[f"{output.name}.table.json"] = encode_table(columns)
        # Sums and their largest contributions are not kept.
        update = {"kind": kind, "counts": count, "by": tuple(names), "total": None, "largest": ()}
        outputs.append(output.model_copy(update=update))
    rules = rules.model_copy(update={"kinds": tuple({*rules.kinds, *(o.kind for o in outputs)})})
    return [output.verdict for output in pass_outputs(tuple(outputs), _InMemory(files), rules)]


class _InMemory:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, name: str, limit: int) -> bytes:
        content = self._files[name]
        if len(content) > limit:
            raise AirlockError(f"{name} is larger than {limit} bytes.", code="output-size")
        return content

    def open(self, name: str, limit: int) -> BinaryIO:
        return io.BytesIO(self.read(name, limit))
