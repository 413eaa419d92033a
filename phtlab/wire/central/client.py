"""The client of central's API: for the station's daemon, the researcher and the command line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter
from tuf.ngclient.fetcher import FetcherInterface

from phtlab.errors import UnreachableError
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import (
    PREFIX,
    Inbox,
    Info,
    JourneyEvent,
    JourneyList,
    JourneyView,
    ProposalsChanged,
    RegistryToken,
    RosterBundle,
    StationProfile,
    StationView,
    StopUpdate,
    StopView,
    TrainPage,
    TrainSummary,
)
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction, SentRound
from phtlab.wire.central.answer import parsed, validated
from phtlab.wire.central.audit import AuditClient
from phtlab.wire.central.connection import BACKOFF_SECONDS, READ_SECONDS, CentralConnection
from phtlab.wire.central.governance import GovernanceClient
from phtlab.wire.central.notifications import NotificationClient
from phtlab.wire.central.paging import pages

MAX_WAIT_SECONDS: Final = 50.0
MAX_TWIN_BYTES: Final = 20 * 2**20
MAX_BUNDLE_BYTES: Final = 32 * 2**20
MAX_OPEN_BUNDLE_BYTES: Final = 2 * 2**20
"""Of a roster with its catalogue; without a member's token, the smaller one."""

CentralEvent = JourneyEvent | ProposalsChanged | tuple[StationView, ...]
"""What `CentralClient.changes` yields."""

_STATIONS: Final = TypeAdapter(tuple[StationView, ...])


class CentralClient:
    """Central at `url`, spoken to as `identity`, else by the hub user's `hub_token`.

    Without either, only what is open to all. A hub token allows what its scopes say at
    the hub, as the member of the hub user's name; what a member signs needs the identity.
    Every method raises CentralUnreachableError if central does not answer, the
    error class that central names if it refuses, and CentralError otherwise.
    The connection is kept; use the client as a context manager or `close()` it.
    It may be used from several threads. `consortium` tells which one is believed
    (`Trust.consortium`): a central that says it serves another gets no token, so that
    it cannot carry one to where the same key is a member too.
    """

    def __init__(
        self,
        url: str,
        identity: Identity | None = None,
        *,
        hub_token: str | None = None,
        consortium: Callable[[], str | None] = lambda: None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = CentralConnection(
            url,
            identity,
            hub_token=hub_token,
            consortium=consortium,
            transport=transport,
            sleep=sleep,
        )
        self.url = self._connection.url
        self._send = self._connection.send
        self._sleep = sleep
        self.governance = GovernanceClient(self._send)
        self.audit = AuditClient(self._send)
        self.notifications = NotificationClient(self._send)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Also ends the streams that other threads wait at: they hear that central is gone."""
        self._connection.close()

    def end_streams(self) -> None:
        """End the streams that other threads wait at, and open no more."""
        self._connection.end_streams()

    # What is open to all

    def info(self) -> Info:
        """Who central is: consortium, audience, registry."""
        return self._connection.info()

    @property
    def metadata_url(self) -> str:
        """Where the consortium's TUF metadata is served."""
        return f"{self.url}{PREFIX}/tuf/metadata/"

    @property
    def targets_url(self) -> str:
        """Where the consortium's TUF targets are served."""
        return f"{self.url}{PREFIX}/tuf/targets/"

    def tuf_fetcher(self) -> FetcherInterface:
        """A fetcher over this client's connection. It raises only TUF's DownloadErrors."""
        return self._connection.tuf_fetcher()

    def publish_roster(self, bundle: RosterBundle) -> None:
        """Publish a roster and catalogue: the officers' signatures inside are the permission.

        Over `MAX_OPEN_BUNDLE_BYTES` it needs a member's identity too.
        """
        content = bundle.model_dump_json().encode()
        self._send("POST", "/roster", content=content, signed=len(content) > MAX_OPEN_BUNDLE_BYTES)

    # Trains

    def submit_train(self, envelope: Envelope) -> TrainSummary:
        """Make a signed train known. The same train again gives the same answer."""
        return parsed(TrainSummary, self._send("POST", "/trains", content=envelope.to_bytes()))

    def trains(self) -> tuple[TrainSummary, ...]:
        """All trains of one's own; for a station, those of its journeys. Newest first.

        Raises CentralError (``pages``) if central's list does not end.
        """
        found = pages(self._train_page, "trains")
        return tuple(train for page in found for train in page.trains)

    def _train_page(self, before: int | None) -> TrainPage:
        query = {} if before is None else {"before": str(before)}
        return parsed(TrainPage, self._send("GET", "/trains", query=query))

    def train(self, digest: str) -> TrainSummary:
        return parsed(TrainSummary, self._send("GET", f"/trains/{quote(digest)}"))

    # Journeys

    def submit_journey(self, order: Envelope) -> JourneyView:
        """Send a signed order. The same order again gives the same journey."""
        return parsed(JourneyView, self._send("POST", "/journeys", content=order.to_bytes()))

    def journeys(self, *, limit: int = 50, before: int | None = None) -> JourneyList:
        """One's journeys, newest first. Pass a page's `next` as `before` for the one after it."""
        query = {"limit": str(limit)} | ({} if before is None else {"before": str(before)})
        return parsed(JourneyList, self._send("GET", "/journeys", query=query))

    def all_journeys(self) -> Iterator[JourneyView]:
        """One's journeys, newest first, asked for page by page.

        Raises CentralError (``pages``) if the pages do not go back in time, and so might not end.
        """
        for page in pages(lambda before: self.journeys(limit=200, before=before), "journeys"):
            yield from page.journeys

    def journey(self, journey: str) -> JourneyView:
        return parsed(JourneyView, self._send("GET", f"/journeys/{quote(journey)}"))

    def finish_rounds(self, journey: str) -> JourneyView:
        """Ask the journey's aggregator to end its rounds. Only the researcher may.

        Raises JourneyError (``rounds-not-aggregated``) if the order names no aggregator.
        """
        return parsed(JourneyView, self._send("POST", f"/journeys/{quote(journey)}/finish"))

    def cancel(self, journey: str) -> JourneyView:
        """Ask the stations to stop. Only the researcher who ordered the journey may."""
        return parsed(JourneyView, self._send("POST", f"/journeys/{quote(journey)}/cancel"))

    def events(
        self, journey: str | None = None, after: int = 0, *, patience: float = 300.0
    ) -> Iterator[JourneyEvent]:
        """What happens to `journey`, until it is done; or to all of one's journeys, for ever.

        `after` is the number of the last event already seen. A lost connection
        is taken up again where it broke; after `patience` seconds without one,
        CentralUnreachableError.
        """
        path = "/events" if journey is None else f"/journeys/{quote(journey)}/events"
        for event in self._events(path, after, patience):
            if isinstance(event, JourneyEvent):
                yield event

    def changes(self, after: int = 0, *, patience: float = 300.0) -> Iterator[CentralEvent]:
        """What happens to all of one's journeys and, whole, the stations whenever they change.

        The stations come first, and again after a connection was lost; else as `events`. How far
        one's proposals have changed comes likewise.
        """
        return self._events("/events", after, patience)

    def _events(self, path: str, after: int, patience: float) -> Iterator[CentralEvent]:
        seen, waited, delay = after, 0.0, BACKOFF_SECONDS[0]
        while True:
            try:
                for event in self._connection.stream(path, seen):
                    waited, delay = 0.0, BACKOFF_SECONDS[0]
                    if event.event == "end":
                        return
                    if event.event == "stations":
                        yield validated(_STATIONS, event.data.encode())
                    if event.event == "proposals":
                        yield parsed(ProposalsChanged, event.data)
                    if event.event == "stop":
                        event_sent = parsed(JourneyEvent, event.data)
                        seen = event_sent.number
                        yield event_sent
            except UnreachableError:  # central, or the hub that it asks about the token
                if waited >= patience or self._connection.closed:
                    raise
            self._sleep(delay)
            waited, delay = waited + delay, min(2 * delay, 10.0)

    # Stations

    def stations(self) -> tuple[StationView, ...]:
        return validated(_STATIONS, self._send("GET", "/stations"))

    def put_profile(self, profile: StationProfile) -> None:
        """Say which data sets this station has, and whether it is paused."""
        # Without what is as usual: a central that does not know of pauses yet takes it too.
        content = profile.model_dump_json(exclude_defaults=True).encode()
        self._send("PUT", "/stations/self", content=content)

    def put_twin(self, name: str, content: bytes) -> None:
        """Publish the synthetic twin (Parquet, at most 20 MiB) of this station's data set `name`.

        Its SHA-256 must be the profile's `twin_digest`: put the profile first.
        """
        self._send("PUT", f"/stations/self/twins/{quote(name)}", content=content, binary=True)

    def twin(self, station: str, name: str) -> bytes:
        """The twin's bytes. Compare their digest with the data set's `twin_digest`."""
        path = f"/stations/{quote(station)}/twins/{quote(name)}"
        return self._send("GET", path)

    # A station's own stops

    def inbox(self, after: int = 0, wait: float = 0.0) -> Inbox:
        """This station's unfinished stops, as soon as something is newer than cursor `after`.

        Waits for at most `wait` seconds (50 is the most that central allows).
        """
        return parsed(Inbox, self._poll("/inbox", after, wait))

    def update_stop(self, journey: str, station: str, update: StopUpdate) -> StopView:
        """Say how far the stop is. Central keeps what is final."""
        path = f"/journeys/{quote(journey)}/stops/{quote(station)}"
        return parsed(
            StopView, self._send("PATCH", path, content=update.model_dump_json().encode())
        )

    def put_record(self, journey: str, station: str, record: Envelope) -> StopView:
        """Deliver the signed stop record, which makes the stop final."""
        path = f"/journeys/{quote(journey)}/stops/{quote(station)}/record"
        return parsed(StopView, self._send("PUT", path, content=record.to_bytes()))

    # Rounds

    def put_instruction(self, journey: str, sent: SentInstruction) -> None:
        """Send the signed instruction of the next round.

        Only the journey's aggregator may, or without one its researcher. The same instruction
        again changes nothing. Raises JourneyError (``instruction-exists``) if central has another
        instruction of that round.
        """
        path = f"/journeys/{quote(journey)}/instructions"
        self._send("POST", path, content=sent.model_dump_json().encode())

    def instructions(self, journey: str, after: int = 0, wait: float = 0.0) -> Instructions:
        """The instructions of rounds over `after`, in order, as soon as there are any.

        Waits for at most `wait` seconds. An answer has `MAX_ROUNDS_OF_ANSWER` at most, and a few
        mebibytes of reports; only the newest values of the journey come with their instruction.
        """
        path = f"/journeys/{quote(journey)}/instructions"
        return parsed(Instructions, self._poll(path, after, wait))

    def put_round(self, journey: str, station: str, number: int, sent: SentRound) -> None:
        """Deliver the signed record of round `number` of this `station`.

        The same record again changes nothing. Raises RecordError (``round-exists``) if central has
        another record of that round.
        """
        path = f"/journeys/{quote(journey)}/rounds/{quote(station)}/{number}"
        self._send("PUT", path, content=sent.model_dump_json().encode())

    def rounds(
        self, journey: str, after: int = 0, wait: float = 0.0, *, finishing: bool = False
    ) -> Rounds:
        """The records of rounds after cursor `after`, as soon as there are any.

        They come in the order of their arrival at central. Waits for at most `wait` seconds; less
        if the journey is finishing, unless that is known (`finishing` of the answer before). After
        a restore of central's database, records may come again.
        """
        path = f"/journeys/{quote(journey)}/rounds"
        # Only where it is so: a central that does not know of it yet refuses nothing.
        known = {"finishing": "true"} if finishing else {}
        return parsed(Rounds, self._poll(path, after, wait, known))

    def _poll(
        self, path: str, after: int, wait: float, known: Mapping[str, str] | None = None
    ) -> bytes:
        """Wait for something newer than `after` and what is `known`, for at most `wait` seconds."""
        wait = min(max(wait, 0.0), MAX_WAIT_SECONDS)
        query = {"after": str(after), "wait": str(wait), **(known or {})}
        return self._send("GET", path, query=query, read=wait + READ_SECONDS)

    # The registry

    def registry_token(self, scopes: Sequence[str]) -> str:
        """A token for the registry with as much of `scopes` as one may have.

        A scope is written ``repository:NAME:pull`` or ``…:pull,push``.
        """
        query: list[tuple[str, str]] = [("scope", scope) for scope in scopes]
        return parsed(RegistryToken, self._send("GET", "/registry/token", query=query)).token
