"""How central fares: health, readiness, metrics and logs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from phtlab.central.api.request_log import configure_logs
from phtlab.central.context import CentralContext
from phtlab.central.server import serving
from phtlab.wire.api.journeys import StopUpdate
from tests.central.world import Clock, Founding, World


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What central writes to standard error."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logs()
    return written


def test_health_is_answered_by_the_process_alone(small_central: World) -> None:
    answer = small_central.request("GET", "/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readiness_names_what_is_missing(central: World) -> None:
    answer = central.request("GET", "/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": True, "registry": False, "roster": True}


def test_info_says_what_a_client_needs(small_central: World) -> None:
    info = small_central.client(None).info()
    assert (info.consortium, info.audience) == ("pht", "central@pht")
    assert (info.journey_days, info.train_days) == (90, 180)


def test_metrics_count_requests_stops_and_waiting(central: World) -> None:
    central.journey("ulm", "mainz")
    text = central.request("GET", "/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["phtlab_central_requests_total", "/api/v1/journeys", "201", "POST"] == 1
    assert samples["phtlab_central_stops", "offered"] == 2
    assert samples["phtlab_central_journeys",] == 1
    assert samples["phtlab_central_waiting",] == 0


def test_metrics_can_be_switched_off(tmp_path: Path, founding: Founding) -> None:
    settings = founding.central.settings.model_copy(
        update={"database": f"sqlite:///{tmp_path / 'c.sqlite'}", "metrics": False}
    )
    services = CentralContext.of(settings)
    with serving(settings, services) as url:
        world = World(url, settings, services, founding, Clock())
        assert world.request("GET", "/metrics").status_code == 404
        world.close()


def test_logs_say_who_did_what_and_never_what_was_said(
    small_central: World, log: io.StringIO
) -> None:
    canary = "CANARY-5f3a"
    journey = small_central.journey("ulm")
    update = StopUpdate(state="running", sentence=canary, code=canary)
    small_central.client("ulm").update_stop(journey.id, "ulm", update)
    answer = small_central.request(
        "GET",
        f"/api/v1/journeys?limit=1&secret={canary}",
        as_="ada",
        headers={"X-Request-ID": "request-of-ada-1"},
    )
    small_central.request("POST", "/api/v1/trains", as_="ada", content=canary.encode())
    assert answer.headers["X-Request-ID"] == "request-of-ada-1"
    text = log.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert canary not in text
    assert "eyJ" not in text  # how every token begins
    (line,) = [line for line in lines if line["request"] == "request-of-ada-1"]
    assert (line["member"], line["method"], line["status"]) == ("ada", "GET", 200)
    assert line["route"] == "/api/v1/journeys"
    assert line["ms"] >= 0


def test_a_fault_is_logged_without_what_was_sent(
    small_central: World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        secret = "CANARY-9c1d"
        raise RuntimeError(len(secret))

    monkeypatch.setattr("phtlab.central.api.routes.trains.visible_trains", broken)
    answer = small_central.request("GET", "/api/v1/trains", as_="ada")
    assert answer.status_code == 500
    assert answer.json()["code"] == "broken"
    assert "RuntimeError" not in answer.text
    assert "CANARY" not in log.getvalue()
    assert "broken" in log.getvalue()


def test_a_strange_request_id_is_not_taken_over(small_central: World) -> None:
    answer = small_central.request("GET", "/health", headers={"X-Request-ID": "a b;c"})
    assert answer.headers["X-Request-ID"] != "a b;c"
