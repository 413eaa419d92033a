"""The client of central's API: for the station's daemon, the researcher and the command line."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from phtlab.errors import CentralError, CentralUnreachableError, UnreachableError
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
from phtlab.wire.authorities import authorities
from phtlab.wire.central.answer import foreign, parsed, validated
from phtlab.wire.central.audit import AuditClient
from phtlab.wire.central.event_stream import ServerSentEvent, read_events
from phtlab.wire.central.governance import GovernanceClient
from phtlab.wire.central.notifications import NotificationClient
from phtlab.wire.central.paging import pages
from phtlab.wire.central.problem import error_of
from phtlab.wire.central.token import mint

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
MAX_WAIT_SECONDS: Final = 50.0
KEEP_ALIVE_SECONDS: Final = 15.0
BACKOFF_SECONDS: Final = (0.1, 0.4)
MAX_TWIN_BYTES: Final = 20 * 2**20
MAX_BUNDLE_BYTES: Final = 32 * 2**20
MAX_OPEN_BUNDLE_BYTES: Final = 2 * 2**20
"""Largest roster bundle, with and without a member's token."""
MAX_ANSWER_BYTES: Final = 256 * 2**20
ANSWER_SECONDS: Final = 120.0

News = JourneyEvent | ProposalsChanged | tuple[StationView, ...]
"""Items that `CentralClient.news` yields."""

_STATIONS: Final = TypeAdapter(tuple[StationView, ...])


class CentralClient:
    """Client of central at `url`, with `identity` or else the hub user's `hub_token`.

    Without either, only the routes open to all. A hub token allows what its scopes name at the
    hub, as the member of the hub user's name; what a member signs needs the identity.
    Every method raises CentralUnreachableError if central does not answer, the
    error class that central names if it refuses, and CentralError otherwise.
    The client keeps its connection; use it as a context manager or `close()` it.
    It may be used from several threads. `consortium` returns the trusted consortium
    (`Trust.consortium`): a central that claims to serve another gets no token, so that it
    cannot use the token where the same key is a member too.
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
        self.url = url.rstrip("/")
        self._identity = identity
        self._hub_token = hub_token
        self._consortium = consortium
        self._sleep = sleep
        self._info: Info | None = None
        self._streaming: set[httpx.Response] = set()
        self._ended = False
        self.governance = GovernanceClient(self._send)
        self.audit = AuditClient(self._send)
        self.notifications = NotificationClient(self._send)
        self._http = httpx.Client(
            verify=authorities(),
            base_url=self.url,
            transport=transport,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": "phtlab"},
            # The address is explicit; a proxy of the environment would see the tokens.
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and end streams in other threads with an error."""
        self.end_streams()
        self._http.close()

    def end_streams(self) -> None:
        """End the streams that other threads read, and open no more."""
        self._ended = True
        for response in tuple(self._streaming):
            with contextlib.suppress(OSError, KeyError):
                line = response.extensions["network_stream"].get_extra_info("socket")
                line.shutdown(socket.SHUT_RDWR)

    # What is open to all

    def info(self) -> Info:
        """Return central's consortium, audience and registry."""
        self._info = parsed(Info, self._send("GET", "", signed=False))
        return self._info

    @property
    def metadata_url(self) -> str:
        """The URL of the consortium's TUF metadata."""
        return f"{self.url}{PREFIX}/tuf/metadata/"

    @property
    def targets_url(self) -> str:
        """The URL of the consortium's TUF targets."""
        return f"{self.url}{PREFIX}/tuf/targets/"

    def tuf_fetcher(self) -> FetcherInterface:
        """Return a fetcher over this client's connection. It raises only TUF's DownloadErrors."""
        return _TufFetcher(self._http)

    def publish_roster(self, bundle: RosterBundle) -> None:
        """Publish a roster and catalogue: the officers' signatures in `bundle` are the permission.

        Above `MAX_OPEN_BUNDLE_BYTES`, this also needs a member's identity.
        """
        content = bundle.model_dump_json().encode()
        self._send("POST", "/roster", content=content, signed=len(content) > MAX_OPEN_BUNDLE_BYTES)

    # Trains

    def submit_train(self, envelope: Envelope) -> TrainSummary:
        """Submit a signed train. The same train again gives the same answer."""
        return parsed(TrainSummary, self._send("POST", "/trains", content=envelope.to_bytes()))

    def trains(self) -> tuple[TrainSummary, ...]:
        """Return the member's own trains; for a station, those of its journeys. Newest first.

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
        """Submit a signed order. The same order again gives the same journey."""
        return parsed(JourneyView, self._send("POST", "/journeys", content=order.to_bytes()))

    def journeys(self, *, limit: int = 50, before: int | None = None) -> JourneyList:
        """Return own journeys, newest first. A page's `next` is the `before` of the following."""
        query = {"limit": str(limit)} | ({} if before is None else {"before": str(before)})
        return parsed(JourneyList, self._send("GET", "/journeys", query=query))

    def all_journeys(self) -> Iterator[JourneyView]:
        """Yield the member's journeys, newest first, requesting them page by page.

        Raises CentralError (``pages``) if the pages do not go back in time, and so might not end.
        """
        for page in pages(lambda before: self.journeys(limit=200, before=before), "journeys"):
            yield from page.journeys

    def journey(self, journey: str) -> JourneyView:
        return parsed(JourneyView, self._send("GET", f"/journeys/{quote(journey)}"))

    def cancel(self, journey: str) -> JourneyView:
        """Ask the stations to stop. Only the researcher who ordered the journey may."""
        return parsed(JourneyView, self._send("POST", f"/journeys/{quote(journey)}/cancel"))

    def events(
        self, journey: str | None = None, after: int = 0, *, patience: float = 300.0
    ) -> Iterator[JourneyEvent]:
        """Yield events of `journey`, until it is done; or of all of the member's, for ever.

        `after` is the number of the last event already seen. A lost stream resumes after the last
        event; without one for `patience` seconds, this raises CentralUnreachableError.
        """
        path = "/events" if journey is None else f"/journeys/{quote(journey)}/events"
        for event in self._events(path, after, patience):
            if isinstance(event, JourneyEvent):
                yield event

    def news(self, after: int = 0, *, patience: float = 300.0) -> Iterator[News]:
        """Yield events of all of the member's journeys, and all stations whenever they change.

        The stations come first, and again after a lost connection; likewise the number of the
        last change to the member's proposals. Else as `events`.
        """
        return self._events("/events", after, patience)

    def _events(self, path: str, after: int, patience: float) -> Iterator[News]:
        seen, waited, delay = after, 0.0, BACKOFF_SECONDS[0]
        while True:
            try:
                for event in self._stream(path, seen):
                    waited, delay = 0.0, BACKOFF_SECONDS[0]
                    if event.kind == "end":
                        return
                    if event.kind == "stations":
                        yield validated(_STATIONS, event.data.encode())
                    if event.kind == "proposals":
                        yield parsed(ProposalsChanged, event.data)
                    if event.kind == "stop":
                        sent = parsed(JourneyEvent, event.data)
                        seen = sent.number
                        yield sent
            except UnreachableError:  # central, or the hub that central asks about the token
                if waited >= patience or self._http.is_closed:
                    raise
            self._sleep(delay)
            waited, delay = waited + delay, min(2 * delay, 10.0)

    # Stations

    def stations(self) -> tuple[StationView, ...]:
        return validated(_STATIONS, self._send("GET", "/stations"))

    def put_profile(self, profile: StationProfile) -> None:
        """Publish which data sets this station has, and whether it is paused."""
        # Omit defaults, so that a central of an older version without pauses accepts it too.
        content = profile.model_dump_json(exclude_defaults=True).encode()
        self._send("PUT", "/stations/self", content=content)

    def put_twin(self, name: str, content: bytes) -> None:
        """Publish the synthetic twin (Parquet, at most 20 MiB) of this station's data set `name`.

        Its SHA-256 must be the profile's `twin_digest`: put the profile first.
        """
        self._send("PUT", f"/stations/self/twins/{quote(name)}", content=content, binary=True)

    def twin(self, station: str, name: str) -> bytes:
        """Return the twin's bytes. Compare their digest with the data set's `twin_digest`."""
        path = f"/stations/{quote(station)}/twins/{quote(name)}"
        return self._send("GET", path)

    # A station's own stops

    def inbox(self, after: int = 0, wait: float = 0.0) -> Inbox:
        """Return this station's unfinished stops, once something is newer than cursor `after`.

        Waits for at most `wait` seconds (50 is the most that central allows).
        """
        wait = min(max(wait, 0.0), MAX_WAIT_SECONDS)
        query = {"after": str(after), "wait": str(wait)}
        return parsed(Inbox, self._send("GET", "/inbox", query=query, read=wait + READ_SECONDS))

    def update_stop(self, journey: str, station: str, update: StopUpdate) -> StopView:
        """Report the stop's progress. Central does not change a final stop."""
        path = f"/journeys/{quote(journey)}/stops/{quote(station)}"
        return parsed(
            StopView, self._send("PATCH", path, content=update.model_dump_json().encode())
        )

    def put_record(self, journey: str, station: str, record: Envelope) -> StopView:
        """Deliver the signed stop record, which makes the stop final."""
        path = f"/journeys/{quote(journey)}/stops/{quote(station)}/record"
        return parsed(StopView, self._send("PUT", path, content=record.to_bytes()))

    # The registry

    def registry_token(self, scopes: Sequence[str]) -> str:
        """Return a registry token with as much of `scopes` as the member may have.

        A scope is written ``repository:NAME:pull`` or ``…:pull,push``.
        """
        query: list[tuple[str, str]] = [("scope", scope) for scope in scopes]
        return parsed(RegistryToken, self._send("GET", "/registry/token", query=query)).token

    # One request

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        query: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        read: float = READ_SECONDS,
        signed: bool = True,
        binary: bool = False,
    ) -> bytes:
        # Each request of this API may be repeated: the same content gives the same answer.
        for attempt, delay in enumerate((*BACKOFF_SECONDS, None)):
            try:
                with self._http.stream(
                    method,
                    PREFIX + path,
                    content=content,
                    params=list(query.items()) if isinstance(query, Mapping) else list(query),
                    headers=self._headers(content, signed=signed, binary=binary),
                    timeout=httpx.Timeout(read, connect=CONNECT_SECONDS),
                ) as response:
                    answer = self._read(response)
            except httpx.TransportError as lost:
                if delay is None or isinstance(lost, httpx.ReadTimeout):
                    raise self._unreachable(lost, attempt + 1) from None
                self._sleep(delay)
                continue
            except RuntimeError:
                self._require_open()
                raise
            if response.is_success:
                return answer
            raise error_of(response.status_code, answer, self.url)
        raise AssertionError("unreachable")

    def _read(self, response: httpx.Response) -> bytes:
        """Read the answer, perhaps compressed, within limits of size and time."""
        answer, begun = bytearray(), time.monotonic()
        if "," in response.headers.get("content-encoding", ""):
            raise foreign()  # Compressed once, data grows a thousandfold; twice, a millionfold.
        try:
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise CentralError(
                        f"Central at {self.url} answers with more than {MAX_ANSWER_BYTES:,} "
                        "bytes, which no answer has.",
                        "It is broken or hostile: tell its operator.",
                        code="central-answer",
                    )
                if time.monotonic() - begun > ANSWER_SECONDS:
                    raise self._unreachable(_dripping(), 1)
        except httpx.DecodingError:
            raise foreign() from None
        return bytes(answer)

    def _stream(self, path: str, after: int) -> Iterator[ServerSentEvent]:
        headers = self._headers(None) | {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = httpx.Timeout(3 * KEEP_ALIVE_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._http.stream(
                "GET", PREFIX + path, headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    raise error_of(response.status_code, self._read(response), self.url)
                self._streaming.add(response)
                try:
                    if self._ended:
                        raise httpx.ReadError("the client was closed")
                    yield from read_events(response.iter_lines())
                finally:
                    self._streaming.discard(response)
        except httpx.DecodingError:
            raise foreign() from None
        except httpx.TransportError as lost:
            raise self._unreachable(lost, 1) from None
        except RuntimeError:
            self._require_open()
            raise

    def _require_open(self) -> None:
        """Raise if another thread closed the client, which httpx reports as RuntimeError only."""
        if self._http.is_closed:
            raise CentralUnreachableError(
                f"The connection to central at {self.url} was closed here while it was in use, as "
                "when the key is changed or locked.",
                "Look whether it was done before you try again.",
            ) from None

    def _headers(
        self, content: bytes | None, *, signed: bool = True, binary: bool = False
    ) -> dict[str, str]:
        headers: dict[str, str] = {}
        if signed:
            headers["Authorization"] = self._authorization()
        if content is not None:
            headers["Content-Type"] = "application/octet-stream" if binary else "application/json"
        return headers

    def _authorization(self) -> str:
        """Return the header: the member's signed token if there is a key, else the hub's token."""
        if self._identity is None and not self._hub_token:
            raise CentralError(
                "This needs a member's key, and none was given.",
                "Make one with 'phtlab key create NAME', and have it admitted.",
                code="unauthenticated",
            )
        info = self._info or self.info()
        expected = self._consortium()
        if expected not in (None, info.consortium):
            raise CentralError(
                f"Central at {self.url} serves the consortium {info.consortium}, not {expected}: "
                "it gets no token of yours.",
                "Check the address.",
                code="central-consortium",
            )
        if self._identity is not None:
            return f"Bearer {mint(self._identity, info.audience)}"
        return f"token {self._hub_token}"

    def _unreachable(self, lost: Exception, attempts: int) -> CentralUnreachableError:
        reason = str(lost) or type(lost).__name__
        return CentralUnreachableError(
            f"Central at {self.url} does not answer ({reason}; tried {attempts} "
            f"{'time' if attempts == 1 else 'times'}).",
            "Check the address and the network, and that 'phtlab central run' is up there.",
        )


class _TufFetcher(FetcherInterface):
    """TUF over central's connection: DownloadHTTPError for an answer, DownloadError without."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        # TUF wraps only errors before the first chunk, so this raises TUF's own errors throughout.
        try:
            # Raw pieces as they arrive: decompressing could fill memory, and waiting for whole
            # chunks would let a drip of single bytes block.
            headers = {"Accept-Encoding": "identity"}
            with self._http.stream("GET", url, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    raise DownloadHTTPError(
                        f"{url} answered {response.status_code}", response.status_code
                    )
                begun = time.monotonic()
                for piece in response.iter_raw():
                    if time.monotonic() - begun > ANSWER_SECONDS:
                        raise _dripping()
                    yield piece
        except httpx.HTTPError as lost:
            raise DownloadError(f"{url} does not answer: {lost}") from lost
        except RuntimeError as closed:
            if not self._http.is_closed:
                raise
            raise DownloadError(f"{url} is not asked: the connection was closed here") from closed


def _dripping() -> httpx.ReadTimeout:
    """Return the error for an answer whose bytes arrive in time but never end."""
    return httpx.ReadTimeout(f"one answer takes more than {ANSWER_SECONDS:g} seconds")
