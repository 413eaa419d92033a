"""Report of a train's review as lines for a terminal.

Nothing in a line can move the cursor or is drawn from right to left: such characters are written as
Python would write them in ASCII.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from phtlab.station.review.difference import near
from phtlab.station.review.examination import CellChange, Remark
from phtlab.station.review.image_materials import MaterialsChange, origin
from phtlab.station.review.notebook_text import role_title
from phtlab.station.review.study_context import StudyContext
from phtlab.station.review.train_review import TrainReview
from phtlab.station.review.visible_source import visible_line

_MARKS = {"added": "+", "removed": "-", "same": " "}
_MOST = 30


def report_lines(reading: TrainReview, *, changes: bool) -> Iterator[str]:
    """Yield all content of the review page; with `changes` only changed code, else the notebook."""
    manifest = reading.offer.train.manifest
    yield f"{manifest.name}, a train of {reading.offer.researcher}"
    yield visible_line(reading.since)
    if reading.under:
        yield from _study(reading.under)
    if reading.trouble:
        yield f"! {reading.trouble}"
    if not reading.text.whole:
        yield "! This notebook is too long to be shown whole. What is not shown would run too."
    if reading.beside:
        yield visible_line(
            f"! It holds files that are not shown here: {', '.join(reading.beside)}."
        )
    yield from (f"! {visible_line(sentence)}" for sentence in reading.strange)
    yield ""
    yield f"risk        {reading.risk.risk}"
    yield from (f"            {visible_line(reason.sentence)}" for reason in reading.risk.reasons)
    yield from (visible_line(f"{what:<12}{text}") for what, text in reading.route.lines())
    yield from _data(reading)
    for output in manifest.outputs:
        counts = f", counts persons in '{output.counts}'" if output.counts else ", counts nothing"
        yield visible_line(f"output      {output.name} ({output.kind}{counts})")
    for parameter in reading.parameters:
        was = (
            f", approved before: {parameter.before!r}"
            if parameter.changed
            else ", new" * parameter.is_new
        )
        yield visible_line(
            f"parameter   {parameter.name} = {parameter.value!r} (may be {parameter.takes}{was})"
        )
    yield from _imports(reading)
    yield from _remarks("look", reading.examination.remarks)
    yield from _remarks("linter", reading.examination.hints)
    yield from (f"unread      {visible_line(sentence)}" for sentence in reading.examination.unread)
    yield from _kernel(reading)
    yield ""
    yield from _changes(reading) if changes and reading.difference else _notebook(reading)


def as_json(reading: TrainReview) -> dict[str, Any]:
    """Return the stable shape of `phtlab station review --json`, with the code as written."""
    found = reading.examination.model_dump(mode="json")
    return {
        "journey": reading.stop.journey,
        "train": reading.offer.train.digest,
        "name": reading.offer.train.manifest.name,
        "researcher": reading.offer.researcher,
        "proposal": reading.under.digest if reading.under else None,
        "beyond": list(reading.under.beyond(reading.examination.data)) if reading.under else [],
        "since": reading.since,
        "approved_before": reading.before.stop.journey if reading.before else None,
        "unchanged": reading.unchanged,
        "trouble": reading.trouble,
        "whole": reading.text.whole,
        "strange": list(reading.strange),
        "beside": list(reading.beside),
        "risk": reading.risk.risk,
        "reasons": [reason.sentence for reason in reading.risk.reasons],
        "outputs": [o.model_dump(mode="json") for o in reading.offer.train.manifest.outputs],
        "route": reading.route.as_json(),
        "parameters": [
            {"name": p.name, "value": p.value, "takes": p.takes, "before": p.before}
            for p in reading.parameters
        ],
        "kernel": {
            "name": reading.kernel.name,
            "digest": reading.kernel.digest,
            "same_as_before": reading.kernel.same_as_before,
            "newest": reading.kernel.newest,
            "behind": [asdict(change) for change in reading.kernel.behind or ()],
            "materials": reading.kernel.materials.model_dump()
            if reading.kernel.materials
            else None,
        },
        "cells": [
            {"number": c.number, "role": c.role, "kind": c.kind, "source": c.source}
            for c in reading.text.cells
        ],
        **found,
    }


def _study(under: StudyContext) -> Iterator[str]:
    if under.proposal is None:
        yield f"! It names a proposal that is not here: {under.digest}."
        return
    study = under.proposal
    yield visible_line(f"for the study '{study.title}' ({study.id}, version {study.version})")


def _data(reading: TrainReview) -> Iterator[str]:
    for data in reading.examination.data:
        named = ", ".join(data.columns) or "no column by name"
        yield visible_line(f"data        {data.name}: {named}")
        if mentioned := reading.only_mentioned(data.name):
            yield visible_line(f"            also named somewhere: {', '.join(mentioned)}")
        if data.whole:
            yield visible_line(
                f"            any column may be touched: {'; '.join(data.whole[:4])}"
            )
        if data.untold:
            yield visible_line(f"            could not tell: {'; '.join(data.untold[:4])}")
    for sentence in reading.under.beyond(reading.examination.data) if reading.under else ():
        yield visible_line(f"            {sentence}")
    if not reading.examination.data:
        names = ", ".join(reading.offer.train.manifest.datasets) or "no data set"
        yield f"data        could not tell; declared: {names}"


def _imports(reading: TrainReview) -> Iterator[str]:
    words = {"unknown": "not known", "image": "in the image", "python": "of Python itself"}
    for where, text in words.items():
        modules = [
            imported.module
            for imported in reading.examination.imports
            if origin(imported, reading.kernel.materials) == where
        ]
        if modules:
            yield visible_line(f"imports     {text}: {', '.join(modules)}")


def _remarks(label: str, remarks: tuple[Remark, ...]) -> Iterator[str]:
    for remark in remarks[:_MOST]:
        yield visible_line(f"{label:<12}cell {remark.cell}, line {remark.line}: {remark.sentence}")
    if len(remarks) > _MOST:
        yield f"            and {len(remarks) - _MOST} more"


def _kernel(reading: TrainReview) -> Iterator[str]:
    kernel = reading.kernel
    carries = f"{len(kernel.materials)} packages" if kernel.materials else "says not what it holds"
    yield f"kernel      {kernel.name} {kernel.digest} ({carries})"
    if kernel.newest and not kernel.is_newest:
        yield f"            the catalogue has a newer one: {kernel.newest}"
        yield from _packages(kernel.behind)
    if kernel.same_as_before is not None:
        same = "the same image as" if kernel.same_as_before else "another image than"
        yield f"            {same} the version approved before"
    yield from _packages(kernel.changes)


def _packages(changes: tuple[MaterialsChange, ...] | None) -> Iterator[str]:
    for change in (changes or ())[:_MOST]:
        before, after = change.before or "not there", change.after or "gone"
        yield visible_line(f"            {change.name}: {before} -> {after}")
    if changes and len(changes) > _MOST:
        yield f"            and {len(changes) - _MOST} more"


def _notebook(reading: TrainReview) -> Iterator[str]:
    for cell in reading.text.cells:
        yield visible_line(f"cell {cell.number} ({cell.title})")
        for number, line in enumerate(cell.lines, start=1):
            yield f"{number:>5}  {visible_line(line)}"


def _changes(reading: TrainReview) -> Iterator[str]:
    assert reading.difference is not None  # noqa: S101 - asked before
    for cell in reading.difference.cells:
        yield visible_line(
            f"cell {cell.after or cell.before} ({role_title(cell.role)}, {cell.change})"
        )
        if cell.change != "same":
            yield from _changed(cell)


def _changed(cell: CellChange) -> Iterator[str]:
    visible_lines = near(cell.lines)
    last = -1
    for at, line in enumerate(cell.lines):
        if at not in visible_lines:
            continue
        if at != last + 1:
            yield "       …"
        last = at
        number = line.before if line.mark == "removed" else line.after
        yield f"{number:>5}  {_MARKS[line.mark]} {visible_line(line.text)}"
