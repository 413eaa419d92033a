"""Models of the files in a stop's folder, one for each file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from phtlab.errors import StationError
from phtlab.governance.risk import Reason, Risk
from phtlab.station.executor.contract import Limits
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import CellError, OutputVerdict
from phtlab.train.documents.roster import KernelImage


def utc_milliseconds() -> datetime:
    """Return the current time in UTC, to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class StopFileContent(StrictModel):
    """Base of the file models: immutable, without undeclared fields."""


class Timestamp(StopFileContent):
    """`started.json`, `starting.json`, `pushed.json`, `log-sent.json`: when it happened."""

    at: AwareDatetime = Field(default_factory=utc_milliseconds)


class FolderMark(StopFileContent):
    """`taken.json`: a mark that differs if the stop's folder was moved away and created again."""

    mark: str


class VerifiedOffer(Timestamp):
    """`verified.json`: what was verified of an offer, before any decision about it.

    `previous` is the record of the stop before, and `received` the cargo that it handed on, which
    lies opened and checked in `received/`.
    """

    train: Train
    order: Order
    researcher: str
    kernel: KernelImage
    roster_version: int
    parameters: dict[str, Any]
    previous: Digest | None = None
    received: Digest | None = None

    @property
    def notebook(self) -> str:
        """Digest of the notebook: a train whose image was verified has exactly one."""
        files = self.train.manifest.files
        return next(file.sha256 for file in files if file.path.endswith(".ipynb"))


class Hold(Timestamp):
    """`held.json`: why the run needs approval, by `persons` different people.

    `code` and `why_not` say why the approval most likely to apply does not, if there is one.
    """

    sentence: str
    risk: Risk
    reasons: tuple[Reason, ...] = ()
    persons: int = 1
    why_not: str = ""
    code: str = ""


class HoldDecision(Timestamp):
    """`decision.json`: the decision after which the policy is evaluated again for a held stop."""

    verdict: Literal["approve", "refuse", "over"]
    by: tuple[str, ...] = ()
    reason: str = ""
    approval: Digest | None = None
    code: str = ""


class Admission(Timestamp):
    """`admitted.json`: the run's data sets (path and schema's digest) and limits."""

    sentence: str
    approval: Digest | None = None
    data: Mapping[str, str]
    schemas: Mapping[str, Digest]
    twin: bool
    """Whether this run gets twins: the station's setting may change before it ends."""
    limits: Limits
    combines: bool = False
    """Whether this station is the order's aggregator."""


class RunStopped(Timestamp):
    """`stopping.json`: why the station stops the run."""

    why: Literal["out-of-time"]


class RunOutcome(Timestamp):
    """`outcome.json`: how the run ended. `code` is empty for a run that completed."""

    code: str
    error: CellError | None
    started: AwareDatetime | None
    finished: AwareDatetime | None


class HeldFile(StopFileContent):
    """A file of an output as it would leave."""

    path: str
    size: int
    sha256: Digest


class HeldOutput(StopFileContent):
    """An output with the airlock's verdict, and with its files if it may leave."""

    verdict: OutputVerdict
    files: tuple[HeldFile, ...] = ()

    @property
    def name(self) -> str:
        return self.verdict.name

    @property
    def held(self) -> bool:
        return self.verdict.verdict == "held"


class HeldOutputs(StopFileContent):
    """`airlock-held.json`: outputs that leave only if `persons` different people release them."""

    sentence: str
    outputs: tuple[HeldOutput, ...]
    persons: int
    at: AwareDatetime
    until: AwareDatetime

    @property
    def held(self) -> tuple[HeldOutput, ...]:
        return tuple(output for output in self.outputs if output.held)

    def output(self, name: str) -> HeldOutput:
        """Return the held output `name`. Raises StationError (``not-held``)."""
        for output in self.held:
            if output.name == name:
                return output
        held = ", ".join(output.name for output in self.held)
        raise StationError(f"No output '{name}' is held there; held is: {held}.", code="not-held")


class NotedCounts(StopFileContent):
    """`noted.json`: the name of the file in `released/` with the counts that leave."""

    released: str


class SealedFile(StopFileContent):
    """A sealed file: for whom it is, its digest, and its size in bytes."""

    kind: Literal["cargo", "next"]
    digest: Digest
    size: int


class SealedCargo(Timestamp):
    """`sealed.json`: what `cargo.age` and `next.age` hold, of which each may be missing."""

    files: tuple[SealedFile, ...]


class Cancellation(Timestamp):
    """`cancel.json`: who cancelled."""

    by: str


class Ending(StopFileContent):
    """`ending.json`: how a stop ends that does not depart."""

    outcome: Literal["refused", "failed", "cancelled"]
    code: str
    sentence: str
    error: CellError | None = None
    outputs: tuple[OutputVerdict, ...] = ()


class RecordReported(Timestamp):
    """`told.json`: central has the record, or refused it permanently for this reason."""

    refused: str = ""


class ReviewView(Timestamp):
    """`looked-….json`: who viewed all of an output or of the log, and its digest."""

    by: str
    digest: Digest
