"""The look for all waiting stations: what no hint told of is found, and told to those concerned."""

from __future__ import annotations

import asyncio
import threading

from sqlalchemy import text

from phtlab.central.changes import bus
from phtlab.central.changes.bus import ChangeBus
from phtlab.central.changes.database_watch import DatabaseWatch
from phtlab.wire.api.journeys import Inbox, StopUpdate
from tests.central.round_series import RoundSeries
from tests.central.world import World


def _told(central: World, *looks: object) -> list[set[str]]:
    """The topics that each look tells of; between two looks, what `looks` does happens."""
    heard: list[set[str]] = []

    class Heard(ChangeBus):
        def notify(self, topics) -> None:  # type: ignore[no-untyped-def]
            heard[-1] |= set(topics)

        def notify_all(self) -> None:
            heard[-1].add("all")

    watch = DatabaseWatch(central.services.database, Heard(), 1.0)
    for happen in (lambda: None, *looks):
        happen()  # type: ignore[operator]
        heard.append(set())
        watch.poll()
    return heard


def test_a_look_tells_of_the_stations_with_a_change_since_the_last_one(central: World) -> None:
    journeys = []

    heard = _told(
        central,
        lambda: None,
        lambda: journeys.append(central.journey("ulm", "mainz")),
        lambda: central.client("ulm").update_stop(
            journeys[0].id, "ulm", StopUpdate(state="running", cell=1, cells=2)
        ),
        lambda: None,
        lambda: central.client("ada").cancel(journeys[0].id),
    )

    both = {bus.of_station("ulm"), bus.of_station("mainz")}
    # A change of the one's stop wakes the other once too often, which is only a look.
    assert heard == [{"all"}, set(), both, both, set(), both]


def test_a_look_tells_of_the_journeys_whose_rounds_went_on(central: World) -> None:
    series = RoundSeries.ordered(central)

    heard = _told(
        central,
        lambda: series.compute("ulm", 1),
        lambda: None,
        lambda: series.instruct(),
        lambda: series.depart("ulm"),
    )

    waiting = {bus.of_rounds(series.id), bus.of_instructions(series.id)}
    stations = {bus.of_station("ulm"), bus.of_station("mainz")}
    assert heard == [{"all"}, waiting, set(), waiting, stations]


def test_a_database_that_was_set_back_wakes_everyone(central: World) -> None:
    def set_back() -> None:
        with central.services.database.note() as session:
            session.execute(text("UPDATE clock SET number = 0"))

    assert _told(central, lambda: central.journey("ulm"), set_back)[-1] == {"all"}


def test_a_waiting_station_hears_of_a_journey_that_no_hint_told_of(central: World) -> None:
    database = central.services.database
    tell, database._report = database._report, lambda topics: None
    got: list[Inbox] = []
    client = central.client("ulm")
    thread = threading.Thread(target=lambda: got.append(client.inbox(0, wait=30)))
    try:
        thread.start()
        while central.services.bus.waiting == 0:
            thread.join(0.01)
        journey = central.journey("ulm")
        thread.join(20)
    finally:
        database._report = tell

    assert [offer.journey for offer in got[0].offers] == [journey.id]


def test_everyone_who_waits_is_woken() -> None:
    async def wait() -> list[bool]:
        hints = ChangeBus()
        hints.open()
        with hints.subscribe("station:a") as one, hints.subscribe("member:b") as other:
            hints.notify_all()
            return [await one.wait(5), await other.wait(5)]

    assert asyncio.run(wait()) == [True, True]
