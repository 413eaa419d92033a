"""Trains and journeys: what central takes, shows and refuses."""

from __future__ import annotations

import threading
from datetime import timedelta

from phtlab.errors import (
    CentralError,
    JourneyError,
    NotOnRosterError,
    OrderError,
    OrderExpiredError,
    SignatureError,
    TrainError,
)
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from tests.central.world import World
from tests.limits import LIMIT, join
from tests.raising import raises_code


def test_train_submitted_twice_is_one_train(central: World) -> None:
    ada = central.client("ada")
    envelope = central.train()
    first = ada.submit_train(envelope)
    assert ada.submit_train(central.train()) == first
    assert [train.digest for train in ada.trains()] == [first.digest]
    assert (first.name, first.author, first.repository) == ("heart", "ada", "trains/ada/heart")
    assert ada.train(first.digest).envelope == envelope


def test_new_train_answers_created_and_known_train_ok(small_central: World) -> None:
    body = small_central.train().to_bytes()
    answers = [
        small_central.request("POST", "/api/v1/trains", as_="ada", content=body).status_code
        for _ in range(2)
    ]
    assert answers == [201, 200]


def test_train_changed_after_signing_is_refused(central: World) -> None:
    envelope = central.train()
    other = central.train(name="other")
    changed = Envelope(
        payload=other.payload, payloadType=envelope.payloadType, signatures=envelope.signatures
    )
    with raises_code(SignatureError, "signature"):
        central.client("ada").submit_train(changed)


def test_train_of_someone_else_is_refused(central: World) -> None:
    with raises_code(CentralError, "forbidden"):
        central.client("bob").submit_train(central.train())


def test_train_of_a_station_is_refused(central: World) -> None:
    with raises_code(TrainError, "train-role"):
        central.client("ulm").submit_train(central.train(author="ulm"))


def test_train_by_a_stranger_is_refused(central: World) -> None:
    central.founding.identities["eve"] = Identity.generate("eve")
    try:
        with raises_code(NotOnRosterError, "not-on-roster"):
            central.client("eve").submit_train(central.train(author="eve"))
    finally:
        del central.founding.identities["eve"]


def test_unknown_train_is_not_found(central: World) -> None:
    with raises_code(CentralError, "not-found"):
        central.client("ada").train(digest(b"nothing"))


def test_journey_submitted_twice_is_one_journey(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    order = central.order("ulm", "mainz")
    first = ada.submit_journey(order)
    assert ada.submit_journey(order) == first
    assert first.id == order.digest
    assert [(stop.station, stop.state) for stop in first.stops] == [
        ("ulm", "offered"),
        ("mainz", "offered"),
    ]
    assert [journey.id for journey in ada.journeys().journeys] == [first.id]


def test_the_same_order_from_many_threads_is_one_journey(central: World) -> None:
    central.client("ada").submit_train(central.train())
    order = central.order("ulm")
    views, clients = [], [central.client("ada") for _ in range(6)]
    together = threading.Barrier(len(clients))

    def submit(client: object) -> None:
        together.wait(LIMIT)
        views.append(client.submit_journey(order))  # type: ignore[attr-defined]

    threads = [threading.Thread(target=submit, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert len(views) == 6
    assert len({view.model_dump_json() for view in views}) == 1
    assert len(central.client("ulm").inbox().offers) == 1


def test_order_of_an_unknown_train_is_refused(central: World) -> None:
    with raises_code(TrainError, "train-unknown"):
        central.client("ada").submit_journey(central.order("ulm", train=digest(b"unknown")))


def test_order_for_an_unknown_station_names_the_known_ones(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    with raises_code(NotOnRosterError, "order-station-unknown"):
        ada.submit_journey(central.order("ulm", "bonn"))


def test_expired_order_is_refused(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    order = central.order(
        "ulm",
        change=lambda o: o.model_copy(
            update={
                "issued": o.issued - timedelta(days=2),
                "expires": o.issued - timedelta(days=1),
            }
        ),
    )
    with raises_code(OrderExpiredError, "order-expired"):
        ada.submit_journey(order)


def test_order_that_lives_for_ever_is_refused(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    order = central.order(
        "ulm",
        change=lambda o: o.model_copy(update={"expires": o.issued + timedelta(days=400)}),
    )
    with raises_code(OrderError, "order-lifetime"):
        ada.submit_journey(order)


def test_order_that_is_too_large_is_refused(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    order = central.order(
        "ulm",
        change=lambda o: o.model_copy(update={"parameters": {"text": "x" * 300_000}}),
    )
    with raises_code(CentralError, "too-large"):
        ada.submit_journey(order)


def test_order_of_someone_else_is_refused(central: World) -> None:
    central.client("ada").submit_train(central.train())
    with raises_code(CentralError, "forbidden"):
        central.client("bob").submit_journey(central.order("ulm"))


def test_journey_is_seen_by_its_parties_only(central: World) -> None:
    journey = central.journey("ulm")
    assert central.client("ulm").journey(journey.id) == journey
    for stranger in ("bob", "mainz", "vera"):
        with raises_code(CentralError, "not-found"):
            central.client(stranger).journey(journey.id)
        assert central.client(stranger).journeys().journeys == ()


def test_recipient_sees_the_journey(central: World) -> None:
    journey = central.journey("ulm", recipients=("bob",))
    assert central.client("bob").journeys().journeys == (journey,)


def test_journeys_come_in_pages_newest_first(central: World) -> None:
    ada = central.client("ada")
    ada.submit_train(central.train())
    ids = [ada.submit_journey(central.order("ulm")).id for _ in range(5)]
    seen, before = [], None
    while True:
        page = ada.journeys(limit=2, before=before)
        seen += [journey.id for journey in page.journeys]
        if page.next is None:
            break
        before = page.next
    assert seen == ids[::-1]


def test_cancel_reaches_the_stations_and_is_idempotent(central: World) -> None:
    journey = central.journey("ulm")
    ulm, ada = central.client("ulm"), central.client("ada")
    cursor = ulm.inbox().cursor
    cancelled = ada.cancel(journey.id)
    assert cancelled.cancelled
    inbox = ulm.inbox(after=cursor, wait=30)
    assert inbox.cursor > cursor
    assert [offer.cancelled for offer in inbox.offers] == [True]
    assert ada.cancel(journey.id) == cancelled
    assert ulm.inbox().cursor == inbox.cursor


def test_only_the_researcher_cancels(central: World) -> None:
    journey = central.journey("ulm", recipients=("bob",))
    for other in ("bob", "ulm"):
        with raises_code(CentralError, "forbidden"):
            central.client(other).cancel(journey.id)


def test_a_done_journey_cannot_be_cancelled(central: World) -> None:
    journey = central.journey("ulm")
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    with raises_code(JourneyError, "journey-done"):
        central.client("ada").cancel(journey.id)
