"""What combine cells reported of a round, sealed to the recipients with its instruction.

With the instruction that ends the rounds come the values that they end with. Whoever combined may
be hostile: what is opened is read within bounds.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from phtlab.errors import SealFormatError
from phtlab.files.values_archive import pack_values
from phtlab.rounds.sealed_values import unpacked_values
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import Roster
from phtlab.train.documents.round import round_context
from phtlab.train.sealing import open_sealed, seal

if TYPE_CHECKING:
    import pandas as pd

MAX_REPORTED: Final = 1_000
"""Most numbers that are reported of a round."""
MAX_NAME: Final = 64  # characters
_MAX_HEAD: Final = 2**20


@dataclass(frozen=True)
class RoundReport:
    """What was reported after round `number`, and the stations whose updates were combined.

    A round that was not `combined` ends the rounds early: nothing is reported of it.
    """

    number: int
    stations: tuple[str, ...]
    reported: Mapping[str, float]
    combined: bool = True


def may_be_reported(reported: Mapping[str, float]) -> bool:
    """Whether so many numbers of such names fit into a report."""
    return len(reported) <= MAX_REPORTED and all(
        0 < len(name) <= MAX_NAME and name.isprintable() for name in reported
    )


def seal_report(
    report: RoundReport,
    values: Mapping[str, bytes],
    *,
    journey: str,
    order: Order,
    roster: Roster,
) -> bytes:
    """Seal `report`, and `values` that the rounds end with, each a safetensors file.

    To the recipients of `order`, bound to the instruction after round `report.number`. Raises
    NotOnRosterError for a recipient that has left.
    """
    content = {
        "round": report.number,
        "stations": list(report.stations),
        "reported": dict(report.reported),
        "combined": report.combined,
    }
    head = json.dumps(content).encode() + b"\n"
    archive = pack_values(values) if values else b""
    readers = [roster.member(name).keys.age for name in order.recipients]
    sealed = io.BytesIO()
    context = round_context(journey, order, "report", report.number + 1)
    seal(io.BytesIO(head + archive), sealed, readers, context)
    return sealed.getvalue()


def open_report(
    sealed: bytes, *, journey: str, order: Order, number: int, identity: HybridIdentity
) -> tuple[RoundReport, dict[str, bytes]]:
    """Return what `seal_report` sealed with the instruction `number`.

    Raises SealError for what does not open, or is no report of the round before.
    """
    content = io.BytesIO()
    context = round_context(journey, order, "report", number)
    open_sealed(io.BytesIO(sealed), content, identity, context, len(order.recipients))
    content.seek(0)
    head, archive = content.readline(_MAX_HEAD), content.read()
    report = _report(head, order, number - 1)
    return report, unpacked_values(archive) if archive else {}


def _report(head: bytes, order: Order, number: int) -> RoundReport:
    try:
        found = json.loads(head)
        report = RoundReport(
            number=found["round"],
            stations=tuple(found["stations"]),
            reported={name: float(value) for name, value in found["reported"].items()},
            combined=found["combined"] is True,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        raise _malformed() from None
    of_journey = report.number == number and set(report.stations) <= set(order.stations)
    if not of_journey or not may_be_reported(report.reported):
        raise _malformed()
    return report


def reports_frame(reports: Iterable[RoundReport]) -> pd.DataFrame:
    """Return `reports` as a frame with a row per round: `heard` and a column for each number."""
    import pandas as pd

    combined = [report for report in reports if report.combined]
    rows = [{"heard": len(report.stations), **report.reported} for report in combined]
    index = pd.Index([report.number for report in combined], name="round", dtype="int64")
    return pd.DataFrame(rows, index=index) if rows else pd.DataFrame({"heard": []}, index=index)


def _malformed() -> SealFormatError:
    return SealFormatError(
        "The report of a round cannot be read. It is what whoever combined has sealed: another "
        "version, or broken or hostile.",
        "Ask who combines; the updates of each round are there still.",
        code="report-form",
    )
