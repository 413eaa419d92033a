"""Events: server-sent, in one order, taken up where a connection broke."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx

from phtlab.errors import CentralError, CentralUnreachableError
from phtlab.wire.api.journeys import JourneyEvent, StopUpdate
from phtlab.wire.central.client import CentralClient
from tests.central.world import World
from tests.limits import LIMIT, join
from tests.raising import raises_code


def _running(cell: int) -> StopUpdate:
    return StopUpdate(state="running", cell=cell, cells=3)


def test_the_stream_tells_a_journey_from_its_start_to_its_end(central: World) -> None:
    journey = central.journey("ulm", "mainz")
    told: list[JourneyEvent] = []
    first = threading.Event()

    def listen() -> None:
        for event in central.client("ada").events(journey.id):
            told.append(event)
            first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert first.wait(LIMIT)
    ulm, mainz = central.client("ulm"), central.client("mainz")
    ulm.update_stop(journey.id, "ulm", _running(1))
    ulm.put_record(journey.id, "ulm", central.record(journey, "ulm"))
    mainz.put_record(journey.id, "mainz", central.record(journey, "mainz", "refused"))
    join(listener)
    assert [(event.stop.station, event.stop.state) for event in told] == [
        ("ulm", "offered"),
        ("mainz", "offered"),
        ("ulm", "running"),
        ("ulm", "departed"),
        ("mainz", "refused"),
    ]
    numbers = [event.number for event in told]
    assert numbers == sorted(set(numbers))


def test_the_stream_resumes_after_the_last_event_seen(central: World) -> None:
    journey = central.journey("ulm")
    ulm = central.client("ulm")
    for cell in (1, 2, 3):
        ulm.update_stop(journey.id, "ulm", _running(cell))
    ulm.put_record(journey.id, "ulm", central.record(journey, "ulm"))
    ada = central.client("ada")
    everything = list(ada.events(journey.id))
    assert list(ada.events(journey.id, after=everything[2].number)) == everything[3:]


def test_a_cut_connection_is_taken_up_without_a_gap(central: World) -> None:
    journey = central.journey("ulm")
    ulm = central.client("ulm")
    for cell in (1, 2, 3):
        ulm.update_stop(journey.id, "ulm", _running(cell))
    ulm.put_record(journey.id, "ulm", central.record(journey, "ulm"))
    whole = list(central.client("ada").events(journey.id))
    with CentralClient(
        central.url,
        central.identity("ada"),
        transport=_CutAfterTwoEvents(),
        sleep=lambda seconds: None,
    ) as cut:
        assert list(cut.events(journey.id)) == whole


def test_all_of_one_s_journeys_in_one_stream(central: World) -> None:
    first, second = central.journey("ulm"), central.journey("mainz")
    events = central.client("ada").events()
    assert [next(events).journey for _ in range(2)] == [first.id, second.id]
    central.client("mainz").update_stop(second.id, "mainz", _running(1))
    assert next(events).stop.cell == 1


def test_the_stream_of_a_stranger_s_journey_is_not_found(central: World) -> None:
    journey = central.journey("ulm")
    with raises_code(CentralError, "not-found"):
        next(central.client("bob").events(journey.id))


def test_a_strange_last_event_id_is_refused(small_central: World) -> None:
    answer = small_central.request(
        "GET", "/api/v1/events", as_="ada", headers={"Last-Event-ID": "later"}
    )
    assert answer.status_code == 422
    assert "Last-Event-ID must be the number of an event" in answer.json()["detail"]


def test_events_carry_no_record(central: World) -> None:
    journey = central.journey("ulm")
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    *_, last = central.client("ada").events(journey.id)
    assert last.stop.state == "departed"
    assert last.stop.record is None


def test_closing_a_client_ends_the_streams_that_others_wait_at(small_central: World) -> None:
    ada = small_central.client("ada")
    heard: list[str] = []
    waiting = threading.Event()

    def listen() -> None:
        try:
            for _ in ada.changes(patience=0.0):
                waiting.set()
        except CentralUnreachableError as gone:
            heard.append(gone.code)

    listener = threading.Thread(target=listen)
    listener.start()
    assert waiting.wait(LIMIT)
    ada.close()
    listener.join(10)
    assert heard == ["central-unreachable"]


class _CutAfterTwoEvents(httpx.BaseTransport):
    """A network that cuts each stream after its second event."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._real.handle_request(request)
        if "/events" not in request.url.path:
            return response
        return httpx.Response(response.status_code, headers=response.headers, stream=_Cut(response))

    def close(self) -> None:
        self._real.close()


class _Cut(httpx.SyncByteStream):
    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        whole, events = b"", 0
        for chunk in self._response.stream:  # type: ignore[union-attr]
            whole += chunk
            yield chunk
            events = whole.count(b"event: stop")
            if events >= 2:
                raise httpx.ReadError("cut")

    def close(self) -> None:
        self._response.close()
