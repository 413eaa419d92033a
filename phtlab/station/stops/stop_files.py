"""Each file of a stop's folder, with the model of its content.

`Stop.read` and `Stop.write` take these, so that no file is read with another file's model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from phtlab.errors import StationError
from phtlab.station.stops.file_contents import (
    Admission,
    Cancellation,
    Ending,
    FolderMark,
    HeldOutputs,
    Hold,
    HoldDecision,
    NotedCounts,
    RecordReported,
    RunOutcome,
    RunStopped,
    SealedCargo,
    Timestamp,
    VerifiedOffer,
)
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.record import Forecast, OutputVerdict
from phtlab.wire.api.journeys import Offer

Content = TypeVar("Content")


@dataclass(frozen=True)
class StopFile(Generic[Content]):
    """A file `name`.json that holds a `Content`."""

    name: str
    adapter: TypeAdapter[Content]

    def to_bytes(self, content: Content) -> bytes:
        return canonical(self.adapter.dump_python(content, mode="json"))

    def from_bytes(self, content: bytes) -> Content:
        """Parse the file. Raises ValueError if its content is invalid."""
        return self.adapter.validate_json(content)


def broken(path: Path) -> StationError:
    """What is raised for a file of a stop that is missing or not as written."""
    return StationError(
        f"{path} is missing or broken, and this stop cannot go on without it.",
        "Restore it, or move the stop's folder away: the journey then fails here.",
        code="stop-broken",
    )


OFFER: Final = StopFile(Marker.OFFER, TypeAdapter(Offer))
TAKEN: Final = StopFile(Marker.TAKEN, TypeAdapter(FolderMark))
VERIFIED: Final = StopFile(Marker.VERIFIED, TypeAdapter(VerifiedOffer))
HELD: Final = StopFile(Marker.HELD, TypeAdapter(Hold))
DECISION: Final = StopFile(Marker.DECISION, TypeAdapter(HoldDecision))
ADMITTED: Final = StopFile(Marker.ADMITTED, TypeAdapter(Admission))
STARTING: Final = StopFile(Marker.STARTING, TypeAdapter(Timestamp))
STARTED: Final = StopFile(Marker.STARTED, TypeAdapter(Timestamp))
STOPPING: Final = StopFile(Marker.STOPPING, TypeAdapter(RunStopped))
OUTCOME: Final = StopFile(Marker.OUTCOME, TypeAdapter(RunOutcome))
AIRLOCK_HELD: Final = StopFile(Marker.AIRLOCK_HELD, TypeAdapter(HeldOutputs))
NOTED: Final = StopFile(Marker.NOTED, TypeAdapter(NotedCounts))
FORECAST: Final = StopFile(Marker.FORECAST, TypeAdapter(tuple[Forecast, ...]))
AIRLOCK: Final = StopFile(Marker.AIRLOCK, TypeAdapter(tuple[OutputVerdict, ...]))
SEALED: Final = StopFile(Marker.SEALED, TypeAdapter(SealedCargo))
PUSHED: Final = StopFile(Marker.PUSHED, TypeAdapter(Timestamp))
CANCEL: Final = StopFile(Marker.CANCEL, TypeAdapter(Cancellation))
ENDING: Final = StopFile(Marker.ENDING, TypeAdapter(Ending))
RECORD: Final = StopFile(Marker.RECORD, TypeAdapter(Envelope))
REPORTED: Final = StopFile(Marker.REPORTED, TypeAdapter(RecordReported))
LOG_STATEMENT: Final = StopFile(Marker.LOG_STATEMENT, TypeAdapter(Envelope))
LOG_SENT: Final = StopFile(Marker.LOG_SENT, TypeAdapter(Timestamp))
