"""Central's client: retries, refusals, streams, and the message when nobody answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import httpx
import pytest
from tuf.api.exceptions import DownloadError, DownloadHTTPError

from phtlab.errors import (
    CentralError,
    CentralUnreachableError,
    NotOnRosterError,
    OrderExpiredError,
    PhtlabError,
    TrainError,
)
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import sign_statement
from phtlab.wire.api.journeys import JourneyEvent, StopView
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction, SentRound
from phtlab.wire.central import connection
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.problem import error_of, problem_of
from tests.raising import raises_code

ADA = Identity.generate("ada")
URL = "http://central.test"
Answer = Callable[[httpx.Request], httpx.Response]


def _info() -> httpx.Response:
    body = {
        "consortium": "pht",
        "audience": "central@pht",
        "registry_url": "http://registry.test",
        "time": datetime.now(UTC).isoformat(),
    }
    return httpx.Response(200, json=body)


def _client(
    answer: Answer, identity: Identity | None = ADA, hub_token: str | None = None
) -> CentralClient:
    def route(request: httpx.Request) -> httpx.Response:
        return _info() if request.url.path == "/api/v1" else answer(request)

    transport = httpx.MockTransport(route)
    return CentralClient(
        URL, identity, hub_token=hub_token, transport=transport, sleep=lambda seconds: None
    )


def test_nobody_answers_says_where_and_what_to_check() -> None:
    with (
        CentralClient("http://127.0.0.1:9", ADA, sleep=lambda seconds: None) as client,
        raises_code(CentralUnreachableError, "central-unreachable"),
    ):
        client.info()


def test_an_answer_without_end_is_cut_off_however_small_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 2**20)
    packed = gzip.compress(b" " * 2**22)
    assert len(packed) < 2**13

    def answer(status: int) -> Answer:
        headers = {"Content-Encoding": "gzip"}
        return lambda _: httpx.Response(status, stream=httpx.ByteStream(packed), headers=headers)

    for status in (200, 500):
        with raises_code(CentralError, "central-answer"):
            _client(answer(status)).inbox()


def test_an_answer_that_cannot_be_unpacked_is_central_s_fault() -> None:
    """Whatever else it raised would end the thread of a station that listens."""

    def answer(_: httpx.Request) -> httpx.Response:
        broken = httpx.ByteStream(b"no gzip")
        return httpx.Response(200, stream=broken, headers={"Content-Encoding": "gzip"})

    with raises_code(CentralError, "central-answer"):
        _client(answer).inbox()
    with raises_code(CentralError, "central-answer"):
        list(_client(answer).events())


def test_a_lost_connection_is_tried_again() -> None:
    attempts = []

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        if len(attempts) < 3:
            raise httpx.RemoteProtocolError("cut")
        return httpx.Response(200, json=[])

    assert _client(answer).stations() == ()
    assert len(attempts) == 3


def test_a_slow_answer_is_not_asked_for_again() -> None:
    attempts = []

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        raise httpx.ReadTimeout("slow")

    with pytest.raises(CentralUnreachableError):
        _client(answer).stations()
    assert len(attempts) == 1


def test_a_refusal_is_not_tried_again_and_keeps_its_class_code_message_and_hint() -> None:
    attempts = []
    error = TrainError("The kernel is old.", "Build it again.", code="kernel-not-in-catalogue")

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        return httpx.Response(422, content=problem_of(error, 422, "x").model_dump_json())

    with raises_code(TrainError, "kernel-not-in-catalogue") as refused:
        _client(answer).stations()
    assert (str(refused.value), refused.value.hint) == (str(error), error.hint)
    assert len(attempts) == 1


@pytest.mark.parametrize("kind", [OrderExpiredError, NotOnRosterError, CentralError])
def test_each_error_comes_back_as_its_class(kind: type[PhtlabError]) -> None:
    body = problem_of(kind("No."), 422, "x").model_dump_json().encode()
    assert type(error_of(422, body, URL)) is kind


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"title": 1}'])
def test_an_answer_of_another_service_is_told_so(body: bytes) -> None:
    with raises_code(CentralError, "central-no-reason"):
        _client(lambda request: httpx.Response(502, content=body)).stations()


def test_a_success_of_another_form_is_told_so() -> None:
    with raises_code(CentralError, "central-answer"):
        _client(lambda request: httpx.Response(200, json={"a": 1})).stations()


def test_each_request_is_signed_for_this_central() -> None:
    import jwt

    def answer(request: httpx.Request) -> httpx.Response:
        scheme, token = request.headers["Authorization"].split()
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (scheme, claims["iss"], claims["aud"]) == ("Bearer", "ada", "central@pht")
        return httpx.Response(200, json={"trains": []})

    assert _client(answer).trains() == ()


def test_a_token_is_sent_again_for_some_seconds_by_a_clock_that_does_not_go_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["Authorization"])
        return httpx.Response(200, json={"trains": []})

    class Shifted(datetime):
        seconds = 0.0

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2026, 5, 4, 12, 0, tzinfo=tz) + timedelta(seconds=cls.seconds)

    monkeypatch.setattr(connection, "datetime", Shifted)
    client = _client(answer)
    # As minted; again; too old; of the future, as after a clock was corrected.
    for Shifted.seconds in (0, 14, 15, 10):
        client.trains()
    assert tokens[0] == tokens[1]
    assert len(set(tokens)) == 3


def test_without_a_key_the_hub_s_token_is_shown_and_with_one_it_is_not() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"].partition(" ")[::2])
        return httpx.Response(200, json=[])

    _client(answer, None, "hub-secret").stations()
    _client(answer, ADA, "hub-secret").stations()
    assert seen[0] == ("token", "hub-secret")
    assert seen[1][0] == "Bearer"
    assert "hub-secret" not in seen[1][1]


@pytest.mark.parametrize("shown", [{"identity": ADA}, {"hub_token": "hub-secret"}])
def test_a_central_of_another_consortium_gets_no_token(shown: dict[str, Any]) -> None:
    transport = httpx.MockTransport(lambda request: _info())
    with (
        CentralClient(URL, **shown, consortium=lambda: "other", transport=transport) as client,
        raises_code(CentralError, "central-consortium"),
    ):
        client.stations()


def test_without_a_key_the_message_says_how_to_get_one() -> None:
    with raises_code(CentralError, "unauthenticated"):
        _client(lambda request: httpx.Response(200), identity=None).stations()


def test_a_long_poll_asks_no_longer_than_central_allows() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["wait"] == "50.0"
        assert request.extensions["timeout"]["read"] > 50
        return httpx.Response(200, json={"cursor": 4, "offers": []})

    assert _client(answer).inbox(after=3, wait=900).cursor == 4


def test_rounds_are_polled_after_what_is_known_and_no_longer_than_central_allows() -> None:
    polled: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        polled.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
        assert request.url.params["after"] == "3"
        assert request.url.params["wait"] == "50.0"
        assert request.extensions["timeout"]["read"] > 50
        rounds = request.url.path.endswith("/rounds")
        return httpx.Response(200, text='{"cursor": 4}' if rounds else '{"instructions": []}')

    client = _client(answer)
    assert client.rounds("sha256:j", 3, 900) == Rounds(cursor=4)
    assert client.instructions("sha256:j", 3, 900) == Instructions()
    assert polled == [f"GET /journeys/sha256:j/{what}" for what in ("rounds", "instructions")]


def test_what_is_known_of_the_end_is_said_only_if_there_is_something_to_say() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("finishing"))
        return httpx.Response(200, text='{"cursor": 4, "finishing": true}')

    client = _client(answer)
    for known in (False, True):
        assert client.rounds("sha256:j", finishing=known) == Rounds(cursor=4, finishing=True)
    assert asked == [None, "true"]


def test_a_lost_answer_to_a_document_of_rounds_is_sent_again() -> None:
    """Central takes the same document twice, so that no answer is needed to know what it has."""
    sent: list[tuple[str, str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1/journeys/sha256:j")
        sent.append((request.method, path, request.content))
        if len(sent) % 2:
            raise httpx.ReadError("the line was cut")
        return httpx.Response(204)

    document = sign_statement(ADA, "https://phtlab.org/x/v1", {}, {})
    instruction = SentInstruction(instruction=document, values="dmFsdWVz")
    record = SentRound(record=document, update="dXBkYXRl")
    client = _client(answer)
    client.put_instruction("sha256:j", instruction)
    client.put_round("sha256:j", "ulm", 2, record)
    expected = [
        ("POST", "/instructions", instruction.model_dump_json().encode()),
        ("PUT", "/rounds/ulm/2", record.model_dump_json().encode()),
    ]
    assert sent == [expected[0], expected[0], expected[1], expected[1]]


def test_an_endless_outage_ends_the_stream_with_a_message() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with raises_code(CentralUnreachableError, "central-unreachable"):
        list(_client(answer).events(patience=5))


def test_news_are_stations_and_stops_and_taken_up_after_the_last_number() -> None:
    stop = {"station": "ulm", "number": 0, "state": "running", "updated": "2026-01-01T00:00:00Z"}
    event = {"number": 7, "journey": f"sha256:{'0' * 64}", "stop": stop}
    station = [{"name": "ulm", "online": True, "running": 1}]
    lines = f"event: stations\ndata: {json.dumps(station)}\n\n"
    lines += f"id: 7\nevent: stop\ndata: {json.dumps(event)}\n\n"
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        return httpx.Response(200, content=lines, headers={"Content-Type": "text/event-stream"})

    news = _client(answer).changes(after=3)
    first, second, again = next(news), next(news), next(news)
    assert isinstance(first, tuple) and first[0].running == 1 and first[0].waiting == 0
    assert isinstance(second, JourneyEvent) and second.stop.station == "ulm"
    assert again == first
    assert asked == ["3", "7"]


def test_tuf_s_fetcher_raises_only_tuf_s_errors() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "missing" in request.url.path:
            return httpx.Response(404)
        raise httpx.ConnectError("refused")

    client = _client(answer)
    fetcher = client.tuf_fetcher()
    with pytest.raises(DownloadHTTPError) as missing:
        fetcher.download_bytes(f"{client.metadata_url}missing.json", 100)
    assert missing.value.status_code == 404
    with pytest.raises(DownloadError) as down:
        fetcher.download_bytes(f"{client.metadata_url}root.json", 100)
    assert not isinstance(down.value, DownloadHTTPError)


def _stream(*lines: str, kind: str = "text/event-stream") -> CentralClient:
    headers = {"Content-Type": kind}
    content = "\n".join(lines)
    return _client(lambda _: httpx.Response(200, text=content, headers=headers))


def _stop(number: int, sentence: str = "") -> str:
    stop = StopView(
        station="ulm", number=1, state="refused", sentence=sentence, updated=datetime.now(UTC)
    )
    event = JourneyEvent(number=number, journey=f"sha256:{'0' * 64}", stop=stop)
    return event.model_dump_json()


def test_a_stream_of_events_is_read_as_the_standard_says() -> None:
    first, cut_off = _stop(7), _stop(9)
    half = first.index(",") + 1
    client = _stream(
        *(": hello", "", "id: 7", "event: stop", f"data: {first[:half]}", f"data: {first[half:]}"),
        *("", "data:x", "", ": still here", "", "event: stop", "id: 8", f"data:{_stop(8)}", ""),
        *("event: end", "data: {}", "", "event: stop", f"data: {cut_off}"),
    )
    assert [event.number for event in client.events()] == [7, 8]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_a_line_feed_ends_a_line_of_a_stream(separator: str) -> None:
    """A station writes the sentence: it must not break the stream of who reads it."""
    told = _stop(7, f"No{separator}data: never")
    client = _stream("event: stop", f"data: {told}", "", "event: end", "data: {}", "", "")
    assert [event.stop.sentence for event in client.events()] == [f"No{separator}data: never"]


def test_an_event_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_ANSWER_BYTES", 2**12)
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b": hello\n\n" * 2**10  # any number of events, each of which ends
        while True:
            read += 1
            yield b"data: x\n" * 2**4

    answer = httpx.Response(200, content=endless(), headers={"Content-Type": "text/event-stream"})
    with raises_code(CentralError, "central-answer"):
        list(_client(lambda _: answer).events())
    assert read == 2**5


def test_a_page_is_no_stream_of_events() -> None:
    with raises_code(CentralError, "central-answer"):
        list(_stream("<html>", kind="text/html").events())


def test_a_problem_travels_without_loss() -> None:
    problem = problem_of(TrainError("Why.", "What next.", code="train-unknown"), 404, "Not Found")
    assert json.loads(problem.model_dump_json()) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "train-unknown",
        "family": "train",
        "detail": "Why.",
        "hint": "What next.",
    }


def test_a_problem_of_a_central_that_names_no_hint_is_read() -> None:
    body = b'{"title": "x", "status": 404, "code": "not-found", "detail": "Gone."}'
    error = error_of(404, body, URL)
    assert (str(error), error.hint, str(error)) == ("Gone.", "", "Gone.")


@pytest.mark.parametrize("ask", [CentralClient.stations, lambda client: list(client.events())])
def test_a_client_that_another_thread_closed_says_so(ask: Callable[[CentralClient], Any]) -> None:
    waits: list[float] = []
    transport = httpx.MockTransport(lambda request: _info())
    client = CentralClient(URL, ADA, transport=transport, sleep=waits.append)
    client.info()
    client.close()
    with raises_code(CentralUnreachableError, "central-unreachable"):
        ask(client)
    assert waits == []  # it does not come back


def test_trust_over_a_closed_client_is_a_download_that_failed() -> None:
    client = _client(lambda request: httpx.Response(200))
    client.close()
    with pytest.raises(DownloadError) as caught:
        list(client.tuf_fetcher().fetch(f"{URL}/api/v1/tuf/metadata/1.root.json"))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_mistake_of_ours_is_not_taken_for_a_closed_client() -> None:
    mistake = RuntimeError("ours")

    def answer(request: httpx.Request) -> httpx.Response:
        raise mistake

    with pytest.raises(RuntimeError) as caught:
        _client(answer).stations()
    assert caught.value is mistake


def test_journeys_are_read_page_by_page_and_pages_without_end_are_refused() -> None:
    asked: list[str | None] = []
    following = {None: 40, "40": 20, "20": None}

    def answer(request: httpx.Request) -> httpx.Response:
        before = request.url.params.get("before")
        asked.append(before)
        return httpx.Response(200, json={"journeys": [], "next": following[before]})

    with _client(answer) as client:
        assert [*client.all_journeys()] == []
        assert asked == [None, "40", "20"]
        following["20"] = 20
        with pytest.raises(CentralError) as refused:
            list(client.all_journeys())
    assert refused.value.code == "pages"
