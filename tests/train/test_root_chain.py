"""Roots that follow one another: officers leave, members who pinned the first one follow."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root

from phtlab.errors import RosterError, RosterStaleError
from phtlab.train.crypto.identity import Identity
from phtlab.trust_store.publication import accept_bundle
from phtlab.trust_store.repository import load_next_root, load_root
from tests.raising import raises_code


def officers(world: Any, *names: str) -> list[Identity]:
    numbers = {"vera": 1, "otto": 2, "lena": 3}
    return [world.consortium.officer(name, f"correct horse {numbers[name]}") for name in names]


def rotated(
    world: Any, signers: Iterable[Identity], *, without: Identity | None = None, version: int = 2
) -> bytes:
    root = Metadata[Root].from_bytes(world.consortium.root)
    root.signed.version = version
    root.signatures.clear()
    if without is not None:
        for role in ("root", "targets"):
            root.signed.revoke_key(CryptoSigner(without.ed25519).public_key.keyid, role)
    for signer in signers:
        root.sign(CryptoSigner(signer.ed25519), append=True)
    return root.to_bytes()


def keep(world: Any, root: bytes) -> None:
    version = load_root(root).signed.version
    (world.consortium.directory / "metadata" / f"{version}.root.json").write_bytes(root)


def test_members_and_central_follow_to_a_root_without_an_officer_who_left(world: Any) -> None:
    world.publish()
    assert world.trust.refresh().roster.version == 1
    vera, otto, lena = officers(world, "vera", "otto", "lena")
    keep(world, rotated(world, [vera, otto], without=lena))
    world.join("cleveland", "station")
    world.publish()
    assert set(world.central.metadata) >= {"1.root.json", "2.root.json", "2.targets.json"}
    assert world.trust.refresh().roster.version == 2
    assert world.trust_in("late").directory != world.trust.directory
    world.central.down = True
    assert world.trust.cached().roster.version == 2

    with raises_code(RosterError, "not-an-officer-key"):
        world.consortium.sign_with([lena])


def test_kept_roster_by_an_officer_who_left_is_not_believed(world: Any) -> None:
    """The new root has arrived, the roster under it has not: the old one counts for nothing."""
    world.consortium.sign_with(officers(world, "otto", "lena"))
    world.central.publish(world.consortium)
    world.trust.refresh()
    vera, otto, lena = officers(world, "vera", "otto", "lena")
    world.central.metadata["2.root.json"] = rotated(world, [vera, otto], without=lena)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.refresh()
    world.central.down = True
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.trust.refresh()


def test_root_signed_by_too_few_of_the_old_officers_refused(world: Any) -> None:
    world.sign()
    vera, lena = officers(world, "vera", "lena")
    eve = Identity.generate("eve")
    root = Metadata[Root].from_bytes(world.consortium.root)
    root.signed.version = 2
    root.signatures.clear()
    for role in ("root", "targets"):
        root.signed.revoke_key(CryptoSigner(lena.ed25519).public_key.keyid, role)
        root.signed.add_key(CryptoSigner(eve.ed25519).public_key, role)
    for signer in (vera, eve):
        root.sign(CryptoSigner(signer.ed25519), append=True)
    forged = root.to_bytes()
    load_root(forged)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        load_next_root(load_root(world.consortium.root).signed, forged)
    bundle = world.consortium.bundle()
    bundle["metadata"]["2.root.json"] = _b64(forged)
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        accept_bundle(world.central.metadata, bundle, datetime.now(UTC))


def test_gap_in_the_chain_of_roots_refused(world: Any) -> None:
    third = rotated(world, officers(world, "vera", "otto"), version=3)
    with raises_code(RosterStaleError, "roster-rollback"):
        load_next_root(load_root(world.consortium.root).signed, third)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
