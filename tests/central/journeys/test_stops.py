"""Stops: progress for display, the signed record that ends them, and who may say what."""

from __future__ import annotations

import threading

import pytest

from phtlab.errors import CentralError, PhtlabError, RecordError
from phtlab.train.canonical import digest
from phtlab.train.documents.record import CellError
from phtlab.wire.api.journeys import StopUpdate
from phtlab.wire.central.client import CentralClient
from tests.central.world import World
from tests.limits import LIMIT, join
from tests.raising import raises_code


def test_progress_shows_in_the_journey(central: World) -> None:
    journey = central.journey("ulm")
    error = CellError(type="ValueError", cell=3, line=2)
    update = StopUpdate(state="running", cell=3, cells=5, error=error)
    view = central.client("ulm").update_stop(journey.id, "ulm", update)
    (stop,) = central.client("ada").journey(journey.id).stops
    assert stop == view
    assert (stop.state, stop.cell, stop.cells, stop.error) == ("running", 3, 5, error)


def test_a_record_makes_the_stop_final(central: World) -> None:
    journey = central.journey("ulm", "mainz")
    ulm = central.client("ulm")
    record = central.record(journey, "ulm")
    ulm.put_record(journey.id, "ulm", record)
    assert ulm.inbox().offers == ()
    late = ulm.update_stop(journey.id, "ulm", StopUpdate(state="running"))
    assert late.state == "departed"
    view = central.client("ada").journey(journey.id)
    assert [stop.state for stop in view.stops] == ["departed", "offered"]
    assert view.stops[0].record == record
    assert not view.done


def test_a_failed_record_shows_why(central: World) -> None:
    journey = central.journey("ulm")
    view = central.client("ulm").put_record(
        journey.id, "ulm", central.record(journey, "ulm", "failed")
    )
    assert (view.state, view.code, view.sentence) == ("failed", "cell-failed", "Cell 3 failed.")


def test_the_same_record_again_gives_the_same_answer(central: World) -> None:
    journey = central.journey("ulm")
    ulm, record = central.client("ulm"), central.record(journey, "ulm")
    assert ulm.put_record(journey.id, "ulm", record) == ulm.put_record(journey.id, "ulm", record)


def test_another_record_of_a_final_stop_is_refused(central: World) -> None:
    journey = central.journey("ulm")
    ulm, first = central.client("ulm"), central.record(journey, "ulm")
    ulm.put_record(journey.id, "ulm", first)
    other = central.record(journey, "ulm", cargo=digest(b"other"))
    with raises_code(RecordError, "record-exists"):
        ulm.put_record(journey.id, "ulm", other)
    assert central.client("ada").journey(journey.id).stops[0].record == first


def test_a_second_record_is_kept_as_a_sign_for_researcher_and_station(central: World) -> None:
    journey = central.journey("ulm")
    ulm, first = central.client("ulm"), central.record(journey, "ulm")
    ulm.put_record(journey.id, "ulm", first)
    before = ulm.inbox()
    assert before.conflicts == ()
    other, third = (central.record(journey, "ulm", cargo=digest(c)) for c in (b"other", b"third"))
    for record in (other, other, third):
        with raises_code(RecordError, "record-exists"):
            ulm.put_record(journey.id, "ulm", record)
    (stop,) = central.client("ada").journey(journey.id).stops
    assert (stop.record, stop.conflict) == (first, other)
    after = ulm.inbox(before.cursor)
    assert (after.cursor > before.cursor, after.conflicts) == (True, (journey.id,))
    lines = central.client("ada").audit.page().lines
    assert sum("stop-recorded-twice" in line for line in lines) == 1


def test_a_second_record_that_the_station_did_not_sign_is_no_sign(central: World) -> None:
    journey = central.journey("ulm")
    ulm, first = central.client("ulm"), central.record(journey, "ulm")
    ulm.put_record(journey.id, "ulm", first)
    forged = central.record(journey, "ulm", cargo=digest(b"other"), by="bob")
    with pytest.raises(PhtlabError):
        ulm.put_record(journey.id, "ulm", forged)
    (stop,) = central.client("ada").journey(journey.id).stops
    assert stop.conflict is None


def test_of_many_records_at_once_one_is_kept(central: World) -> None:
    journey = central.journey("ulm")
    records = [central.record(journey, "ulm", cargo=digest(b"%d" % n)) for n in range(5)]
    clients = [central.client("ulm") for _ in records]
    together = threading.Barrier(len(records))
    kept: list[str] = []
    refused: list[str] = []

    def put(client: CentralClient, number: int) -> None:
        together.wait(LIMIT)
        try:
            view = client.put_record(journey.id, "ulm", records[number])
        except PhtlabError as error:
            refused.append(error.code)
        else:
            assert view.record is not None
            kept.append(view.record.digest)

    threads = [
        threading.Thread(target=put, args=(client, number)) for number, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    (digest_kept,) = kept
    assert refused == ["record-exists"] * 4
    stored = central.client("ada").journey(journey.id).stops[0].record
    assert stored is not None
    assert stored.digest == digest_kept


def test_a_final_state_needs_a_record(central: World) -> None:
    journey = central.journey("ulm")
    with raises_code(RecordError, "final-needs-record"):
        central.client("ulm").update_stop(journey.id, "ulm", StopUpdate(state="failed"))


@pytest.mark.parametrize("name", ["mainz", "ada"])
def test_nobody_else_speaks_for_a_station(central: World, name: str) -> None:
    journey = central.journey("ulm", "mainz")
    other = central.client(name)
    with raises_code(CentralError, "forbidden"):
        other.update_stop(journey.id, "ulm", StopUpdate(state="running"))
    with raises_code(CentralError, "forbidden"):
        other.put_record(journey.id, "ulm", central.record(journey, "ulm"))


def test_record_signed_by_another_station_is_refused(central: World) -> None:
    journey = central.journey("ulm", "mainz")
    with raises_code(RecordError, "record-signer"):
        central.client("ulm").put_record(
            journey.id, "ulm", central.record(journey, "ulm", by="mainz")
        )


def test_record_of_another_journey_is_refused(central: World) -> None:
    first, second = central.journey("ulm"), central.journey("ulm")
    with raises_code(RecordError, "record-journey"):
        central.client("ulm").put_record(second.id, "ulm", central.record(first, "ulm"))


def test_text_that_a_database_cannot_hold_is_cleaned(central: World) -> None:
    journey = central.journey("ulm")
    update = StopUpdate(state="running", sentence="a\0b" + "x" * 5000, code="c\0")
    view = central.client("ulm").update_stop(journey.id, "ulm", update)
    assert view.sentence.startswith("abx")
    assert (len(view.sentence), view.code) == (1000, "c")


def test_sequential_stops_come_one_after_the_other(central: World) -> None:
    journey = central.journey("ulm", "mainz", "jena", route="sequential")
    ulm, mainz = central.client("ulm"), central.client("mainz")
    assert mainz.inbox().offers == ()
    record = central.record(journey, "ulm")
    ulm.put_record(journey.id, "ulm", record)
    (offer,) = mainz.inbox(wait=30).offers
    assert offer.previous == (record,)
    assert central.client("jena").inbox().offers == ()
    second = central.record(journey, "mainz", previous=record)
    mainz.put_record(journey.id, "mainz", second)
    (last,) = central.client("jena").inbox(wait=30).offers
    assert last.previous == (record, second)


def test_sequential_record_must_chain_to_the_stop_before(central: World) -> None:
    journey = central.journey("ulm", "mainz", route="sequential")
    mainz = central.client("mainz")
    with raises_code(RecordError, "record-order"):
        mainz.put_record(journey.id, "mainz", central.record(journey, "mainz"))
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    with pytest.raises(RecordError):
        mainz.put_record(journey.id, "mainz", central.record(journey, "mainz"))
    assert central.client("ada").journey(journey.id).stops[1].state == "offered"


def test_a_broken_sequential_route_is_closed_behind(central: World) -> None:
    journey = central.journey("ulm", "mainz", "jena", route="sequential")
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm", "failed"))
    view = central.client("ada").journey(journey.id)
    assert view.done
    assert [(stop.state, stop.code) for stop in view.stops[1:]] == [
        ("cancelled", "route-broken"),
        ("cancelled", "route-broken"),
    ]
    assert "ended at ulm (failed)" in view.stops[1].sentence
    assert central.client("mainz").inbox().offers == ()


def test_cancelling_closes_the_stops_that_had_no_turn(central: World) -> None:
    journey = central.journey("ulm", "mainz", route="sequential")
    view = central.client("ada").cancel(journey.id)
    assert [stop.state for stop in view.stops] == ["offered", "cancelled"]
    assert view.stops[1].code == "cancelled-before-turn"
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm", "cancelled"))
    assert central.client("ada").journey(journey.id).done
