"""A journey and its stops in words and signs, for terminals, notebooks and pages."""

from __future__ import annotations

from typing import Final

from phtlab.printable import escaped
from phtlab.train.documents.record import OutputVerdict, StopRecord
from phtlab.wire.api.journeys import StopView

NOT_BEGUN: Final = "not begun"
TWO_RECORDS: Final = (
    "signed two different records of this journey. Do not rely on either before its operator says "
    "which one counts"
)
"""What is said of a contradicted stop, after the station's name."""

COMBINES: Final = " (combines)"
"""What is said of an aggregator's stop, after its name."""

_MARKS = {"departed": "✓", "failed": "✗", "refused": "✗", "cancelled": "–", "held": "‖"}


def short(digest: str) -> str:
    """The first 12 characters of a digest: what people type."""
    return digest.removeprefix("sha256:")[:12]


def progress(stop: StopView) -> str:
    """A stop's state, and how far its run is: `running, cell 3 of 5`."""
    if stop.state == "running" and stop.cells:
        return f"{stop.state}, cell {stop.cell or 0} of {stop.cells}"
    return stop.state


def describe(stop: StopView) -> str:
    """A stop's state in words on one line: `running, cell 3 of 5`, `failed: …`."""
    text = progress(stop)
    if stop.sentence:
        text += f": {stop.sentence}"
    if stop.error is not None and stop.error.cell is not None:
        message = f": {stop.error.message}" if stop.error.message else ""
        text += f" ({stop.error.type}{message}, cell {stop.error.cell})"
    if stop.contradicted:
        text += f"; it {TWO_RECORDS}"
    return escaped(text)


def why_not(record: StopRecord) -> str:
    """Why a stop sent nothing: its sentence, and what its airlock says of each output."""
    outputs = [f"{output.name}: {output.sentence}" for output in record.outputs if output.sentence]
    return " ".join([record.sentence, *outputs])


def passage(verdict: OutputVerdict) -> str:
    """An output, and what its station's airlock says of it, on one line."""
    kept_back = "withheld. " if verdict.verdict == "refused" else ""
    return escaped(f"{verdict.name}: {kept_back}{verdict.sentence}")


def rounds_text(count: int) -> str:
    """How many rounds a station computed: `computed 12 rounds`."""
    return f"computed {count} round{'' if count == 1 else 's'}"


def mark(state: str) -> str:
    """A sign for a state, so that none is told by colour alone."""
    return _MARKS.get(state, "●")
