"""What combine cells reported, and what the rounds ended with, kept on this machine.

A line is written before its instruction is sent, so that no round at central lacks its report; of a
round that is combined again, the last line counts.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from phtlab.errors import SealError, SignatureError
from phtlab.files.durable_file import sync_folder, write_durably
from phtlab.lab.rounds.folder import journey_folder, made_folder
from phtlab.train.canonical import canonical
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import peek
from phtlab.train.sealing import open_sealed, seal
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    import pandas as pd

_REPORTS: Final = "reports.jsonl"
_FINISHED: Final = "finished.age"


@dataclass(frozen=True)
class RoundReport:
    """What was reported after round `number`, and the stations whose updates were combined."""

    number: int
    stations: tuple[str, ...]
    reported: Mapping[str, float]


def keep_report(nonce: str, report: RoundReport) -> None:
    """Keep `report` with the journey whose order has `nonce`. Raises OSError."""
    content = {
        "round": report.number,
        "stations": list(report.stations),
        "reported": dict(report.reported),
    }
    folder = made_folder(nonce)
    path = folder / _REPORTS
    new = not path.exists()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        # A line that a killed writer has cut stays on a line of its own.
        file.write(b"\n" + json.dumps(content).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(folder)


def kept_reports(nonce: str) -> tuple[RoundReport, ...]:
    """Return the reports of the journey whose order has `nonce`, one per round, in order."""
    try:
        lines = (journey_folder(nonce) / _REPORTS).read_bytes().splitlines()
    except OSError:
        return ()
    found: dict[int, RoundReport] = {}
    for line in filter(None, lines):
        try:
            content = json.loads(line)
            report = RoundReport(
                int(content["round"]),
                tuple(map(str, content["stations"])),
                {str(name): float(value) for name, value in content["reported"].items()},
            )
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # cut by a kill
        found[report.number] = report
    return tuple(found[number] for number in sorted(found))


def reports_of(view: JourneyView) -> tuple[RoundReport, ...]:
    """Return the reports of `view`, as central has it; none where this machine combined none."""
    if view.rounds is None:
        return ()
    try:
        return kept_reports(str(peek(view.order).predicate.get("nonce")))
    except (SignatureError, ValueError):  # central's order is no order
        return ()


def reports_frame(reports: tuple[RoundReport, ...]) -> pd.DataFrame:
    """Return `reports` as a frame with a row per round: `heard` and a column for each number."""
    import pandas as pd

    rows = [{"heard": len(report.stations), **report.reported} for report in reports]
    index = pd.Index([report.number for report in reports], name="round", dtype="int64")
    return pd.DataFrame(rows, index=index) if rows else pd.DataFrame({"heard": []}, index=index)


def keep_finished(researcher: Identity, nonce: str, archive: bytes) -> None:
    """Keep the values that the rounds finished with, sealed to `researcher`. Raises OSError."""
    sealed = io.BytesIO()
    seal(io.BytesIO(archive), sealed, [researcher.public.age], _context(nonce))
    write_durably(made_folder(nonce) / _FINISHED, sealed.getvalue())


def kept_finished(researcher: Identity, nonce: str) -> bytes | None:
    """Return the archive that `keep_finished` kept; None if there is none that can be opened."""
    archive = io.BytesIO()
    try:
        with (journey_folder(nonce) / _FINISHED).open("rb") as source:
            open_sealed(source, archive, researcher.age, _context(nonce), recipients=1)
    except (OSError, SealError):
        return None
    return archive.getvalue()


def _context(nonce: str) -> bytes:
    return canonical({"kind": "finished-values", "nonce": nonce})
