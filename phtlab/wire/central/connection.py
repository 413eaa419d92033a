"""Requests to central: who asks, retries, streams, and the bounds of what comes back."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from tuf.ngclient.fetcher import FetcherInterface

from phtlab.errors import CentralError, CentralUnreachableError
from phtlab.train.crypto.identity import Identity
from phtlab.wire.api.journeys import PREFIX, Info
from phtlab.wire.authorities import authorities
from phtlab.wire.central.answer import foreign, parsed
from phtlab.wire.central.problem import error_of
from phtlab.wire.central.time_limit import require_in_time
from phtlab.wire.central.token import mint
from phtlab.wire.central.tuf_fetcher import TufFetcher

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
KEEP_ALIVE_SECONDS: Final = 15.0
BACKOFF_SECONDS: Final = (0.1, 0.4)
MAX_ANSWER_BYTES: Final = 256 * 2**20
TOKEN_IS_USED: Final = timedelta(seconds=15)
"""How long a token is sent with further requests. It is valid for longer (`token.LIFETIME`)."""


@dataclass(frozen=True)
class _Minted:
    """A token for `audience`, signed `at` that time."""

    token: str = field(repr=False)
    audience: str
    at: datetime


class CentralConnection:
    """The connection to central at `url`, which `CentralClient` asks over. See there.

    It may be used from several threads.
    """

    def __init__(
        self,
        url: str,
        identity: Identity | None,
        *,
        hub_token: str | None,
        consortium: Callable[[], str | None],
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        self.url = url.rstrip("/")
        self._identity = identity
        self._hub_token = hub_token
        self._consortium = consortium
        self._sleep = sleep
        self._info: Info | None = None
        self._minted: _Minted | None = None
        self._streaming: set[httpx.Response] = set()
        self._ended = False
        self._http = httpx.Client(
            verify=authorities(),
            base_url=self.url,
            transport=transport,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": "phtlab"},
            # The address is explicit; a proxy of the environment would see the tokens.
            trust_env=False,
        )

    @property
    def closed(self) -> bool:
        return self._http.is_closed

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

    def info(self) -> Info:
        """Who central is: consortium, audience, registry."""
        self._info = parsed(Info, self.send("GET", "", signed=False))
        return self._info

    def tuf_fetcher(self) -> FetcherInterface:
        """A fetcher over this connection. It raises only TUF's DownloadErrors."""
        return TufFetcher(self._http)

    def send(
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
        _require_packed_once(response)
        try:
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise self._too_large()
                require_in_time(begun)
        except httpx.DecodingError:
            raise foreign() from None
        return bytes(answer)

    def stream(self, path: str, after: int) -> Iterator[ServerSentEvent]:
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
            return f"Bearer {self._token(self._identity, info.audience)}"
        return f"token {self._hub_token}"

    def _token(self, identity: Identity, audience: str) -> str:
        """Return a token for `audience`, which may be the one of the last few seconds."""
        now = datetime.now(UTC)
        minted = self._minted
        if (
            minted is None
            or minted.audience != audience
            or not timedelta() <= now - minted.at < TOKEN_IS_USED
        ):
            self._minted = minted = _Minted(mint(identity, audience, now), audience, now)
        return minted.token

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


def _require_packed_once(response: httpx.Response) -> None:
    """Packed once, a piece grows a thousandfold; twice, a millionfold."""
    if "," in response.headers.get("content-encoding", ""):
        raise foreign()
