"""The stop record: a station's signed statement of what it ran, with which outcome."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, sign_statement
from phtlab.train.documents.manifest import Name, OutputKind
from phtlab.train.documents.moment import Moment

RECORD_TYPE = "https://phtlab.org/stop/v1"

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


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CellError(_Value):
    """An error as a station reports it: its class, and the cell and the line in it, both from 1.

    At a twin station, which has no person's data, `message` is the error's own. Elsewhere it is a
    sentence of the station's, with words of the signed train and the published schema
    (`phtlab.station.airlock.errors.error_message`).
    """

    type: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,127}$")
    cell: int | None = None
    line: int | None = None
    message: str | None = Field(None, max_length=MAX_MESSAGE)


class OutputVerdict(_Value):
    """The airlock's decision on an output. `rule` and `sentence` name the rule, never a value."""

    name: Name
    kind: OutputKind
    verdict: Verdict
    rule: str = ""
    sentence: str = ""
    suppressed_rows: int = 0


class Forecast(_Value):
    """Decisions that the airlocks of `stations` would take on the outputs, by published rules."""

    stations: tuple[MemberName, ...] = Field(min_length=1)
    outputs: tuple[OutputVerdict, ...]


class StopRecord(_Value):
    """A stop record. `code` is empty for a departed stop, else a code of docs/outcomes.md.

    A twin station's record has `forecasts`: what other stations would suppress or hold.
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
    cargo: Digest | None = None
    cargo_size: int = 0
    context: Digest | None = None
    roster_version: int
    started: Moment | None = None
    finished: Moment

    def sign(self, identity: Identity) -> Envelope:
        subject = {"cargo": self.cargo} if self.cargo else {"journey": self.journey}
        return sign_statement(
            identity, RECORD_TYPE, subject, self.model_dump(mode="json", exclude_none=True)
        )
