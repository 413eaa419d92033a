"""The client of central's API: for the station's daemon, the researcher and the command line."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Self
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
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
"""Of a roster with its catalogue; without a member's token, the smaller one."""
MAX_ANSWER_BYTES: Final = 256 * 2**20
ANSWER_SECONDS: Final = 120.0

News = JourneyEvent | ProposalsChanged | tuple[StationView, ...]
"""What `CentralClient.news` brings."""

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
        """Also ends the streams that other threads wait at: they hear that central is gone."""
        self.end_streams()
        self._http.close()

    def end_streams(self) -> None:
        """End the streams that other threads wait at, and open no more."""
        self._ended = True
        for response in tuple(self._streaming):
            with contextlib.suppress(OSError, KeyError):
                line = response.extensions["network_stream"].get_extra_info("socket")
                line.shutdown(socket.SHUT_RDWR)

    # What is open to all

    def info(self) -> Info:
        """Who central is: consortium, audience, registry."""
        self._info = parsed(Info, self._send("GET", "", signed=False))
        return self._info

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
        return _TufFetcher(self._http)

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
        for news in self._news(path, after, patience):
            if isinstance(news, JourneyEvent):
                yield news

    def news(self, after: int = 0, *, patience: float = 300.0) -> Iterator[News]:
        """What happens to all of one's journeys and, whole, the stations whenever they change.

        The stations come first, and again after a connection was lost; else as `events`. How far
        one's proposals have changed comes likewise.
        """
        return self._news("/events", after, patience)

    def _news(self, path: str, after: int, patience: float) -> Iterator[News]:
        seen, waited, delay = after, 0.0, BACKOFF_SECONDS[0]
        while True:
            try:
                for event in self._stream(path, seen):
                    waited, delay = 0.0, BACKOFF_SECONDS[0]
                    if event.event == "end":
                        return
                    if event.event == "stations":
                        yield validated(_STATIONS, event.data.encode())
                    if event.event == "proposals":
                        yield parsed(ProposalsChanged, event.data)
                    if event.event == "stop":
                        news = parsed(JourneyEvent, event.data)
                        seen = news.number
                        yield news
            except UnreachableError:  # central, or the hub that it asks about the token
                if waited >= patience or self._http.is_closed:
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
        wait = min(max(wait, 0.0), MAX_WAIT_SECONDS)
        query = {"after": str(after), "wait": str(wait)}
        return parsed(Inbox, self._send("GET", "/inbox", query=query, read=wait + READ_SECONDS))

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

    # The registry

    def registry_token(self, scopes: Sequence[str]) -> str:
        """A token for the registry with as much of `scopes` as one may have.

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
        """The answer, which may be packed: a hostile central fills no memory, and holds nobody."""
        answer, begun = bytearray(), time.monotonic()
        _require_packed_once(response)
        try:
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise self._too_large()
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
                    yield from self._events(response)
                finally:
                    self._streaming.discard(response)
        except (httpx.DecodingError, SSEError):
            raise foreign() from None
        except httpx.TransportError as lost:
            raise self._unreachable(lost, 1) from None
        except RuntimeError:
            self._require_open()
            raise

    def _events(self, response: httpx.Response) -> Iterator[ServerSentEvent]:
        """The events of a stream. Raises CentralError if one is longer than any answer."""
        _require_packed_once(response)
        # The library joins the lines of an event without a limit, so it reads a bounded copy.
        bounded = httpx.Response(
            response.status_code,
            headers={"Content-Type": response.headers.get("Content-Type", "")},
            content=self._bounded(response.iter_bytes()),
        )
        return EventSource(bounded).iter_sse()

    def _bounded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """`pieces`, as long as events end in time: each at an empty line."""
        unfinished = 0
        for piece in pieces:
            ended = piece.rfind(b"\n\n")
            unfinished = unfinished + len(piece) if ended < 0 else len(piece) - ended
            if unfinished > MAX_ANSWER_BYTES:
                raise self._too_large()
            yield piece

    def _require_open(self) -> None:
        """httpx says only with a RuntimeError that another thread closed the client."""
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
        """The member's own word if there is a key, else the hub's for its user."""
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

    def _too_large(self) -> CentralError:
        return CentralError(
            f"Central at {self.url} answers with more than {MAX_ANSWER_BYTES:,} "
            "bytes, which no answer has.",
            "It is broken or hostile: tell its operator.",
            code="central-answer",
        )

    def _unreachable(self, lost: Exception, attempts: int) -> CentralUnreachableError:
        reason = str(lost) or type(lost).__name__
        return CentralUnreachableError(
            f"Central at {self.url} does not answer ({reason}; tried {attempts} "
            f"{'time' if attempts == 1 else 'times'}).",
            "Check the address and the network, and that 'phtlab central run' is up there.",
        )


class _TufFetcher(FetcherInterface):
    """TUF over central's connection: an answer is DownloadHTTPError, silence is DownloadError."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        # TUF wraps only what is raised before the first chunk: here all errors are its own.
        try:
            # As it is on the wire, piece by piece as it comes: nothing is unpacked, which could
            # fill memory, and a drip of single bytes does not wait here for a whole chunk.
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


def _require_packed_once(response: httpx.Response) -> None:
    """Packed once, a piece grows a thousandfold; twice, a millionfold."""
    if "," in response.headers.get("content-encoding", ""):
        raise foreign()


def _dripping() -> httpx.ReadTimeout:
    """Each byte comes in time, and their end never does."""
    return httpx.ReadTimeout(f"one answer takes more than {ANSWER_SECONDS:g} seconds")
