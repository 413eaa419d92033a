"""Trains, orders and records that must not be believed, each with its code and its sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import (
    NotOnRosterError,
    OrderError,
    OrderExpiredError,
    OrderReplayedError,
    OrderStationError,
    PhtlabError,
    RecordError,
    RosterStaleError,
    SignatureError,
    TrainError,
)
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import sign_statement
from phtlab.train.documents.manifest import TRAIN_TYPE
from phtlab.train.documents.order import ORDER_TYPE
from phtlab.train.documents.record import RECORD_TYPE
from phtlab.train.verify import (
    verify_order,
    verify_record,
    verify_records,
    verify_train,
)
from tests.raising import raises_code

OTHER = "sha256:" + "d" * 64


@pytest.fixture
def train(documents: Any, roster: Any) -> Any:
    return verify_train(documents.train(), roster)


@pytest.fixture
def check_order(roster: Any, train: Any, now: Any) -> Any:
    def check(envelope: Any, **changes: Any) -> Any:
        asked = {"train": train, "station": "cleveland", "now": now, "seen": frozenset(), **changes}
        return verify_order(envelope, asked.pop("roster", roster), **asked)

    return check


def code_of(refused: pytest.ExceptionInfo[PhtlabError]) -> str:
    return refused.value.code


# Trains


def test_train_of_a_researcher_is_verified(documents: Any, roster: Any) -> None:
    train = verify_train(documents.train(), roster)
    assert (train.author, train.repository) == ("mara", "trains/mara/heart")
    assert train.digest == "sha256:" + "a" * 64
    assert train.manifest.name == "heart"


def test_train_by_a_station_refused(documents: Any, roster: Any) -> None:
    with raises_code(TrainError, "train-role"):
        verify_train(documents.train("cleveland"), roster)


def test_train_by_a_stranger_refused(documents: Any, roster: Any) -> None:
    with raises_code(NotOnRosterError, "not-on-roster"):
        verify_train(documents.train("mallory"), roster)


@pytest.mark.parametrize(
    "repository",
    [
        "trains/nils/heart",
        "cargo/x",
        "trains/mara/../nils/heart",
        "trains/mara/",
        "trains/mara/a:b",
    ],
)
def test_train_in_a_place_that_is_not_its_authors_refused(
    documents: Any, roster: Any, repository: str
) -> None:
    with raises_code(TrainError, "train-repository"):
        verify_train(documents.train(repository=repository), roster)


def test_train_of_two_images_refused(documents: Any, people: Any, roster: Any) -> None:
    manifest = verify_train(documents.train(), roster).manifest.model_dump(mode="json")
    subject = {"trains/mara/heart": OTHER, "trains/mara/lung": OTHER}
    with raises_code(TrainError, "train-subject"):
        verify_train(sign_statement(people["mara"], TRAIN_TYPE, subject, manifest), roster)


def test_train_with_an_unknown_field_refused(documents: Any, people: Any, roster: Any) -> None:
    manifest = verify_train(documents.train(), roster).manifest.model_dump(mode="json")
    envelope = sign_statement(
        people["mara"], TRAIN_TYPE, {"trains/mara/heart": OTHER}, {**manifest, "network": True}
    )
    with raises_code(TrainError, "train-manifest"):
        verify_train(envelope, roster)


def test_order_passed_off_as_a_train_refused(documents: Any, roster: Any) -> None:
    with raises_code(SignatureError, "signature"):
        verify_train(documents.order(), roster)


# Orders


def test_order_is_verified(documents: Any, check_order: Any) -> None:
    order = check_order(documents.order())
    assert order.stations == ("cleveland", "zurich")
    assert order.parameters == {"min_age": 40}


def test_order_by_a_stranger_refused(documents: Any, check_order: Any) -> None:
    with pytest.raises(NotOnRosterError):
        check_order(documents.order("mallory"))


def test_order_by_a_station_refused(documents: Any, check_order: Any) -> None:
    with raises_code(OrderError, "order-role"):
        check_order(documents.order("zurich"))


def test_order_for_other_stations_refused(documents: Any, check_order: Any) -> None:
    with raises_code(OrderStationError, "order-station"):
        check_order(documents.order(stations=("zurich",)))


def test_unknown_station_refused_with_the_names_there_are(documents: Any, check_order: Any) -> None:
    envelope = documents.order(stations=("cleveland", "basel"))
    with raises_code(NotOnRosterError, "order-station-unknown"):
        check_order(envelope, station=None)


def test_researcher_is_no_station(documents: Any, check_order: Any) -> None:
    with raises_code(NotOnRosterError, "order-station-unknown"):
        check_order(documents.order(stations=("nils",)), station=None)


def test_parallel_stop_does_not_depend_on_another_station_leaving(
    documents: Any, check_order: Any
) -> None:
    envelope = documents.order(stations=("cleveland", "gone"))
    assert check_order(envelope, station="cleveland").stations == ("cleveland", "gone")


def test_expired_order_refused(documents: Any, check_order: Any, now: Any) -> None:
    with raises_code(OrderExpiredError, "order-expired"):
        check_order(documents.order(), now=now + timedelta(days=7))


def test_order_at_its_last_second_refused(documents: Any, check_order: Any) -> None:
    order = documents.order_value()
    with pytest.raises(OrderExpiredError):
        check_order(documents.order(), now=order.expires)


def test_order_from_the_future_refused(documents: Any, check_order: Any, now: Any) -> None:
    with raises_code(OrderError, "order-future"):
        check_order(documents.order(), now=now - timedelta(minutes=9))


def test_clocks_may_differ_by_minutes(documents: Any, check_order: Any, now: Any) -> None:
    check_order(documents.order(), now=now - timedelta(minutes=7))


def test_order_that_ends_before_it_begins_refused(
    documents: Any, check_order: Any, now: Any
) -> None:
    with raises_code(OrderError, "order-lifetime"):
        check_order(documents.order(expires=now - timedelta(days=9)))


def test_order_that_would_be_valid_for_ever_refused(
    documents: Any, check_order: Any, now: Any
) -> None:
    with raises_code(OrderError, "order-lifetime"):
        check_order(documents.order(expires=now + timedelta(days=61)))


def test_replayed_order_refused(documents: Any, check_order: Any) -> None:
    envelope = documents.order()
    with raises_code(OrderReplayedError, "order-replayed"):
        check_order(envelope, seen={envelope.digest})


def test_order_for_another_train_refused(documents: Any, check_order: Any) -> None:
    with raises_code(OrderError, "order-train"):
        check_order(documents.order(train=OTHER))


def test_order_with_a_colleagues_statement_about_its_train_refused(
    documents: Any, roster: Any, check_order: Any
) -> None:
    theirs = verify_train(documents.train("nils"), roster)
    with raises_code(OrderError, "order-author"):
        check_order(documents.order(), train=theirs)


def test_order_signed_about_another_train_than_it_names_refused(
    documents: Any, people: Any, check_order: Any
) -> None:
    predicate = documents.order_value().model_dump(mode="json")
    envelope = sign_statement(people["mara"], ORDER_TYPE, {"train": OTHER}, predicate)
    with raises_code(OrderError, "order-form"):
        check_order(envelope)


def test_order_on_another_kind_of_route_refused(documents: Any, check_order: Any) -> None:
    with raises_code(OrderError, "order-route"):
        check_order(documents.order(route="sequential"))


def test_recipient_not_in_roster_refused(documents: Any, check_order: Any) -> None:
    with raises_code(NotOnRosterError, "order-recipient-unknown"):
        check_order(documents.order(recipients=("mara", "mallory")))


def test_order_whose_signer_is_no_recipient_refused(documents: Any, check_order: Any) -> None:
    with raises_code(OrderError, "order-recipients"):
        check_order(documents.order(recipients=("nils",)))


@pytest.mark.parametrize(
    "doubled", [{"stations": ("cleveland", "cleveland")}, {"recipients": ("mara", "mara")}]
)
def test_order_that_names_someone_twice_refused(
    documents: Any, check_order: Any, doubled: Any
) -> None:
    with raises_code(OrderError, "order-twice"):
        check_order(documents.order(**doubled))


@pytest.fixture
def with_adder(people: Any, roster: Any) -> Any:
    """The roster with an aggregator."""
    adder = Member(name="adder", roles=("aggregator",), keys=people["adder"].public)
    return roster.model_copy(update={"members": (*roster.members, adder)})


@pytest.fixture
def check_rounds(documents: Any, with_adder: Any, check_order: Any) -> Any:
    def check(aggregator: str, **changes: Any) -> Any:
        rounds = {"most": 3, "aggregator": aggregator, "quorum": 1, "deadline": 60}
        asked = {
            "train": verify_train(documents.train(route="rounds"), with_adder),
            "roster": with_adder,
            **changes,
        }
        return check_order(documents.order(route="rounds", rounds=rounds), **asked)

    return check


def test_order_whose_aggregator_is_on_the_roster_is_verified(check_rounds: Any) -> None:
    assert check_rounds("adder").rounds.aggregator == "adder"


@pytest.mark.parametrize("name", ["mallory", "nils"])
def test_order_whose_aggregator_lacks_the_role_refused(check_rounds: Any, name: str) -> None:
    with raises_code(NotOnRosterError, "order-aggregator"):
        check_rounds(name)


def test_order_whose_aggregator_is_one_of_its_stations_refused(check_rounds: Any) -> None:
    with pytest.raises(ValidationError):
        check_rounds("zurich")


def test_order_of_an_aggregator_that_left_is_read_for_a_finished_journey(
    check_rounds: Any, with_adder: Any
) -> None:
    left = with_adder.without("adder", until=4).model_copy(update={"version": 5})
    with raises_code(NotOnRosterError, "order-aggregator"):
        check_rounds("adder", roster=left)
    assert check_rounds("adder", roster=left, station=None, now=None).rounds.most == 3


def test_order_made_with_a_newer_roster_waits_for_a_refresh(
    documents: Any, check_order: Any
) -> None:
    with raises_code(RosterStaleError, "roster-behind"):
        check_order(documents.order(roster_version=5))


def test_order_of_a_journey_that_is_over_is_still_read(documents: Any, check_order: Any) -> None:
    long_ago = documents.order(stations=("cleveland", "gone"))
    assert check_order(long_ago, station=None, now=None).stations == ("cleveland", "gone")


def test_revoked_signer_refused(documents: Any, check_order: Any, roster: Any) -> None:
    envelope = documents.order()
    check_order(envelope)
    left = roster.model_copy(
        update={"members": tuple(m for m in roster.members if m.name != "mara"), "version": 5}
    )
    with raises_code(NotOnRosterError, "not-on-roster"):
        check_order(envelope, roster=left)


# Records


@pytest.fixture
def journey(documents: Any) -> Any:
    """A parallel order and its id."""
    order = documents.order_value()
    return order, order.sign(documents.people["mara"]).digest


@pytest.fixture
def check_record(journey: Any, roster: Any) -> Any:
    order, digest = journey

    def check(envelope: Any, station: str = "cleveland", **changes: Any) -> Any:
        asked = {"journey": digest, "order": order, "roster": roster, "previous": None, **changes}
        return verify_record(envelope, station=station, **asked)

    return check


def test_record_is_verified(documents: Any, journey: Any, check_record: Any) -> None:
    order, digest = journey
    record = check_record(documents.record(digest, order))
    assert (record.station, record.outcome, record.size) == ("cleveland", "departed", 1000)


def test_record_signed_by_wrong_station_refused(
    documents: Any, journey: Any, check_record: Any
) -> None:
    order, digest = journey
    envelope = documents.record(digest, order, signer="zurich")
    with raises_code(RecordError, "record-signer"):
        check_record(envelope)


def test_record_by_a_stranger_refused(documents: Any, journey: Any, check_record: Any) -> None:
    order, digest = journey
    with pytest.raises(NotOnRosterError):
        check_record(documents.record(digest, order, signer="mallory"))


def test_record_of_a_revoked_station_refused(
    documents: Any, journey: Any, check_record: Any, roster: Any
) -> None:
    order, digest = journey
    left = roster.model_copy(
        update={"members": tuple(m for m in roster.members if m.name != "cleveland")}
    )
    with pytest.raises(NotOnRosterError):
        check_record(documents.record(digest, order), roster=left)


def test_record_by_a_member_who_is_no_station_refused(
    documents: Any, journey: Any, check_record: Any, roster: Any
) -> None:
    order, digest = journey
    demoted = roster.model_copy(
        update={
            "members": tuple(
                m.model_copy(update={"roles": ("operator",)}) if m.name == "cleveland" else m
                for m in roster.members
            )
        }
    )
    with raises_code(RecordError, "record-role"):
        check_record(documents.record(digest, order), roster=demoted)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"station": "zurich"}, "record-station"),
        ({"journey": OTHER}, "record-journey"),
        ({"train": OTHER}, "record-train"),
        ({"stop": 1}, "record-stop"),
        ({"previous": OTHER}, "record-chain"),
        ({"cargos": ()}, "record-cargo"),
        ({"outcome": "failed", "code": "cell-failed"}, "record-cargo"),
        ({"code": "cell-failed"}, "record-form"),
        ({"roster_version": 3}, "record-roster"),
        ({"roster_version": 5}, "roster-behind"),
    ],
)
def test_record_that_does_not_fit_its_order_refused(
    documents: Any, journey: Any, check_record: Any, changes: Any, code: str
) -> None:
    order, digest = journey
    with pytest.raises((RecordError, RosterStaleError)) as refused:
        check_record(documents.record(digest, order, signer="cleveland", **changes))
    assert code_of(refused) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"context": OTHER}, "record-context"),
        ({"kind": "next"}, "record-cargo"),
    ],
)
def test_record_of_cargo_for_another_place_refused(
    documents: Any, journey: Any, check_record: Any, changes: Any, code: str
) -> None:
    order, digest = journey
    cargo = documents.cargo(digest, order, **changes)
    with raises_code(RecordError, code):
        check_record(documents.record(digest, order, cargos=(cargo,)))


def test_record_of_two_cargos_of_one_kind_refused(
    documents: Any, journey: Any, check_record: Any
) -> None:
    order, digest = journey
    cargo = documents.cargo(digest, order)
    with raises_code(RecordError, "record-cargo"):
        check_record(documents.record(digest, order, cargos=(cargo, cargo)))


@pytest.mark.parametrize("which", ["started", "finished"])
def test_record_from_before_its_order_refused(
    documents: Any, journey: Any, check_record: Any, now: Any, which: str
) -> None:
    order, digest = journey
    envelope = documents.record(digest, order, **{which: now - timedelta(days=1)})
    with raises_code(RecordError, "record-time"):
        check_record(envelope)


def test_cargo_of_another_journey_refused(documents: Any, journey: Any, check_record: Any) -> None:
    order, _ = journey
    again = documents.order_value()
    assert again.nonce != order.nonce
    envelope = documents.record(again.sign(documents.people["mara"]).digest, again)
    with raises_code(RecordError, "record-journey"):
        check_record(envelope)


def test_record_signed_about_other_cargo_than_it_names_refused(
    documents: Any, journey: Any, check_record: Any, people: Any
) -> None:
    order, digest = journey
    record = check_record(documents.record(digest, order)).model_dump(mode="json")
    record = {name: value for name, value in record.items() if value is not None}
    envelope = sign_statement(people["cleveland"], RECORD_TYPE, {"cargo": OTHER}, record)
    with raises_code(RecordError, "record-form"):
        check_record(envelope)


@pytest.mark.parametrize("outcome", ["refused", "failed", "cancelled"])
def test_record_without_cargo_is_verified(
    documents: Any, journey: Any, check_record: Any, outcome: str
) -> None:
    order, digest = journey
    envelope = documents.record(digest, order, outcome=outcome, code="some-code", cargos=())
    assert check_record(envelope).code == "some-code"


def test_station_with_an_old_roster_or_a_wrong_clock_may_say_so(
    documents: Any, journey: Any, check_record: Any, now: Any
) -> None:
    order, digest = journey
    envelope = documents.record(
        digest,
        order,
        outcome="refused",
        code="roster-behind",
        cargos=(),
        roster_version=1,
        started=None,
        finished=now - timedelta(days=400),
    )
    assert check_record(envelope).outcome == "refused"


def test_record_of_a_station_off_the_route_refused(
    documents: Any, journey: Any, roster: Any, people: Any
) -> None:
    order, digest = journey
    short = order.model_copy(update={"stations": ("zurich",)})
    envelope = documents.record(digest, short, "cleveland")
    with raises_code(RecordError, "record-station"):
        verify_records({"cleveland": envelope}, journey=digest, order=short, roster=roster)
