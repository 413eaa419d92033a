"""The schema of central's API, version 1: what passes between central, stations and researchers.

Everything that anyone acts on is a signed envelope; the rest is for display.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName, Role
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.record import FINAL_STATES, CellError, StopState
from phtlab.wire.api.rounds import RoundsView

API_VERSION = "1"
PREFIX = "/api/v1"

ColumnType = Literal["integer", "number", "string", "boolean", "date"]


class Info(StrictModel):
    """`GET /api/v1`, open to all: what a client needs before it can sign a token.

    Cargo is removed `journey_days` after its journey began, a train `train_days`
    after its last journey.
    """

    api_version: str = API_VERSION
    consortium: str
    audience: str
    registry_url: str
    time: Moment
    journey_days: float | None = None
    train_days: float | None = None


class Problem(StrictModel):
    """An error (RFC 9457): `detail` says what happened, `hint` what to do next.

    `code` is the error's stable code, `family` that of its class.
    """

    type: str = "about:blank"
    title: str
    status: int
    code: str
    family: str = ""
    detail: str
    hint: str = ""


class TrainSummary(StrictModel):
    """`POST /trains` answers one, `GET /trains` pages of them.

    `envelope` is the signed statement.
    """

    digest: Digest
    name: str
    author: MemberName
    repository: str
    submitted: Moment
    removed: Moment | None = None
    envelope: Envelope


class StopView(StrictModel):
    """One stop as central sees it. `record` is the station's signed word; the rest is display.

    `conflict` is another signed record of the same stop: two stations run with one key.
    `contradicted` says that there is one, also where a view has no records.
    """

    station: MemberName
    number: int
    state: StopState
    code: str = ""
    sentence: str = ""
    error: CellError | None = None
    cell: int | None = None
    cells: int | None = None
    updated: Moment
    record: Envelope | None = None
    conflict: Envelope | None = None
    contradicted: bool = False


class JourneyView(StrictModel):
    """`GET /journeys/{id}`; `id` is the digest of the order's payload.

    `removed` is when retention removed its cargo from the registry, `continued_by` the journey that
    continues it, if any. `rounds` is for display, and None on another route than one of rounds.
    """

    id: Digest
    train: Digest
    train_name: str
    researcher: MemberName
    submitted: Moment
    expires: Moment
    cancelled: bool = False
    removed: Moment | None = None
    continued_by: Digest | None = None
    rounds: RoundsView | None = None
    order: Envelope
    stops: tuple[StopView, ...]

    @property
    def done(self) -> bool:
        return all(stop.state in FINAL_STATES for stop in self.stops)


class EarlierJourney(StrictModel):
    """A journey that another one continues: its order, and the records of its departed stops."""

    order: Envelope
    records: tuple[Envelope, ...] = ()


class Offer(StrictModel):
    """What a station's inbox holds: a journey with an unfinished stop at this station.

    `previous` are the records of the stops before it on a sequential route, `continued` the
    journeys that it continues, the oldest first.
    """

    journey: Digest
    order: Envelope
    train: Envelope
    cancelled: bool = False
    previous: tuple[Envelope, ...] = ()
    continued: tuple[EarlierJourney, ...] = ()


class Inbox(StrictModel):
    """`GET /inbox?after=CURSOR&wait=SECONDS`: answers once something is newer than `after`.

    `proposals` is the number of the last change to a proposal that names this station: ask
    `GET /proposals?after=` with the one that was seen before for what changed. `conflicts` are
    journeys of which this station signed two records.
    """

    cursor: int
    offers: tuple[Offer, ...]
    proposals: int = 0
    conflicts: tuple[Digest, ...] = ()


class StopUpdate(StrictModel):
    """`PATCH /journeys/{id}/stops/{station}`: progress for display. A final one needs a record."""

    state: StopState
    code: str = ""
    sentence: str = ""
    error: CellError | None = None
    cell: int | None = Field(None, ge=0, le=100_000)
    cells: int | None = Field(None, ge=0, le=100_000)


class JourneyEvent(StrictModel):
    """One server-sent event of `GET /journeys/{id}/events`; its SSE id is `number`.

    Its stop comes without the record: ask for the journey to have that. `rounds` is set where the
    rounds of the journey went on; then the stop may be as it was.
    """

    number: int
    journey: Digest
    stop: StopView
    rounds: RoundsView | None = None


class ProposalsChanged(StrictModel):
    """One server-sent event `proposals` of `GET /events`, without an id.

    `changed` is the number of the last change to a proposal that one may see: first, and whenever
    there is one. `GET /proposals?after=` has what changed.
    """

    changed: int


class Column(StrictModel):
    name: str
    type: ColumnType
    description: str = ""
    unit: str = ""
    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


class DataSetDescription(StrictModel):
    """What a station says of a data set: never more than the operator declared.

    `rows` is rounded to the next multiple of `rows_rounded_to`; exact only if that is 1, and of an
    unknown rounding if it is not said.
    """

    name: str
    title: str = ""
    description: str = ""
    rows: int | None = None
    rows_rounded_to: int | None = None
    columns: tuple[Column, ...]
    schema_digest: Digest
    twin_digest: Digest | None = None

    @property
    def rows_text(self) -> str:
        """How many rows there are, as far as it is published: `304`, `about 300`, or nothing."""
        if self.rows is None:
            return ""
        if self.rows_rounded_to == 1:
            return str(self.rows)
        return f"about {self.rows}" if self.rows else "few"


class StationView(StrictModel):
    """`GET /stations`: `last_seen` is None until it first asked for its inbox.

    `roles` are those of the roster: an aggregator without the role `station` has no data.
    `paused` says why nothing new begins there, if so. `airlock` is by which rules it checks
    outputs, as it says: what differs from the defaults of `[airlock]`; None if it says nothing.
    `running` and `waiting` count its unfinished stops: those at work (in the sandbox, the
    airlock or the seal), and those that were offered and are not yet.
    """

    name: MemberName
    organisation: str = ""
    roles: tuple[Role, ...] = ("station",)
    online: bool
    last_seen: Moment | None = None
    datasets: tuple[DataSetDescription, ...] = ()
    version: str = ""
    running: int = 0
    waiting: int = 0
    paused: str = ""
    airlock: dict[str, JsonValue] | None = None

    @property
    def has_data(self) -> bool:
        """Whether journeys go there for data: not to an aggregator, which combines rounds."""
        return "station" in self.roles

    @property
    def aggregates(self) -> bool:
        """Whether it combines the rounds of journeys."""
        return "aggregator" in self.roles


class StationProfile(StrictModel):
    """`PUT /stations/self`: what a station publishes about itself.

    `airlock` is what differs from the defaults in `[airlock]` of its policy, for dry runs.
    """

    datasets: tuple[DataSetDescription, ...] = ()
    version: str = ""
    paused: str = Field("", max_length=300)
    airlock: dict[str, JsonValue] | None = Field(None, max_length=64)


class RegistryToken(StrictModel):
    """`GET /registry/token`, as Distribution's token specification has it."""

    token: str
    access_token: str
    expires_in: int
    issued_at: str


class RosterBundle(StrictModel):
    """`POST /roster`: TUF metadata by file name, and target files by name, as base64."""

    metadata: dict[str, str] = Field(max_length=64)
    targets: dict[str, str] = Field(max_length=64)


class TrainPage(StrictModel):
    """`GET /trains?limit=&before=`: the newest first; `next` is a `before`."""

    trains: tuple[TrainSummary, ...] = ()
    next: int | None = None


class JourneyList(StrictModel):
    """`GET /journeys?limit=&before=`: the newest first; `next` is a `before`."""

    journeys: tuple[JourneyView, ...] = ()
    next: int | None = None
