"""Central's checks of what officers bring, and the signatures that it adds."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from phtlab.consortium.consortium import Consortium
from phtlab.errors import RosterError, RosterStaleError
from phtlab.trust_store.publication import accept_bundle, pin_root, renew_timestamp, sign_online
from phtlab.trust_store.repository import online_public_key
from tests.raising import raises_code

NOW = datetime.now(UTC)


@pytest.fixture
def bundle(world: Any) -> Any:
    world.join("mara")
    world.sign()
    return world.consortium.bundle()


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_bundle_of_the_threshold_accepted(world: Any, bundle: Any) -> None:
    accepted = accept_bundle(world.central.metadata, bundle, NOW)
    assert (accepted.version, accepted.roster.member("mara").name) == (1, "mara")
    assert set(accepted.metadata) == {"1.targets.json"}
    assert sorted(name.partition(".")[2] for name in accepted.targets) == [
        "catalogue.json",
        "roster.json",
    ]


def test_same_bundle_again_accepted(world: Any, bundle: Any) -> None:
    world.central.publish(world.consortium)
    assert accept_bundle(world.central.metadata, bundle, NOW).version == 1


def test_older_bundle_refused(world: Any, bundle: Any) -> None:
    world.publish()
    assert world.consortium.roster.version == 2
    with raises_code(RosterStaleError, "roster-rollback"):
        accept_bundle(world.central.metadata, bundle, NOW)


def test_second_bundle_of_the_same_version_refused(world: Any, bundle: Any) -> None:
    """Two copies of the officers' folder went different ways."""
    world.central.publish(world.consortium)
    folder = world.consortium.directory
    (folder / "metadata" / "1.targets.json").unlink()
    world.join("nils")
    world.sign()
    with raises_code(RosterStaleError, "roster-rollback"):
        accept_bundle(world.central.metadata, world.consortium.bundle(), NOW)


def test_expired_bundle_refused(world: Any, bundle: Any) -> None:
    with raises_code(RosterStaleError, "roster-stale"):
        accept_bundle(world.central.metadata, bundle, NOW + timedelta(days=8))


def test_bundle_of_another_consortium_refused(world: Any, bundle: Any) -> None:
    other = Consortium.found(
        world.folder / "other",
        "hearts",
        {"eve": "correct horse 9"},
        threshold=1,
        online_key=online_public_key(world.central.key),
        log_n=8,
    )
    other.sign({"eve": "correct horse 9"})
    with raises_code(RosterError, "root-other"):
        accept_bundle(world.central.metadata, other.bundle(), NOW)
    headless = other.bundle()
    del headless["metadata"]["1.root.json"]
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        accept_bundle(world.central.metadata, headless, NOW)


def test_bundle_without_a_pinned_root_refused(bundle: Any) -> None:
    with raises_code(RosterError, "root-not-pinned"):
        accept_bundle({}, bundle, NOW)


def test_central_that_is_set_up_anew_serves_the_roots_before_the_one_it_pinned(world: Any) -> None:
    """A member who pinned the first root finds the second and the third there."""
    world.publish()
    away = world.trust_in("away")
    for _ in range(2):
        world.consortium.renew_root()
        world.publish()
    anew = pin_root(world.consortium.root)
    accepted = accept_bundle(anew, world.consortium.bundle(), NOW)
    assert set(accepted.metadata) == {"1.root.json", "2.root.json", "3.targets.json"}
    world.central.metadata = pin_root(world.consortium.root)
    world.central.targets = {}
    world.central.publish(world.consortium)
    assert away.refresh().roster.version == 3
    # The same bundle again finds them there.
    assert set(accept_bundle(world.central.metadata, world.consortium.bundle(), NOW).metadata) == {
        "3.targets.json"
    }


def test_older_roots_that_do_not_lead_to_the_pinned_one_are_refused(world: Any) -> None:
    world.sign()
    world.consortium.renew_root()
    world.sign()
    other = Consortium.found(
        world.folder / "other",
        "hearts",
        {"eve": "correct horse 9"},
        threshold=1,
        online_key=online_public_key(world.central.key),
        log_n=8,
    )
    bundle = world.consortium.bundle()
    bundle["metadata"]["1.root.json"] = b64(other.root)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        accept_bundle(pin_root(world.consortium.root), bundle, NOW)


def test_pinning_what_is_no_root_refused() -> None:
    with raises_code(RosterError, "roster-metadata"):
        pin_root(b"{}")


@pytest.mark.parametrize(
    ("part", "name", "content", "code"),
    [
        ("targets", "roster.json", b64(b'{"consortium":"hearts"}'), "roster-changed"),
        ("targets", "roster.json", "not base64!", "bundle-form"),
        ("targets", "roster.json", None, "bundle-files"),
        ("targets", "../../etc/passwd", b64(b"x"), "bundle-files"),
        ("metadata", "1.targets.json", None, "bundle-unsigned"),
        ("metadata", "1.targets.json", b64(b"garbage"), "roster-metadata"),
        ("metadata", "2.root.json", b64(b"garbage"), "roster-metadata"),
    ],
)
def test_spoiled_bundle_refused(
    world: Any, bundle: Any, part: str, name: str, content: str | None, code: str
) -> None:
    if content is None:
        del bundle[part][name]
    else:
        bundle[part][name] = content
    with raises_code(RosterError, code):
        accept_bundle(world.central.metadata, bundle, NOW)


def test_renamed_targets_refused(world: Any, bundle: Any) -> None:
    bundle["metadata"]["7.targets.json"] = bundle["metadata"].pop("1.targets.json")
    with raises_code(RosterError, "bundle-version"):
        accept_bundle(world.central.metadata, bundle, NOW)


def test_bundle_that_is_too_large_refused(world: Any, bundle: Any) -> None:
    bundle["metadata"] |= {f"{number}.root.json": "" for number in range(2, 600)}
    with raises_code(RosterError, "bundle-size"):
        accept_bundle(world.central.metadata, bundle, NOW)


def test_signature_with_a_key_that_the_root_does_not_name_refused(world: Any, bundle: Any) -> None:
    accepted = accept_bundle(world.central.metadata, bundle, NOW)
    with raises_code(RosterError, "online-key-other"):
        sign_online(accepted, Ed25519PrivateKey.generate(), NOW)


def test_versions_rise_even_after_central_was_restored_from_a_backup(
    world: Any, bundle: Any
) -> None:
    accepted = accept_bundle(world.central.metadata, bundle, NOW)
    before = versions(sign_online(accepted, world.central.key, NOW))
    after = versions(sign_online(accepted, world.central.key, NOW + timedelta(hours=1)))
    assert all(new > old for new, old in zip(after, before, strict=True))


def versions(files: dict[str, bytes]) -> list[int]:
    name = next(name for name in files if name.endswith(".snapshot.json"))
    snapshot = Metadata[Snapshot].from_bytes(files[name]).signed.version
    assert name == f"{snapshot}.snapshot.json"
    return [snapshot, Metadata[Timestamp].from_bytes(files["timestamp.json"]).signed.version]


def test_timestamp_is_renewed_when_half_its_life_is_over(world: Any, bundle: Any) -> None:
    world.central.publish(world.consortium, NOW)
    first = versions(world.central.metadata)
    assert world.central.renew(NOW + timedelta(hours=11)) == {}
    renewed = world.central.renew(NOW + timedelta(hours=13))
    assert set(renewed) == {f"{versions(renewed)[0]}.snapshot.json", "timestamp.json"}
    assert all(new > old for new, old in zip(versions(renewed), first, strict=True))
    # A clock that was set back does not bring the versions down.
    assert versions(world.central.renew(NOW + timedelta(days=9)))[0] > versions(renewed)[0]


def test_nothing_to_renew_before_the_first_publication(world: Any) -> None:
    with raises_code(RosterError, "bundle-none"):
        renew_timestamp(world.central.metadata, world.central.key, NOW)


def test_damaged_timestamp_of_centrals_own_says_so(world: Any, bundle: Any) -> None:
    world.central.publish(world.consortium)
    world.central.metadata["timestamp.json"] = b"garbage"
    with raises_code(RosterError, "roster-damaged"):
        world.central.renew()
