"""A central or a station that bends a sequential route: what comes before a stop, and for whom.

Central is real, with a liar before it; the station is real but for its sandbox and the registry.
Each refusal comes before anything runs, and leaves nothing of what was handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phtlab.central import inbox
from phtlab.errors import RecordError, SealError
from phtlab.files.sealed_file import open_file
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import peek, sign_statement
from phtlab.train.documents.order import cargo_context
from phtlab.train.documents.roster import FormerMember
from phtlab.train.verify import verify_records
from phtlab.wire.api.journeys import Offer
from phtlab.wire.registry.cargo import cargo_repository
from tests.attack.liar import saying_json
from tests.attack.on_route import OnRoute, continuing
from tests.raising import raises_code
from tests.station.pipeline.sequential_route import (
    handed_on_by,
    model_file,
    order_of,
    record_of,
)
from tests.station.station_world import identity

CENTRAL, STATION, RESEARCHER = "hostile central", "hostile station", "hostile researcher"
REGISTRY, THIEF = "hostile registry", "thief of a station's keys"
Refused = Callable[[str, str, str], None]


def third(sequential: OnRoute) -> Offer:
    """What central truly offers cleveland, the last of three stations, once two have departed."""
    offer = sequential.order("hungary", "basel", "cleveland")
    first = sequential.depart(offer, "hungary")
    sequential.depart(offer, "basel", first)
    return sequential.offered(offer)


def test_the_honest_case_departs(sequential: OnRoute, refused: Refused) -> None:
    """What the attacks below change is all that is wrong with them."""
    offer = third(sequential)
    record = sequential.runs(offer)
    assert (record.outcome, record.received) == ("departed", handed_on_by(offer.previous[-1]))
    assert list(sequential.journey(offer).verified()[2]) == [
        "hungary",
        "basel",
        "cleveland",
    ]
    refused(CENTRAL, "an honest sequential route is travelled to its end", "departed at all stops")


# The chain.


def test_an_order_of_another_version_does_not_stop_the_next_start(
    sequential: OnRoute, refused: Refused
) -> None:
    """A station judges what it wrote itself by what it signed, and not by what central says."""
    offer = third(sequential)
    statement = peek(offer.order)
    older = sign_statement(
        identity("ada"),
        "https://phtlab.org/order/v1",
        {subject.name: f"sha256:{subject.sha256}" for subject in statement.subject},
        statement.predicate,
    )
    named = offer.model_copy(update={"journey": older.digest, "order": older})
    assert sequential.code(named) == "document-version"
    station = sequential.world.station()
    station.stops.require_readable()
    assert sequential.runs(offer).outcome == "departed"
    refused(
        CENTRAL, "cannot keep a station from starting with an order of another version", "it starts"
    )


@pytest.mark.parametrize("kept", [(), (0,), (1,)], ids=["all", "the second", "the first"])
def test_a_hop_left_out(kept: tuple[int, ...], sequential: OnRoute, refused: Refused) -> None:
    offer = third(sequential)
    shorter = {"previous": tuple(offer.previous[number] for number in kept)}
    code = sequential.code(offer.model_copy(update=shorter))
    assert code == "order-turn"
    refused(CENTRAL, "cannot leave out a stop before a station's own", code)


@pytest.mark.parametrize(
    "order", [(0, 0), (1, 1), (1, 0)], ids=["first twice", "second twice", "swapped"]
)
def test_a_hop_repeated_or_out_of_order(
    order: tuple[int, ...], sequential: OnRoute, refused: Refused
) -> None:
    offer = third(sequential)
    bent = {"previous": tuple(offer.previous[number] for number in order)}
    code = sequential.code(offer.model_copy(update=bent))
    assert code == "record-signer"
    what = "repeat a stop" if len({*order}) == 1 else "show stops in another order"
    refused(CENTRAL, f"cannot {what}", code)


def test_more_hops_than_the_route_has_before(sequential: OnRoute, refused: Refused) -> None:
    offer = third(sequential)
    longer = {"previous": (*offer.previous, offer.previous[-1])}
    code = sequential.code(offer.model_copy(update=longer))
    assert code == "order-turn"
    refused(CENTRAL, "cannot add a stop before a station's own", code)


def test_a_hop_of_another_journey(sequential: OnRoute, refused: Refused) -> None:
    """Of the same train and route, so that all but the journey is right."""
    offer, other = third(sequential), third(sequential)
    mixed = {"previous": (offer.previous[0], other.previous[1])}
    code = sequential.code(offer.model_copy(update=mixed))
    assert code == "record-journey"
    refused(CENTRAL, "cannot put a stop of another journey into the chain", code)


def test_a_hop_that_follows_another_record_of_the_one_before(
    sequential: OnRoute, refused: Refused
) -> None:
    """The first station signs twice: the second one's record says after which it ran."""
    offer = third(sequential)
    again = sequential.route.departed(offer, "hungary", model_file(0.9))
    code = sequential.code(offer.model_copy(update={"previous": (again, offer.previous[1])}))
    assert code == "record-chain"
    refused(STATION, "cannot exchange its record after the next station ran", code)


def test_a_hop_that_received_other_cargo_than_was_handed_on(
    sequential: OnRoute, refused: Refused
) -> None:
    offer = third(sequential)
    other = sequential.route.departed(offer, "hungary", model_file(0.9))
    second = sequential.route.departed(
        offer, "basel", previous=offer.previous[0], received=handed_on_by(other)
    )
    code = sequential.code(offer.model_copy(update={"previous": (offer.previous[0], second)}))
    assert code == "record-received"
    refused(STATION, "cannot go on from other cargo than the stop before handed on", code)


def test_a_station_that_goes_on_after_the_journey_ended(
    sequential: OnRoute, refused: Refused
) -> None:
    """Neither the next station nor the researcher goes on from there."""
    offer = sequential.order("hungary", "basel", "cleveland")
    first = sequential.depart(offer, "hungary")
    failed = sequential.fail(offer, "basel", first)
    shown = offer.model_copy(update={"previous": (first, failed)})
    code = sequential.code(shown)
    assert code == "order-ended"
    last = sequential.route.departed(offer, "cleveland", kind="cargo", previous=failed)
    with raises_code(RecordError, "record-chain"):
        verify_records(
            {"hungary": first, "basel": failed, "cleveland": last},
            journey=offer.journey,
            order=order_of(offer),
            roster=sequential.world.roster,
        )
    refused(CENTRAL, "cannot have a journey go on after a stop that failed", code)
    refused(STATION, "cannot add results after a stop that failed", "record-chain")


# Members that left, and keys that were exchanged.


def without_hungary(sequential: OnRoute, *, until: int) -> None:
    """Cleveland's roster from now on; `until` is 0 for stolen keys."""
    roster = sequential.world.roster.without("hungary", until)
    sequential.world.roster = roster.model_copy(update={"version": roster.version + 1})


@pytest.mark.parametrize(
    ("until", "expected"), [(99, "order-station-unknown"), (0, "not-on-roster")]
)
def test_a_hop_of_a_removed_member_in_a_continued_journey(
    until: int, expected: str, sequential: OnRoute, refused: Refused
) -> None:
    """Hungary departed, and left before the journey was continued; or its keys were stolen."""
    ended = sequential.order("hungary", "cleveland")
    first = sequential.depart(ended, "hungary")
    sequential.runs_into_failure(ended)
    resumed = sequential.order("cleveland", **continuing(ended, first))
    offer = sequential.offered(resumed)
    without_hungary(sequential, until=until)
    code = sequential.code(offer)
    assert code == expected
    whose = "a member that left" if until else "stolen keys"
    refused(CENTRAL, f"cannot have cargo used of {whose}", code)


def test_a_route_with_a_removed_member(sequential: OnRoute, refused: Refused) -> None:
    offer = third(sequential)
    without_hungary(sequential, until=99)
    code = sequential.code(offer)
    assert code == "order-station-unknown"
    refused(CENTRAL, "cannot have a route travelled that names a member that left", code)


def test_a_hop_signed_with_keys_that_were_exchanged(sequential: OnRoute, refused: Refused) -> None:
    """Records of before stay; what the old keys sign under a later roster does not."""
    offer, late = third(sequential), third(sequential)
    before = sequential.world.roster
    fresh = Member(name="hungary", roles=("station",), keys=Identity.generate("hungary").public)
    (old,) = (member for member in before.members if member.name == "hungary")
    members = tuple(fresh if one is old else one for one in before.members)
    former = (FormerMember(member=old, until=before.version),)
    sequential.world.roster = before.model_copy(
        update={"version": before.version + 1, "members": members, "former": former}
    )
    assert sequential.record_for(offer).outcome == "departed"
    first = sequential.route.departed(late, "hungary", model_file(0.9))
    second = sequential.route.departed(late, "basel", previous=first)
    sequential.world.scripted.started.clear()
    code = sequential.code(late.model_copy(update={"previous": (first, second)}))
    assert code == "signer-left"
    refused(THIEF, "cannot hand on with keys that the station has exchanged", code)


def test_a_hop_signed_by_another_station(sequential: OnRoute, refused: Refused) -> None:
    offer = sequential.order("hungary", "cleveland")
    sequential.depart(offer, "hungary")
    true = sequential.offered(offer)
    forged = sequential.route.departed(offer, "hungary", model_file(0.9), signer=identity("basel"))
    code = sequential.code(true.model_copy(update={"previous": (forged,)}))
    assert code == "record-signer"
    refused(STATION, "cannot hand on in another station's name", code)


# Cargo for somebody else.


def after(sequential: OnRoute, **sealing: Any) -> Offer:
    """What central offers cleveland after hungary has handed on by hand."""
    offer = sequential.order("hungary", "cleveland")
    sequential.depart(offer, "hungary", **sealing)
    return sequential.offered(offer)


def test_cargo_for_another_station(sequential: OnRoute, refused: Refused) -> None:
    code = sequential.code(after(sequential, to=["basel"]))
    assert code == "order-received"
    refused(STATION, "cannot have a station use cargo that is sealed to another", code)


def test_cargo_for_several_stations(sequential: OnRoute, refused: Refused) -> None:
    """It opens; that one more can open it does not stay hidden."""
    code = sequential.code(after(sequential, to=["cleveland", "basel"]))
    assert code == "order-received"
    refused(STATION, "cannot add a reader to what it hands on", code)


@pytest.mark.parametrize("reader", ["ada", "cleveland"])
def test_cargo_for_the_recipients_as_if_for_the_next_station(
    reader: str, sequential: OnRoute, refused: Refused
) -> None:
    """Sealed to the researcher as it is, or to the station too: it is bound to what it is for."""
    offer = sequential.order("hungary", "cleveland")
    context = cargo_context(offer.journey, order_of(offer), "hungary", "cargo")
    sequential.depart(offer, "hungary", to=[reader], bound=context)
    code = sequential.code(sequential.offered(offer))
    assert code == "order-received"
    refused(STATION, "cannot pass off cargo for the recipients as handed on", code)


def test_cargo_for_the_next_station_as_if_for_the_recipients(
    sequential: OnRoute, tmp_path: Path, refused: Refused
) -> None:
    offer = sequential.order("hungary", "cleveland")
    order = order_of(offer)
    context = cargo_context(offer.journey, order, "hungary", "next")
    record = sequential.route.departed(offer, "hungary", to=["ada"], kind="cargo", bound=context)
    (sent,) = record_of(record).cargos
    sealed = tmp_path / "cargo.age"
    sealed.write_bytes(sequential.world.artifacts.cargos[sent.digest])
    results = cargo_context(offer.journey, order, "hungary", "cargo")
    with pytest.raises(SealError) as told:
        open_file(sealed, tmp_path / "tar", identity("ada").age, results, sent.digest, 1)
    assert told.value.code == "seal-context"
    assert not (tmp_path / "tar").exists()
    refused(STATION, "cannot pass off handed on cargo as results", told.value.code)


def test_cargo_of_another_journey_handed_on(sequential: OnRoute, refused: Refused) -> None:
    other, offer = (sequential.order("hungary", "cleveland") for _ in range(2))
    context = cargo_context(other.journey, order_of(other), "hungary", "next")
    sequential.depart(offer, "hungary", bound=context)
    code = sequential.code(sequential.offered(offer))
    assert code == "order-received"
    refused(STATION, "cannot use cargo of another journey again for the next station", code)


def test_a_journey_whose_stop_before_the_last_hands_nothing_on(
    sequential: OnRoute, refused: Refused
) -> None:
    """Else the next station would run on the default, and nobody would see why."""
    offer = third(sequential)
    first = sequential.route.departed(offer, "hungary", kind="cargo", to=["ada"])
    code = sequential.code(offer.model_copy(update={"previous": (first, offer.previous[1])}))
    assert code == "record-cargo"
    refused(STATION, "cannot have the next station start anew by handing nothing on", code)


def test_a_researcher_who_reads_what_is_for_the_next_station(
    sequential: OnRoute, refused: Refused
) -> None:
    """The registry gives it, as to every recipient of the journey; it does not open."""
    offer = sequential.order("cleveland", "basel")
    record = sequential.runs(offer)
    assert [cargo.kind for cargo in record.cargos] == ["next"]
    assert "pull" in sequential.granted("ada", cargo_repository(offer.journey, "cleveland"))
    with pytest.raises(SealError) as told:
        sequential.route.opened(offer, record, "next", "ada")
    assert told.value.code == "seal-key"
    assert sequential.route.opened(offer, record, "next", "basel") == [1.5]
    refused(RESEARCHER, "cannot read what is sealed for the next station alone", told.value.code)


def test_a_registry_that_gives_it_to_a_station_that_is_not_next(
    sequential: OnRoute, refused: Refused
) -> None:
    """Central's tokens allow it to the next station, at its turn; and it opens there alone."""
    offer = sequential.order("hungary", "basel", "cleveland")
    repository = cargo_repository(offer.journey, "hungary")
    assert sequential.granted("basel", repository) == []
    first = sequential.depart(offer, "hungary")
    assert sequential.granted("basel", repository) == ["pull"]
    for name in ("cleveland", "bob"):
        assert sequential.granted(name, repository) == []
    refused(STATION, "gets no token for what is handed on to another", "nothing granted")
    with pytest.raises(SealError) as told:
        sequential.route.opened(offer, record_of(first), "next", "cleveland", "hungary")
    assert told.value.code == "seal-key"
    sequential.depart(offer, "basel", first)
    assert sequential.granted("basel", repository) == []
    refused(REGISTRY, "cannot open what is handed on to another station", told.value.code)


def test_a_registry_that_gives_other_cargo_than_was_signed(
    sequential: OnRoute, refused: Refused
) -> None:
    offer = after(sequential)
    other = sequential.route.departed(offer, "hungary", model_file(0.9))
    cargos = sequential.world.artifacts.cargos
    cargos[handed_on_by(offer.previous[0])] = cargos[handed_on_by(other)]
    code = sequential.code(offer)
    assert code == "order-received"
    refused(REGISTRY, "cannot exchange what is handed on", code)


def test_a_station_that_hands_on_what_its_airlock_should_have_refused(
    sequential: OnRoute, refused: Refused
) -> None:
    """Hungary is hostile to its own patients: a value of each of them, as many as it likes.

    What may leave hungary is hungary's to decide. Cleveland checks what it declares to be, never
    whether it should have left; what both signed says who handed it on and who took it.
    """
    offer = sequential.order("hungary", "cleveland")
    sequential.depart(offer, "hungary", content=model_file(*range(1_000)))
    true = sequential.offered(offer)
    record = sequential.runs(true)
    assert record.outcome == "departed"
    assert record.received == handed_on_by(true.previous[0])
    refused(
        STATION,
        "hands on what its own airlock should have refused: not prevented at the next station",
        "used as declared: its signed record names it, and the next one what it received",
    )


# The researcher.


def test_a_chain_that_is_cut_for_the_researcher(sequential: OnRoute, refused: Refused) -> None:
    """Central has shown three departed stops, and shows the last without the one before."""
    offer = third(sequential)
    sequential.runs(offer)
    seen = sequential.journey(offer)
    assert list(seen.verified()[2]) == ["hungary", "basel", "cleveland"]

    def cut(view: dict[str, object]) -> dict[str, object]:
        stops = view["stops"]
        assert isinstance(stops, list)
        stops[1] |= {"record": None, "state": "offered"}
        return view

    with sequential.deceived() as lab:
        path = f"^/api/v1/journeys/{offer.journey.replace(':', '(:|%3A)')}$"
        with sequential.liar.lying("GET", path, saying_json(cut)) as lying:
            with raises_code(RecordError, "record-chain"):
                lab.journey(offer.journey).verified()
            assert lying.told
    refused(CENTRAL, "cannot cut a chain for the researcher who saw it", "record-chain")


def test_journeys_that_continue_many_others_fill_no_inbox(
    sequential: OnRoute, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    """An offer brings all that it continues: an inbox too large to read would bring nothing."""
    long = third(sequential)
    size = len(long.model_dump_json())
    monkeypatch.setattr(inbox, "MAX_BYTES", size + 100)
    sequential.order("cleveland", "basel")
    offers = sequential.consort.client("cleveland").inbox().offers
    assert [offer.journey for offer in offers] == [long.journey]
    sequential.runs(long)
    assert len(sequential.consort.client("cleveland").inbox().offers) == 1
    refused(RESEARCHER, "cannot make a station's inbox too large to be read", "bounded in bytes")
