"""What a member believes of central's roster, and what it refuses, by attack."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from phtlab.errors import CentralUnreachableError, RosterError, RosterStaleError
from phtlab.train.crypto.identity import Identity
from phtlab.trust_store.repository import Lifetimes, load_root
from phtlab.trust_store.trust import root_fingerprint
from tests.limits import join
from tests.raising import raises_code


def ago(**parts: float) -> datetime:
    return datetime.now(UTC) - timedelta(**parts)


def names(trusted: Any) -> list[str]:
    return [member.name for member in trusted.roster.members]


def online(central: Any, targets: int, *, snapshot: int, timestamp: int) -> None:
    """What a central that misuses its own key can sign: any version is the newest."""
    signer = CryptoSigner(central.key)
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    made = Metadata(
        Snapshot(version=snapshot, expires=expires, meta={"targets.json": MetaFile(targets)})
    )
    made.sign(signer)
    central.metadata[f"{snapshot}.snapshot.json"] = made.to_bytes()
    newest = Metadata(
        Timestamp(version=timestamp, expires=expires, snapshot_meta=MetaFile(snapshot))
    )
    newest.sign(signer)
    central.metadata["timestamp.json"] = newest.to_bytes()


FAR = 10**11  # a version above the seconds since 1970 that central uses


def test_roster_and_catalogue_arrive(world: Any) -> None:
    world.join("cleveland", "station")
    world.publish()
    trusted = world.trust.refresh()
    assert trusted.fresh
    assert trusted.roster.version == 1
    assert names(trusted) == ["vera", "otto", "lena", "cleveland"]
    assert trusted.roster.consortium == "hearts"
    assert trusted.catalogue.images == ()
    assert trusted.expires > datetime.now(UTC) + timedelta(days=6)


def test_the_consortiums_name_is_known_from_the_first_refresh_on(world: Any) -> None:
    assert world.trust.consortium is None
    world.publish()
    world.trust.refresh()
    assert world.trust.consortium == "hearts"


def test_change_arrives_with_a_higher_version(world: Any) -> None:
    world.publish()
    assert world.trust.refresh().roster.version == 1
    world.join("cleveland", "station")
    world.publish()
    trusted = world.trust.refresh()
    assert (trusted.roster.version, "cleveland" in names(trusted)) == (2, True)


def test_revoked_member_is_gone_after_a_refresh(world: Any) -> None:
    world.join("cleveland", "station")
    world.publish()
    assert "cleveland" in names(world.trust.refresh())
    world.consortium.remove_member("cleveland")
    world.publish()
    assert "cleveland" not in names(world.trust.refresh())


def test_unchanged_roster_is_not_downloaded_again(world: Any) -> None:
    world.publish()
    world.trust.refresh()
    world.central.asked.clear()
    world.trust.refresh()
    asked = [url.rpartition("/")[2] for url in world.central.asked]
    assert asked == ["2.root.json", "timestamp.json"]


# Pinning


def test_nothing_is_believed_before_a_root_is_pinned(world: Any, tmp_path: Path) -> None:
    world.trust.directory = tmp_path / "new"
    assert not world.trust.pinned
    for ask in (world.trust.refresh, world.trust.cached):
        with raises_code(RosterError, "root-not-pinned"):
            ask()


def test_pinning_again_changes_nothing(world: Any) -> None:
    world.trust.pin(world.consortium.root)
    assert world.trust.fingerprint == world.consortium.fingerprint


def test_root_of_another_consortium_is_not_pinned_over(world: Any) -> None:
    other = Identity.generate("eve")
    with raises_code(RosterError, "root-pinned"):
        world.trust.pin(forged_root(other))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"signed": {}}', b"[" * 10**5])
def test_what_is_no_root_is_not_pinned(world: Any, content: bytes) -> None:
    with raises_code(RosterError, "roster-metadata"):
        world.trust.pin(content)


def test_root_without_its_officers_signatures_is_not_pinned(world: Any) -> None:
    root = Metadata[Root].from_bytes(world.consortium.root)
    root.signatures.popitem()
    root.signatures.popitem()
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.pin(root.to_bytes())


def test_root_that_counts_one_key_twice_is_not_pinned(world: Any) -> None:
    root = Metadata[Root].from_bytes(world.consortium.root)
    twin = next(iter(root.signed.keys.values())).to_dict()
    raw = root.to_dict()
    raw["signed"]["keys"]["f" * 64] = twin
    doubled = Metadata[Root].from_dict(raw)
    with raises_code(RosterError, "roster") as caught:
        load_root(doubled.to_bytes())
    assert caught.value.__cause__ is None  # It is signed.


def test_fingerprint_is_of_what_is_signed_not_of_the_signatures(world: Any) -> None:
    root = Metadata[Root].from_bytes(world.consortium.root)
    root.signatures.popitem()
    assert root_fingerprint(root.to_bytes()) == world.consortium.fingerprint
    groups = world.consortium.fingerprint.split("-")
    assert [len(group) for group in groups] == [4] * 8


# A hostile central


def forged_root(officer: Identity, version: int = 1) -> bytes:
    signer = CryptoSigner(officer.ed25519)
    root = Root(version=version, expires=datetime(2099, 1, 1, tzinfo=UTC))
    for role in ("root", "targets", "snapshot", "timestamp"):
        root.add_key(signer.public_key, role)
    metadata = Metadata(root)
    metadata.sign(signer)
    return metadata.to_bytes()


def test_central_cannot_add_a_member(world: Any) -> None:
    """Central signs a roster of its own with the only key that it has."""
    world.publish()
    world.trust.refresh()
    forged = b'{"consortium":"hearts","members":[]}'
    targets = Metadata[Targets].from_bytes(world.central.metadata["1.targets.json"])
    targets.signed.version = 2
    targets.signed.targets["roster.json"] = TargetFile.from_data("roster.json", forged, ["sha256"])
    targets.sign(CryptoSigner(world.central.key))
    world.central.metadata["2.targets.json"] = targets.to_bytes()
    online(world.central, 2, snapshot=FAR, timestamp=FAR)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.refresh()


def test_one_officer_alone_cannot_add_a_member(world: Any) -> None:
    world.publish()
    officer = world.consortium.officer("vera", "correct horse 1")
    targets = Metadata[Targets].from_bytes(world.central.metadata["1.targets.json"])
    targets.signed.version = 2
    targets.sign(CryptoSigner(officer.ed25519))
    world.central.metadata["2.targets.json"] = targets.to_bytes()
    online(world.central, 2, snapshot=FAR, timestamp=FAR)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.refresh()


def test_central_cannot_swap_a_key_in_the_roster(world: Any) -> None:
    world.join("cleveland", "station")
    world.publish()
    name = next(name for name in world.central.targets if name.endswith("roster.json"))
    mine = Identity.generate("cleveland").public.ed25519
    theirs = world.members["cleveland"].public.ed25519
    roster = world.central.targets[name]
    assert theirs.encode() in roster
    world.central.targets[name] = roster.replace(theirs.encode(), mine.encode())
    with raises_code(RosterError, "roster", cause=LengthOrHashMismatchError):
        world.trust.refresh()


def test_central_cannot_bring_its_own_root(world: Any) -> None:
    world.publish()
    world.central.metadata["2.root.json"] = forged_root(Identity.generate("eve"), version=2)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.refresh()


def test_roster_rollback_refused(world: Any) -> None:
    world.publish()
    world.join("cleveland", "station")
    world.publish()
    assert world.trust.refresh().roster.version == 2
    online(world.central, 1, snapshot=FAR, timestamp=FAR)
    with raises_code(RosterStaleError, "roster-rollback", cause=BadVersionNumberError):
        world.trust.refresh()
    assert world.trust.cached().roster.version == 2


def test_timestamp_rollback_refused(world: Any) -> None:
    world.publish()
    old = world.central.metadata["timestamp.json"]
    online(world.central, 1, snapshot=FAR, timestamp=FAR)
    world.trust.refresh()
    world.central.metadata["timestamp.json"] = old
    with pytest.raises(RosterStaleError) as refused:
        world.trust.refresh()
    assert refused.value.code == "roster-rollback"


def test_roster_freeze_expires(world: Any) -> None:
    """Central hides a new roster and goes on saying that the old one is the newest."""
    world.publish(ago(days=7.5))
    world.central.renew()
    with raises_code(RosterStaleError, "roster-stale", cause=ExpiredMetadataError):
        world.trust.refresh()


def test_central_that_stops_renewing_is_noticed(world: Any) -> None:
    world.publish(ago(days=1.5))
    with raises_code(RosterStaleError, "roster-stale", cause=ExpiredMetadataError):
        world.trust.refresh()
    world.central.renew()
    assert world.trust.refresh().fresh


def test_central_renews_without_officers_but_not_the_roster(world: Any) -> None:
    world.publish(ago(days=3))
    world.central.renew()
    trusted = world.trust.refresh()
    assert trusted.roster.version == 1
    assert trusted.expires < datetime.now(UTC) + timedelta(days=4.1)


def test_expired_root_refused(found: Callable[..., Any]) -> None:
    lifetimes = Lifetimes(root=timedelta(days=2), targets=timedelta(days=30))
    world = found(lifetimes=lifetimes, now=ago(days=3))
    world.publish(ago(days=2.5))
    world.central.renew(ago(days=1))
    online(world.central, 1, snapshot=FAR, timestamp=FAR)
    with raises_code(RosterStaleError, "roster-stale", cause=ExpiredMetadataError):
        world.trust.refresh()


def test_endless_metadata_refused(world: Any) -> None:
    world.publish()
    world.central.metadata["timestamp.json"] = b" " * 20_000
    with raises_code(RosterError, "roster", cause=DownloadLengthMismatchError):
        world.trust.refresh()


@pytest.mark.parametrize("name", ["timestamp.json", "1.targets.json"])
def test_garbage_refused(world: Any, name: str) -> None:
    world.publish()
    world.central.metadata[name] = b"garbage"
    with raises_code(RosterError, "roster", cause=RepositoryError):
        world.trust.refresh()


def test_roster_of_a_newer_form_refused(world: Any) -> None:
    roster = world.consortium.directory / "targets" / "roster.json"
    roster.write_bytes(b'{"consortium":"hearts","federation":1,"members":[]}')
    with raises_code(RosterError, "roster-form"):
        _ = world.consortium.roster


# Central does not answer


def test_unreachable_central_the_kept_roster_is_used(world: Any) -> None:
    world.publish()
    world.trust.refresh()
    world.central.down = True
    trusted = world.trust.refresh()
    assert (trusted.fresh, trusted.roster.version) == (False, 1)
    assert world.trust.cached() == trusted


@pytest.mark.parametrize("status", [404, 500, 503])
def test_ill_central_the_kept_roster_is_used(world: Any, status: int) -> None:
    world.publish()
    world.trust.refresh()
    world.central.status = status
    assert not world.trust.refresh().fresh


def test_central_that_is_cut_off_in_the_middle_the_kept_roster_is_used(world: Any) -> None:
    world.publish()
    world.trust.refresh()
    world.join("cleveland", "station")
    world.publish()
    del world.central.metadata["2.targets.json"]
    assert world.trust.refresh().roster.version == 1
    world.central.publish(world.consortium)
    assert world.trust.refresh().roster.version == 2


def test_unreachable_central_and_nothing_kept(world: Any) -> None:
    world.central.down = True
    with raises_code(CentralUnreachableError, "central-unreachable"):
        world.trust.refresh()


def test_central_before_the_first_roster(world: Any) -> None:
    with raises_code(CentralUnreachableError, "central-unreachable"):
        world.trust.refresh()


def test_kept_roster_is_used_only_until_it_expires(found: Callable[..., Any]) -> None:
    world = found(lifetimes=Lifetimes(targets=timedelta(seconds=86_400)))
    world.publish()
    world.trust.refresh()
    world.central.down = True
    world.trust.cached()
    expired(world)
    for ask in (world.trust.refresh, world.trust.cached):
        with raises_code(RosterStaleError, "roster-stale"):
            ask()
    with raises_code(RosterStaleError, "roster-stale"):
        world.trust.refresh()


def expired(world: Any) -> None:
    """Give `world.trust` what it would have kept from yesterday: the same, signed a day ago."""
    kept = world.trust.directory / "trusted.json"
    officers = [
        world.consortium.officer(name, f"correct horse {number}")
        for number, name in enumerate(("vera", "otto"), 1)
    ]
    targets = Metadata[Targets].from_bytes(world.central.metadata["1.targets.json"])
    targets.signed.expires = ago(hours=1).replace(microsecond=0)
    targets.signatures.clear()
    for officer in officers:
        targets.sign(CryptoSigner(officer.ed25519), append=True)
    state = json.loads(kept.read_bytes())
    state["targets"] = base64.b64encode(targets.to_bytes()).decode()
    kept.write_text(json.dumps(state))


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"targets": "x"'])
def test_damaged_kept_roster_is_fetched_again(world: Any, damage: bytes) -> None:
    world.publish()
    world.trust.refresh()
    (world.trust.directory / "trusted.json").write_bytes(damage)
    with pytest.raises(CentralUnreachableError):
        world.trust.cached()
    assert world.trust.refresh().fresh


def test_changed_kept_roster_refused(world: Any) -> None:
    world.publish()
    world.trust.refresh()
    kept = world.trust.directory / "trusted.json"
    content = kept.read_bytes()
    position = content.index(b'"roster":"') + 40
    kept.write_bytes(content[:position] + b"AAAA" + content[position + 4 :])
    with raises_code(RosterError, "roster-changed"):
        world.trust.cached()


# Several at once


def test_threads_refresh_the_same_folder_at_once(world: Any) -> None:
    world.publish()
    versions: list[int] = []
    threads = [
        threading.Thread(target=lambda: versions.append(world.trust.refresh().roster.version))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert versions == [1] * 8


def test_members_who_join_later_follow_from_the_same_root(world: Any) -> None:
    world.publish()
    world.publish()
    assert world.trust_in("late").refresh().roster.version == 2


def test_central_with_another_online_key_cannot_publish(world: Any) -> None:
    world.sign()
    world.central.key = Ed25519PrivateKey.generate()
    with raises_code(RosterError, "online-key-other"):
        world.central.publish(world.consortium)
