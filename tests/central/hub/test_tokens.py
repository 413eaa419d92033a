"""Tokens of a hub's users: what their scopes name, as the member of that name, and no more."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from io import StringIO

import httpx
import jwt
import pytest
import structlog

from phtlab.central.api import event_streams
from phtlab.central.hub import users as hub_module
from phtlab.central.hub.users import MAX_REMEMBERED, REMEMBERED_SECONDS
from phtlab.central.journeys import station_board
from phtlab.errors import CentralError, HubUnreachableError, NotOnRosterError
from phtlab.wire.api.journeys import StationProfile
from phtlab.wire.registry.cargo import values_repository
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.round_series import RoundSeries
from tests.central.world import World
from tests.limits import LIMIT, join
from tests.raising import raises_code


def test_a_reader_sees_what_the_member_of_that_name_sees(
    hub_central: World, hub: HubSimulator
) -> None:
    journey = hub_central.journey("ulm")
    ada = hub_central.client(None, hub.token("ada", ["read"]))
    assert [station.name for station in ada.stations()] == [
        "ulm",
        "mainz",
        "jena",
        "adder",
        "tally",
    ]
    assert ada.journey(journey.id) == journey
    assert ada.journeys().journeys == (journey,)
    assert len(ada.trains()) == 1
    bob = hub_central.client(None, hub.token("bob", ["read"]))
    assert bob.journeys().journeys == ()
    with raises_code(CentralError, "not-found") as hidden:
        bob.journey(journey.id)
    with pytest.raises(CentralError) as missing:
        bob.journey(f"sha256:{'0' * 64}")
    assert hidden.value.code == missing.value.code == "not-found"


def test_sending_needs_the_scope_and_the_member_s_own_signature(
    hub_central: World, hub: HubSimulator
) -> None:
    train, reader = hub_central.train(), hub_central.client(None, hub.token("ada", ["read"]))
    with raises_code(CentralError, "hub-scope"):
        reader.submit_train(train)
    ada = hub_central.client(None, hub.token("ada", ["read", "dispatch"]))
    ada.submit_train(train)
    journey = ada.submit_journey(hub_central.order("ulm"))
    with raises_code(CentralError, "hub-scope"):
        reader.cancel(journey.id)
    assert ada.cancel(journey.id).cancelled
    bob = hub_central.client(None, hub.token("bob", ["read", "dispatch"]))
    with raises_code(CentralError, "forbidden"):
        bob.submit_train(hub_central.train(name="lung"))


def test_a_scope_counts_for_its_own_user_only(hub_central: World, hub: HubSimulator) -> None:
    own = hub.token("ada", ["custom:phtlab:read!user=ada"])
    others = hub.token("ada", ["custom:phtlab:read!user=bob", "custom:phtlab:reader", "admin:hub"])
    assert hub_central.client(None, own).stations()
    with raises_code(CentralError, "hub-scope"):
        hub_central.client(None, others).stations()


def test_who_is_no_member_sees_the_stations_and_is_told_why_no_more(
    hub_central: World, hub: HubSimulator
) -> None:
    eve = hub_central.client(None, hub.token("eve", ["read", "dispatch"]))
    assert {station.name for station in eve.stations()} >= {"ulm", "mainz", "jena"}
    for ask in (eve.journeys, eve.trains, lambda: eve.journey(f"sha256:{'0' * 64}")):
        with raises_code(NotOnRosterError, "not-on-roster"):
            ask()
    answer = hub_central.request("GET", "/api/v1/journeys", hub_token=hub.token("eve", ["read"]))
    assert answer.status_code == 403
    assert answer.json()["code"] == "not-on-roster"
    assert "bob" not in answer.text


def test_no_token_of_a_hub_acts_as_a_station(hub_central: World, hub: HubSimulator) -> None:
    """Not even that of a hub user who is called as the station is."""
    journey = hub_central.journey("ulm")
    ulm = hub_central.client(None, hub.token("ulm", hub_module.SCOPES))
    for act in (ulm.inbox, lambda: ulm.put_profile(StationProfile())):
        with raises_code(CentralError, "forbidden"):
            act()
    with raises_code(CentralError, "forbidden"):
        ulm.put_record(journey.id, "ulm", hub_central.record(journey, "ulm"))
    with pytest.raises(NotOnRosterError):
        ulm.journey(journey.id)


@pytest.mark.parametrize(
    ("scopes", "asked", "had"),
    [
        (["read"], "trains/ada/heart:pull,push", ["pull"]),
        (["read", "dispatch"], "trains/ada/heart:pull,push", ["pull", "push"]),
        (["dispatch"], "trains/ada/heart:pull,push", ["pull", "push"]),
        (["dispatch"], "kernels/python:pull", []),
        (["read", "dispatch"], "kernels/python:pull,push", ["pull"]),
        (["read", "dispatch"], "trains/bob/heart:push", []),
        (["read", "dispatch"], "trains/adam/heart:push", []),
    ],
)
def test_the_registry_s_token_has_what_the_scopes_leave_of_the_member_s_rights(
    hub_central: World, hub: HubSimulator, scopes: list[str], asked: str, had: list[str]
) -> None:
    client = hub_central.client(None, hub.token("ada", scopes))
    token = client.registry_token([f"repository:{asked}"])
    claims = jwt.decode(token, options={"verify_signature": False})
    assert [action for access in claims["access"] for action in access["actions"]] == had


def test_a_hub_token_that_may_dispatch_combines_rounds(
    hub_central: World, hub: HubSimulator
) -> None:
    """The journey's own key, which is in the kernel, signs the instruction."""
    series = RoundSeries.ordered(hub_central)
    series.compute("ulm", 1)
    values = values_repository(series.id)
    granted = {}
    for scopes in (["read"], ["dispatch"]):
        client = hub_central.client(None, hub.token("ada", scopes))
        token = client.registry_token([f"repository:{values}:pull,push"])
        (access,) = jwt.decode(token, options={"verify_signature": False})["access"]
        granted[scopes[0]] = access["actions"]
    assert granted == {"read": ["pull"], "dispatch": ["pull", "push"]}
    sent = series.instruction(values=b"values")
    reading, sending = (hub_central.client(None, hub.token("ada", [s])) for s in granted)
    with raises_code(CentralError, "hub-scope"):
        reading.put_instruction(series.id, sent)
    sending.put_instruction(series.id, sent)
    assert reading.instructions(series.id).instructions == (sent,)
    assert len(reading.rounds(series.id).rounds) == 1


def test_an_officer_s_hub_token_pushes_no_kernels(hub_central: World, hub: HubSimulator) -> None:
    scope = "repository:kernels/python:pull,push"
    by_key = hub_central.client("vera").registry_token([scope])
    by_hub = hub_central.client(None, hub.token("vera", hub_module.SCOPES)).registry_token([scope])
    actions = [
        jwt.decode(token, options={"verify_signature": False})["access"][0]["actions"]
        for token in (by_key, by_hub)
    ]
    assert actions == [["pull", "push"], ["pull"]]


def test_what_is_no_user_s_token_is_refused(hub_central: World, hub: HubSimulator) -> None:
    service = hub.token("ada", ["read"], kind="service")
    for token in (service, "0" * 32, "short", "0" * 600, 'x" y' * 4):
        answer = hub_central.request("GET", "/api/v1/stations", hub_token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
        assert token not in answer.text
    assert hub.asked == 2  # What has not the form of a token is not carried to the hub.


@pytest.mark.parametrize("name", ["token", "access_token", "auth", "Authorization"])
def test_a_token_in_the_address_is_no_token(
    hub_central: World, hub: HubSimulator, name: str
) -> None:
    token = hub.token("ada", ["read"])
    answer = hub_central.request("GET", f"/api/v1/stations?{name}={token}")
    assert answer.status_code == 401
    answer = hub_central.request("GET", f"/api/v1/stations?{name}=token%20{token}")
    assert answer.status_code == 401


def test_a_central_without_a_hub_takes_no_such_token(small_central: World) -> None:
    answer = small_central.request("GET", "/api/v1/stations", hub_token="0" * 32)
    assert answer.status_code == 401
    assert "belongs to none" in answer.json()["detail"]


@pytest.mark.parametrize("how", ["down", "broken", "another service", "redirect"])
def test_a_hub_that_does_not_answer_opens_nothing(
    hub_central: World, hub: HubSimulator, how: str
) -> None:
    token = hub.token("ada", ["read"])
    strange = {
        "broken": httpx.Response(500),
        "another service": httpx.Response(200, json={"name": "ada"}),
        "redirect": httpx.Response(302, headers={"Location": "http://other.test"}),
    }
    hub.down, hub.strange = how == "down", strange.get(how)
    answer = hub_central.request("GET", "/api/v1/stations", hub_token=token)
    assert (answer.status_code, answer.json()["code"]) == (503, "hub-unreachable")
    assert token not in answer.text
    with pytest.raises(HubUnreachableError):
        hub_central.client(None, token).stations()
    assert hub_central.client("ada").stations(), "a member's own key needs no hub"


def test_the_hub_is_asked_once_in_half_a_minute_and_then_again(
    hub_central: World, hub: HubSimulator
) -> None:
    token = hub.token("ada", ["read"])
    client = hub_central.client(None, token)
    client.stations()
    client.stations()
    assert hub.asked == 1
    del hub.tokens[token]
    hub.seconds += REMEMBERED_SECONDS
    with raises_code(CentralError, "token-invalid"):
        client.stations()


def test_no_more_is_remembered_than_fits(
    hub: HubSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_REMEMBERED < 10_000
    monkeypatch.setattr(hub_module, "MAX_REMEMBERED", 2)
    asked, tokens = hub.hub(), [hub.token(name) for name in ("ada", "bob", "eve")]
    for token in tokens:
        asked.user_of(token)
    assert asked.user_of(tokens[2]).name == "eve"
    assert hub.asked == 3
    asked.user_of(tokens[0])
    assert hub.asked == 4
    assert not any(token in repr(vars(asked)) for token in tokens)


def test_a_stream_ends_when_the_hub_takes_the_token_back(
    hub_central: World, hub: HubSimulator
) -> None:
    token = hub.token("ada", ["read"])
    headers = {"Authorization": f"token {token}"}
    url = f"{hub_central.url}/api/v1/events"
    with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": phtlab"
        del hub.tokens[token]
        hub.seconds += REMEMBERED_SECONDS
        assert not any(line.startswith("id:") for line in lines), "and it ends by itself"


def test_a_stream_ends_when_the_scope_is_taken_away(hub_central: World, hub: HubSimulator) -> None:
    token = hub.token("ada", ["read"])
    headers = {"Authorization": f"token {token}"}
    url = f"{hub_central.url}/api/v1/events"
    with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": phtlab"
        hub.tokens[token]["scopes"] = []
        hub.seconds += REMEMBERED_SECONDS
        for _ in lines:
            pass


def test_the_log_names_the_user_and_never_the_token(hub_central: World, hub: HubSimulator) -> None:
    text = StringIO()
    before = structlog.get_config()
    token, unknown = hub.token("ada", ["read"]), "canary-of-a-token"
    try:
        structlog.configure(
            processors=[structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            logger_factory=structlog.WriteLoggerFactory(text),
        )
        for shown in (token, unknown):
            hub_central.request("GET", f"/api/v1/stations?token={shown}", hub_token=shown)
        # A line is written when its answer has been read already: also that of a request before.
        deadline = time.monotonic() + LIMIT
        while text.getvalue().count('"/api/v1/stations"') < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        structlog.configure(**before)
    written = text.getvalue()
    lines = [json.loads(line) for line in written.splitlines()]
    lines = [line for line in lines if line["route"] == "/api/v1/stations"]
    assert [(line["member"], line["by"]) for line in lines] == [("ada", "hub"), (None, None)]
    assert token not in written
    assert unknown not in written


def test_central_answers_under_its_prefix_and_without(
    hub_central: World, hub: HubSimulator
) -> None:
    token = hub.token("ada", ["read"])
    for prefix in ("", "/services/central"):
        answer = hub_central.request("GET", f"{prefix}/api/v1/stations", hub_token=token)
        assert answer.status_code == 200
        assert hub_central.request("GET", f"{prefix}/health").status_code == 200
    for path in ("/services/centralx/health", "/services/central/services/central/health"):
        assert hub_central.request("GET", path).status_code == 404
    twin = hub_central.request(
        "PUT",
        "/services/central/api/v1/stations/self/twins/heart",
        as_="ulm",
        content=b"x" * 2**22,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert twin.status_code == 404, "the size that a path allows is that of the path within"


def test_stations_are_news_when_they_come_change_and_work(
    hub_central: World, hub: HubSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "STATIONS_SECONDS", 0.05)
    news = hub_central.client(None, hub.token("ada", ["read"])).changes()
    first = next(news)
    assert isinstance(first, tuple)
    assert not any(station.online for station in first)
    ulm = hub_central.client("ulm")
    asking = threading.Thread(target=ulm.inbox)
    asking.start()
    came = next(news)
    join(asking)
    assert isinstance(came, tuple)
    assert [s.name for s in came if s.online] == ["ulm"]
    ulm.put_profile(StationProfile(version="9"))
    changed = next(news)
    assert isinstance(changed, tuple)
    assert changed[0].version == "9"
    journey = hub_central.journey("ulm")
    heard = [next(news) for _ in range(2)]
    (load,) = [event[0] for event in heard if isinstance(event, tuple)]
    assert (load.running, load.waiting) == (0, 1)
    ulm.put_record(journey.id, "ulm", hub_central.record(journey, "ulm"))
    heard = [next(news) for _ in range(2)]
    (load,) = [event[0] for event in heard if isinstance(event, tuple)]
    assert (load.running, load.waiting) == (0, 0)


def test_a_station_that_falls_silent_is_news_without_anyone_saying_so(
    hub_central: World, hub: HubSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station_board, "READ_SECONDS", 0.2)
    hub_central.client("ulm").inbox()
    news = hub_central.client(None, hub.token("ada", ["read"])).changes()
    here = next(news)
    hub_central.clock.ahead += timedelta(minutes=5)
    gone = next(news)
    assert isinstance(here, tuple)
    assert isinstance(gone, tuple)
    assert (here[0].online, gone[0].online) == (True, False)
    assert gone[0].last_seen == here[0].last_seen
