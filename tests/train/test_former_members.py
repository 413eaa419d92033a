"""Keys that left the roster: what they signed before is believed, what they sign since is not."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.errors import NotOnRosterError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import FormerMember, Roster
from phtlab.train.verify import verify_order, verify_records, verify_train
from tests.raising import invalid, raises_code
from tests.train.conftest import NOW, member


@pytest.fixture
def journey(documents: Any) -> tuple[str, Any]:
    """An order of version 4, to cleveland and zurich."""
    order = documents.order_value()
    return documents.order().digest, order


def left(roster: Roster, name: str, until: int, version: int = 7) -> Roster:
    return roster.without(name, until=until).model_copy(update={"version": version})


def test_the_record_of_a_station_that_left_later_is_believed(
    documents: Any, journey: Any, roster: Roster
) -> None:
    name, order = journey
    records = {"cleveland": documents.record(name, order)}
    for until in (4, 6):
        now = left(roster, "cleveland", until)
        verified = verify_records(records, journey=name, order=order, roster=now)
        assert verified["cleveland"].outcome == "departed"


def test_the_record_of_stolen_keys_is_not_believed_whatever_version_it_names(
    documents: Any, journey: Any, roster: Roster
) -> None:
    name, order = journey
    records = {"cleveland": documents.record(name, order)}
    now = left(roster, "cleveland", 6).forgetting("cleveland")
    with raises_code(NotOnRosterError, "not-on-roster"):
        verify_records(records, journey=name, order=order, roster=now)


def test_keys_that_left_before_the_order_was_made_sign_no_record_of_it(
    documents: Any, journey: Any, roster: Roster
) -> None:
    """The order is of version 4; these keys held until version 3."""
    name, order = journey
    records = {"cleveland": documents.record(name, order)}
    with pytest.raises(NotOnRosterError):
        verify_records(records, journey=name, order=order, roster=left(roster, "cleveland", 3))


def test_keys_that_left_before_the_version_that_a_record_names_are_refused(
    documents: Any, journey: Any, roster: Roster
) -> None:
    name, order = journey
    records = {"cleveland": documents.record(name, order, roster_version=6)}
    with pytest.raises(NotOnRosterError) as refused:
        verify_records(records, journey=name, order=order, roster=left(roster, "cleveland", 5))
    assert refused.value.code == "signer-left"


def test_a_station_whose_keys_were_rotated_is_believed_with_both(
    documents: Any, journey: Any, roster: Roster
) -> None:
    name, order = journey
    before = documents.record(name, order)
    new = Identity.generate("cleveland")
    rotated = left(roster, "cleveland", 5)
    rotated = rotated.model_copy(update={"members": (*rotated.members, member(new, "station"))})
    documents.people = {**documents.people, "new": new}
    after = documents.record(name, order, roster_version=7, signer="new")
    for record in (before, after):
        verified = verify_records({"cleveland": record}, journey=name, order=order, roster=rotated)
        assert verified["cleveland"].station == "cleveland"


def test_a_station_that_left_is_ordered_nothing_and_a_researcher_who_left_orders_nothing(
    documents: Any, roster: Roster
) -> None:
    gone = left(roster, "mara", 5)
    with pytest.raises(NotOnRosterError):
        verify_train(documents.train(), gone)
    train = verify_train(documents.train(), gone, over=True)
    order = documents.order()
    with pytest.raises(NotOnRosterError):
        verify_order(order, gone, train=train, station="zurich", now=NOW, seen=frozenset())
    read = verify_order(order, gone, train=train, station=None, now=None, seen=frozenset())
    assert read.recipients == ("mara",)
    early = left(roster, "mara", 3)
    with pytest.raises(NotOnRosterError) as refused:
        verify_order(order, early, train=train, station=None, now=None, seen=frozenset())
    assert refused.value.code == "signer-left"


def test_keys_are_a_members_or_a_former_members(roster: Roster, people: Any) -> None:
    mara = member(people["mara"])
    with invalid("value_error"):
        Roster(consortium="hearts", members=(mara,), former=(FormerMember(member=mara, until=1),))


# As officers do it


def test_removing_and_rotating_say_until_which_version_the_old_keys_held(world: Any) -> None:
    before = world.join("cleveland", "station")
    world.join("zurich", "station")
    world.sign()
    world.sign()
    new = Identity.generate("cleveland")
    world.consortium.rotate_member(member(new, "station"))
    world.consortium.remove_member("zurich")
    world.sign()
    roster = world.consortium.roster
    assert [(f.member.name, f.until) for f in roster.former] == [("cleveland", 2), ("zurich", 2)]
    assert roster.former[0].member.keys == before.public
    assert roster.member("cleveland").keys == new.public

    world.consortium.remove_member("cleveland", stolen=True)
    assert [f.member.name for f in world.consortium.roster.former] == ["zurich"]
    world.consortium.remove_member("zurich", stolen=True)
    assert world.consortium.roster.former == ()
    with pytest.raises(NotOnRosterError):
        world.consortium.remove_member("zurich", stolen=True)


def test_keys_that_were_never_signed_for_leave_nothing_behind(world: Any) -> None:
    world.sign()
    world.join("cleveland", "station")
    world.consortium.remove_member("cleveland")
    assert world.consortium.roster.former == ()


def test_a_member_who_comes_back_with_the_same_keys_is_a_member(world: Any) -> None:
    identity = world.join("cleveland", "station")
    world.sign()
    world.consortium.remove_member("cleveland")
    world.sign()
    world.consortium.add_member(Member(name="ulm", roles=("station",), keys=identity.public))
    assert world.consortium.roster.former == ()
