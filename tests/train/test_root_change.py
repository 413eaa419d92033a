"""Officers come, go and get other keys; the threshold, central's key and lifetimes change.

Each is a new root, signed by enough officers of the one before and of its own; whoever pinned an
older root follows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from phtlab.consortium.consortium import Consortium
from phtlab.errors import NotOnRosterError, RosterError, SettingsError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.repository import Lifetimes, online_public_key
from tests.raising import raises_code

PASSPHRASES = {"vera": "correct horse 1", "otto": "correct horse 2", "lena": "correct horse 3"}


def old(world: Any, *names: str) -> list[Identity]:
    return [world.consortium.officer(name, PASSPHRASES[name]) for name in names]


def officer(identity: Identity) -> Member:
    return Member(name=identity.name, roles=("officer",), keys=identity.public)


def test_an_officers_key_is_replaced_and_a_station_that_pinned_the_root_before_follows(
    world: Any,
) -> None:
    world.publish()
    assert world.trust.refresh().roster.version == 1
    new = Identity.generate("otto")
    world.consortium.replace_officer(officer(new))
    vera, otto, lena = old(world, "vera", "otto", "lena")
    signing = world.consortium.sign_with([vera])
    assert signing.root is not None
    assert (signing.root.version, signing.root.old.missing, signing.root.new.missing) == (2, 1, 1)
    assert signing.root.old.waiting == ("lena", "otto")
    signing = world.consortium.sign_with([lena])
    assert signing.complete
    assert signing.version == 2
    world.central.publish(world.consortium)
    trusted = world.trust.refresh()
    assert trusted.roster.version == 2
    assert trusted.roster.member("otto").keys == new.public

    with raises_code(NotOnRosterError, "not-an-officer-key"):
        world.consortium.sign_with([otto])
    world.join("cleveland", "station")
    assert world.consortium.sign_with([new, vera]).complete
    world.central.publish(world.consortium)
    assert world.trust.refresh().roster.version == 3
    world.central.down = True
    assert world.trust.cached().roster.version == 3


def test_a_member_who_was_away_for_three_rotations_follows_from_the_root_it_pinned(
    world: Any,
) -> None:
    world.publish()
    away = world.trust_in("away")
    away.refresh()
    keys = dict(zip("vol", old(world, *PASSPHRASES), strict=True))
    for name, letter in (("lena", "l"), ("otto", "o"), ("vera", "v")):
        before = list(keys.values())
        keys[letter] = Identity.generate(name)
        world.consortium.replace_officer(officer(keys[letter]))
        assert world.consortium.sign_with([*before, keys[letter]]).complete
        world.central.publish(world.consortium)
    assert set(world.central.metadata) >= {f"{n}.root.json" for n in (1, 2, 3, 4)}
    assert away.refresh().roster.version == 4
    assert world.trust_in("late").refresh().roster.version == 4  # pins the fourth


def test_both_the_old_and_the_new_officers_must_sign(found: Callable[..., Any]) -> None:
    world = found(threshold=3)
    world.consortium.sign(PASSPHRASES)
    new = Identity.generate("lena")
    vera, otto, lena = old(world, "vera", "otto", "lena")
    world.consortium.replace_officer(officer(new))
    signing = world.consortium.sign_with([vera, otto, lena])
    assert signing.root is not None
    assert (signing.root.old.missing, signing.root.new.missing) == (0, 1)
    assert not signing.complete
    with raises_code(RosterError, "roster-unsigned"):
        world.consortium.bundle()
    assert world.consortium.sign_with([new]).complete
    assert world.consortium.root_signing is None
    world.consortium.bundle()


def test_an_officer_comes_and_another_goes(world: Any) -> None:
    world.publish()
    ines = Identity.generate("ines")
    world.consortium.add_officer(officer(ines))
    world.consortium.remove_officer("lena")
    assert world.consortium.officers == ("ines", "otto", "vera")
    vera, otto, lena = old(world, "vera", "otto", "lena")
    assert world.consortium.sign_with([vera, otto]).complete
    world.central.publish(world.consortium)
    names = [member.name for member in world.trust.refresh().roster.members]
    assert names == ["vera", "otto", "ines"]
    with raises_code(NotOnRosterError, "not-an-officer-key"):
        world.consortium.sign_with([lena])
    assert world.consortium.sign_with([ines, otto]).complete


def test_an_officer_who_is_a_researcher_too_stays_one(world: Any) -> None:
    mara = world.join("mara", "researcher")
    world.sign()
    world.consortium.add_officer(Member(name="mara", roles=("officer",), keys=mara.public))
    world.sign()
    assert world.consortium.roster.member("mara").roles == ("researcher", "officer")
    world.consortium.remove_officer("mara")
    world.sign()
    assert world.consortium.roster.member("mara").roles == ("researcher",)


def test_the_threshold_changes_with_the_officers_of_before_agreeing(world: Any) -> None:
    world.publish()
    vera, otto, lena = old(world, "vera", "otto", "lena")
    world.consortium.set_threshold(3)
    signing = world.consortium.sign_with([vera, otto])
    assert signing.root is not None
    assert (signing.root.old.missing, signing.root.new.missing) == (0, 1)
    assert world.consortium.sign_with([lena]).complete
    world.central.publish(world.consortium)
    assert world.trust.refresh().roster.version == 2
    world.join("mara")
    assert not world.consortium.sign_with([vera, otto]).complete
    with raises_code(SettingsError, "root-threshold"):
        world.consortium.set_threshold(4)
    with raises_code(RosterError, "root-officers"):
        world.consortium.remove_officer("lena")


def test_centrals_key_is_replaced(world: Any) -> None:
    world.publish()
    world.trust.refresh()
    stolen, world.central.key = world.central.key, Ed25519PrivateKey.generate()
    world.consortium.set_online_key(online_public_key(world.central.key))
    world.sign()
    world.central.publish(world.consortium)
    assert world.trust.refresh().roster.version == 2
    world.central.key = stolen
    with raises_code(RosterError, "online-key-other"):
        world.central.renew(datetime.now(UTC) + timedelta(hours=20))


def test_an_officers_key_is_never_centrals(world: Any) -> None:
    (vera,) = old(world, "vera")
    with raises_code(RosterError, "root-online-key"):
        world.consortium.set_online_key(online_public_key(vera.ed25519))


def test_the_same_key_is_never_two_officers(world: Any) -> None:
    (vera,) = old(world, "vera")
    with raises_code(RosterError, "root-key-taken"):
        world.consortium.replace_officer(Member(name="otto", roles=("officer",), keys=vera.public))


def test_lifetimes_change_with_the_next_root(world: Any) -> None:
    world.publish()
    now = datetime.now(UTC)
    world.consortium.set_lifetimes(
        Lifetimes(root=timedelta(days=100), targets=timedelta(days=30)), now=now
    )
    world.sign(now)
    assert world.consortium.signing.expires > now + timedelta(days=29)
    assert now + timedelta(days=99) < world.consortium.root_expires < now + timedelta(days=101)


def test_a_root_is_renewed_before_it_expires(found: Callable[..., Any]) -> None:
    begun = datetime.now(UTC) - timedelta(days=360)
    world = found(now=begun)
    world.publish()
    world.trust.refresh()
    world.consortium.renew_root()
    world.publish()
    assert world.consortium.root_expires > datetime.now(UTC) + timedelta(days=364)
    assert world.trust.refresh().expires > datetime.now(UTC) + timedelta(days=6)


def test_what_is_staged_can_be_dropped(world: Any) -> None:
    world.publish()
    before = world.consortium.root
    world.consortium.add_officer(officer(Identity.generate("ines")))
    world.join("mara")
    world.consortium.sign({"vera": PASSPHRASES["vera"]})
    world.consortium.discard()
    assert not world.consortium.unsigned_changes
    assert world.consortium.root == before
    assert "ines" not in world.consortium.officers
    world.consortium.bundle()


def test_root_and_roster_that_name_different_keys_of_an_officer_are_not_signed(world: Any) -> None:
    """People compare the roster's fingerprint; the root must not hold another key."""
    roster = world.consortium.roster
    other = officer(Identity.generate("otto"))
    members = tuple(other if m.name == "otto" else m for m in roster.members)
    world.consortium.folder.write_roster(roster.model_copy(update={"members": members}))
    with raises_code(RosterError, "root-officer-key"):
        world.sign()


def test_an_officer_is_not_removed_or_rotated_as_a_mere_member(world: Any) -> None:
    with raises_code(RosterError, "officer-in-root"):
        world.consortium.remove_member("vera")
    with raises_code(RosterError, "officer-in-root"):
        world.consortium.rotate_member(officer(Identity.generate("vera")))


def test_a_root_that_is_cut_off_before_the_roster_is_signed_again(world: Any) -> None:
    """The new root is there, the roster under it not: as after a power cut between the two."""
    world.publish()
    new = Identity.generate("otto")
    world.consortium.replace_officer(officer(new))
    vera, otto = old(world, "vera", "otto")
    world.consortium.sign_with([vera, otto, new])
    (world.consortium.directory / "metadata" / "2.targets.json").unlink()
    again = Consortium(world.consortium.directory)
    assert again.unsigned_changes
    assert again.sign_with([vera, new]).complete
    assert again.roster.version == 2
