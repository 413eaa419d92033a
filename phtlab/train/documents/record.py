"""The stop record: a station's signed statement of what it ran and what came of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.manifest import Name, OutputKind
from phtlab.train.documents.moment import Moment

RECORD_TYPE = "https://phtlab.org/stop/v2"

StopState = Literal[
    "offered",
    "verified",
    "held",
    "admitted",
    "running",
    "airlock",
    "sealed",
    "departed",
    "refused",
    "failed",
    "cancelled",
]
FINAL_STATES: frozenset[str] = frozenset({"departed", "refused", "failed", "cancelled"})

MAX_MESSAGE = 2000  # characters

Outcome = Literal["departed", "refused", "failed", "cancelled"]
Verdict = Literal["released", "suppressed", "held", "refused"]


class CellError(StrictModel):
    """An error as it leaves: its class, and the cell and the line in it, both from 1.

    `message` is the error's own at a twin station only, where nobody's data could be in it. Of any
    other it is a sentence of the station's, with words of the signed train and the published
    schema (`phtlab.station.airlock.errors.error_sentence`).
    """

    type: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,127}$")
    cell: int | None = None
    line: int | None = None
    message: str | None = Field(None, max_length=MAX_MESSAGE)


class OutputVerdict(StrictModel):
    """What the airlock decided. `rule` and `sentence` name the rule, never a value.

    `below` is set where rows were withheld for counts below it, and for nothing else.
    """

    name: Name
    kind: OutputKind
    verdict: Verdict
    rule: str = ""
    sentence: str = ""
    suppressed_rows: int = 0
    below: int | None = None


class Forecast(StrictModel):
    """What the airlocks of `stations` would make of the outputs, by the rules that they publish."""

    stations: tuple[MemberName, ...] = Field(min_length=1)
    outputs: tuple[OutputVerdict, ...]


class RecordedCargo(StrictModel):
    """Sealed content that a stop sent: for whom, its digest and size in bytes, what it is bound to.

    `next` is for the next station of a sequential route alone, `cargo` for the recipients.
    """

    kind: Literal["cargo", "next"]
    digest: Digest
    size: int = Field(gt=0)
    context: Digest


class RoundsDone(StrictModel):
    """How many rounds a stop computed, and the digest of its record of the last one."""

    count: int = Field(ge=0)
    last: Digest | None = None


class StopRecord(StrictModel):
    """What a stop ran, and what came of it.

    `previous` is the record of the stop before it, if any. `received` is the digest of the cargo
    that the stop before handed on. `code` is empty for a departed stop, else one of the codes of
    docs/outcomes.md.

    A twin station's has `forecasts`: a dry run says what would stay elsewhere, or be held.
    """

    journey: Digest
    train: Digest
    station: MemberName
    stop: int = Field(ge=0)
    previous: Digest | None = None
    outcome: Outcome
    code: str = ""
    sentence: str = ""
    error: CellError | None = None
    outputs: tuple[OutputVerdict, ...] = ()
    forecasts: tuple[Forecast, ...] | None = Field(None, max_length=64)
    datasets: dict[str, Digest] = Field(default_factory=dict)
    received: Digest | None = None
    cargos: tuple[RecordedCargo, ...] = Field((), max_length=2)
    rounds: RoundsDone | None = None
    roster_version: int
    started: Moment | None = None
    finished: Moment

    def cargo_of(self, kind: Literal["cargo", "next"]) -> RecordedCargo | None:
        """Return the stop's content of `kind`, if it sent any."""
        return next((cargo for cargo in self.cargos if cargo.kind == kind), None)

    @property
    def size(self) -> int:
        """Bytes that the stop sent."""
        return sum(cargo.size for cargo in self.cargos)

    @property
    def subject(self) -> dict[str, str]:
        """What the record is signed about: its sealed content, or the journey."""
        sent: dict[str, str] = {cargo.kind: cargo.digest for cargo in self.cargos}
        return sent or {"journey": self.journey}

    def sign(self, identity: Identity) -> Envelope:
        subject = self.subject
        return sign_statement(
            identity, RECORD_TYPE, subject, self.model_dump(mode="json", exclude_none=True)
        )
