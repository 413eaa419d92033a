"""The schema of central's API, version 1: messages of central, stations and researchers.

Clients act only on signed envelopes; all other fields are for display.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.record import FINAL_STATES, CellError, StopState

API_VERSION = "1"
PREFIX = "/api/v1"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Info(_Model):
    """`GET /api/v1`, open to all: what a client needs to sign a token.

    Central removes cargo `journey_days` after its journey began, a train `train_days` after its
    last journey.
    """

    api_version: str = API_VERSION
    consortium: str
    audience: str
    registry_url: str
    time: Moment
    journey_days: float | None = None
    train_days: float | None = None


class Problem(_Model):
    """An error (RFC 9457): `detail` is what happened, `hint` what to do next.

    `code` is the error's stable code, `family` that of its class.
    """

    type: str = "about:blank"
    title: str
    status: int
    code: str
    family: str = ""
    detail: str
    hint: str = ""


class TrainSummary(_Model):
    """The answer to `POST /trains`, and an item of the pages of `GET /trains`.

    `envelope` is the signed statement.
    """

    digest: Digest
    name: str
    author: MemberName
    repository: str
    submitted: Moment
    removed: Moment | None = None
    envelope: Envelope


class StopView(_Model):
    """One stop as central sees it. `record` is the station's signed record; the rest is display.

    `conflict` is a different signed record of the same stop: two stations run with one key.
    `contradicted` is whether there is one, also in views without records.
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


class JourneyView(_Model):
    """`GET /journeys/{id}`; `id` is the digest of the order's payload.

    `removed` is when retention removed the journey's cargo from the registry.
    """

    id: Digest
    train: Digest
    train_name: str
    researcher: MemberName
    submitted: Moment
    expires: Moment
    cancelled: bool = False
    removed: Moment | None = None
    order: Envelope
    stops: tuple[StopView, ...]

    @property
    def done(self) -> bool:
        return all(stop.state in FINAL_STATES for stop in self.stops)


class Offer(_Model):
    """An item of a station's inbox: a journey with an unfinished stop at this station."""

    journey: Digest
    order: Envelope
    train: Envelope
    cancelled: bool = False
    previous: Envelope | None = None


class Inbox(_Model):
    """`GET /inbox?after=CURSOR&wait=SECONDS`: answers once something is newer than `after`.

    `proposals` is the number of the last change to a proposal that names this station:
    `GET /proposals?after=` with the previous number lists the changes. `conflicts` are journeys
    of which this station signed two records.
    """

    cursor: int
    offers: tuple[Offer, ...]
    proposals: int = 0
    conflicts: tuple[Digest, ...] = ()


class StopUpdate(_Model):
    """`PATCH /journeys/{id}/stops/{station}`: progress, for display. Final states need a record."""

    state: StopState
    code: str = ""
    sentence: str = ""
    error: CellError | None = None
    cell: int | None = Field(None, ge=0, le=100_000)
    cells: int | None = Field(None, ge=0, le=100_000)


class JourneyEvent(_Model):
    """One server-sent event of `GET /journeys/{id}/events`; its SSE id is `number`.

    Its stop has no record: request the journey for that.
    """

    number: int
    journey: Digest
    stop: StopView


class ProposalsChanged(_Model):
    """One server-sent event `proposals` of `GET /events`, without an id.

    `changed` is the number of the last change to a proposal that the member may see. Sent first,
    and after each change. `GET /proposals?after=` lists what changed.
    """

    changed: int


class Column(_Model):
    name: str
    type: Literal["integer", "number", "string", "boolean", "date"]
    description: str = ""
    unit: str = ""
    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


class DataSetDescription(_Model):
    """A station's description of a data set: never more than the operator declared.

    `rows` is rounded to the next multiple of `rows_rounded_to`: exact only if that is 1, of unknown
    rounding if it is None.
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
        """The number of rows, as far as published: `304`, `about 300`, `few`, or empty."""
        if self.rows is None:
            return ""
        if self.rows_rounded_to == 1:
            return str(self.rows)
        return f"about {self.rows}" if self.rows else "few"


class StationView(_Model):
    """`GET /stations`: `last_seen` is None until the station first polls its inbox.

    `paused` is why the station starts no journeys, if so. `airlock` is what differs in its rules
    for outputs from the defaults of `[airlock]`; None if it publishes no rules. `running` and
    `waiting` count unfinished stops: those at work (in the sandbox, the airlock or the seal), and
    those that were offered and have not started.
    """

    name: MemberName
    organisation: str = ""
    online: bool
    last_seen: Moment | None = None
    datasets: tuple[DataSetDescription, ...] = ()
    version: str = ""
    running: int = 0
    waiting: int = 0
    paused: str = ""
    airlock: dict[str, JsonValue] | None = None


class StationProfile(_Model):
    """`PUT /stations/self`: a station's published profile.

    `airlock` is what differs from the defaults in `[airlock]` of its policy, for dry runs.
    """

    datasets: tuple[DataSetDescription, ...] = ()
    version: str = ""
    paused: str = Field("", max_length=300)
    airlock: dict[str, JsonValue] | None = Field(None, max_length=64)


class RegistryToken(_Model):
    """`GET /registry/token`, as in Distribution's token specification."""

    token: str
    access_token: str
    expires_in: int
    issued_at: str


class RosterBundle(_Model):
    """`POST /roster`: TUF metadata by file name, and target files by name, as base64."""

    metadata: dict[str, str] = Field(max_length=64)
    targets: dict[str, str] = Field(max_length=64)


class TrainPage(_Model):
    """`GET /trains?limit=&before=`: the newest first; `next` is a `before`."""

    trains: tuple[TrainSummary, ...] = ()
    next: int | None = None


class JourneyList(_Model):
    """`GET /journeys?limit=&before=`: the newest first; `next` is a `before`."""

    journeys: tuple[JourneyView, ...] = ()
    next: int | None = None
