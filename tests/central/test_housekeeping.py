"""What central does by itself."""

from __future__ import annotations

from datetime import timedelta

from phtlab.central.housekeeping import close_expired, forget_events
from phtlab.errors import PhtlabError
from phtlab.wire.api.journeys import StopUpdate
from tests.central.world import World


def test_stops_that_nobody_took_are_closed_after_the_order_expired(central: World) -> None:
    journey = central.journey("ulm", "mainz")
    central.client("mainz").update_stop(journey.id, "mainz", StopUpdate(state="running"))
    assert close_expired(central.services) == 0
    central.clock.ahead = timedelta(days=8, seconds=1)
    assert close_expired(central.services) == 1
    central.clock.ahead = timedelta(0)
    stops = central.client("ada").journey(journey.id).stops
    assert [(stop.state, stop.code) for stop in stops] == [
        ("cancelled", "order-expired"),
        ("running", ""),
    ]
    assert "ulm did not take the order before it expired" in stops[0].sentence
    assert central.client("ulm").inbox().offers == ()


def test_a_closed_stop_wakes_its_station_once_more(central: World) -> None:
    central.journey("ulm")
    ulm = central.client("ulm")
    cursor = ulm.inbox().cursor
    central.clock.ahead = timedelta(days=9)
    close_expired(central.services)
    central.clock.ahead = timedelta(0)
    assert ulm.inbox().cursor > cursor


def test_old_events_are_forgotten(central: World) -> None:
    journey = central.journey("ulm")
    forget_events(central.services)
    assert len(_events(central, journey.id)) == 1
    central.clock.ahead = timedelta(days=31)
    forget_events(central.services)
    central.clock.ahead = timedelta(0)
    assert _events(central, journey.id) == []


def test_a_chore_that_fails_does_not_stop_the_others(central: World) -> None:
    from phtlab.central.housekeeping import _attempt

    def failing(_: object) -> None:
        raise PhtlabError("no")

    def broken(_: object) -> None:
        raise RuntimeError

    _attempt(failing, central.services)
    _attempt(broken, central.services)


def _events(central: World, journey: str) -> list[object]:
    from phtlab.central.journeys.events import events_after

    with central.services.database.read() as session:
        member = central.services.publication.current().roster.member("ada")
        return list(events_after(session, member, 0, journey))
