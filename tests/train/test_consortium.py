"""The officers' folder: found, change, sign by a threshold, bundle."""

from __future__ import annotations

import errno
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.exceptions import UnsignedMetadataError

from phtlab.consortium.consortium import Consortium
from phtlab.errors import (
    NotOnRosterError,
    PassphraseError,
    RosterError,
    RosterStaleError,
    SettingsError,
    TrainError,
)
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import KernelImage
from phtlab.trust_store.repository import online_public_key, public_key
from tests.raising import raises_code

VERA, OTTO, LENA = (
    {"vera": "correct horse 1"},
    {"otto": "correct horse 2"},
    {"lena": "correct horse 3"},
)


def image(name: str = "python", letter: str = "a") -> KernelImage:
    return KernelImage(
        name=name,
        language="python",
        kernelspec="python3",
        repository=f"kernels/{name}",
        digest="sha256:" + letter * 64,
        diff_ids=("sha256:" + "b" * 64,),
    )


def test_officers_are_members_and_their_keys_are_under_passphrases(world: Any) -> None:
    consortium = world.consortium
    assert set(consortium.officers) == {"vera", "otto", "lena"}
    assert consortium.threshold == 2
    assert {m.name for m in consortium.roster.with_role("officer")} == set(consortium.officers)
    for path in (consortium.directory / "keys").iterdir():
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(consortium.directory.stat().st_mode) == 0o700
    with pytest.raises(PassphraseError):
        consortium.officer("vera", "wrong horse")


def test_threshold_that_cannot_be_met_refused(tmp_path: Path) -> None:
    for threshold in (0, 2):
        with raises_code(SettingsError, "root-threshold"):
            Consortium.found(tmp_path / "c", "hearts", VERA, threshold=threshold, online_key=key())
    assert not (tmp_path / "c").exists()


def key() -> dict[str, Any]:
    return online_public_key(Ed25519PrivateKey.generate())


@pytest.mark.parametrize(("name", "officer"), [("Hearts!", "vera"), ("hearts", "../vera")])
def test_name_that_cannot_be_refused(tmp_path: Path, name: str, officer: str) -> None:
    with raises_code(SettingsError, "consortium-name"):
        Consortium.found(
            tmp_path / "c", name, {officer: "correct horse 1"}, threshold=1, online_key=key()
        )
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_empty_is_not_touched(world: Any) -> None:
    before = world.consortium.root
    with raises_code(SettingsError, "consortium-folder"):
        Consortium.found(
            world.consortium.directory, "other", VERA, threshold=1, online_key=key(), log_n=8
        )
    assert Consortium(world.consortium.directory).root == before


def test_founding_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr("phtlab.consortium.founding.write_json", full)
    with pytest.raises(OSError) as caught:
        Consortium.found(tmp_path / "c", "hearts", VERA, threshold=1, online_key=key(), log_n=8)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"ed25519": "x"},
        {"ed25519": 5},
        {"keytype": "rsa", "scheme": "rsa", "keyval": {"public": ""}},
        {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00"}},
        {"keytype": "ed25519", "scheme": "ed25519", "keyval": None},
    ],
    ids=repr,
)
def test_online_key_of_another_form_refused(tmp_path: Path, wrong: Any) -> None:
    with raises_code(RosterError, "online-key-form"):
        Consortium.found(tmp_path / "c", "hearts", VERA, threshold=1, online_key=wrong)


def test_online_key_may_be_a_members(people: Any) -> None:
    keys = people["mara"].public.model_dump()
    described = online_public_key(people["mara"].ed25519)
    assert public_key(keys).keyid == public_key(described).keyid


def test_no_folder_says_how_to_found_one(tmp_path: Path) -> None:
    with raises_code(SettingsError, "consortium-folder"):
        Consortium(tmp_path)


def test_damaged_folder_says_so(world: Any) -> None:
    (world.consortium.directory / "targets" / "roster.json").unlink()
    with raises_code(SettingsError, "consortium-damaged"):
        _ = Consortium(world.consortium.directory).roster
    (world.consortium.directory / "metadata" / "1.root.json").write_text("{}")
    with raises_code(RosterError, "roster-metadata"):
        _ = Consortium(world.consortium.directory).root


# Members and images


def test_member_is_added_once(world: Any) -> None:
    identity = world.join("mara", "researcher")
    world.consortium.add_member(Member(name="mara", roles=("researcher",), keys=identity.public))
    assert [m.name for m in world.consortium.roster.members].count("mara") == 1


def test_second_member_of_the_same_name_refused(world: Any) -> None:
    world.join("mara")
    with raises_code(RosterError, "member-keys"):
        world.join("mara")


def test_second_member_with_the_same_keys_refused(world: Any) -> None:
    keys = world.join("mara").public
    with raises_code(RosterError, "roster-form"):
        world.consortium.add_member(Member(name="nils", roles=("researcher",), keys=keys))


def test_removing_a_stranger_names_those_there_are(world: Any) -> None:
    with raises_code(NotOnRosterError, "not-on-roster"):
        world.consortium.remove_member("mara")


def test_images_come_and_go(world: Any) -> None:
    consortium = world.consortium
    consortium.add_image(image(letter="a"))
    consortium.add_image(image(letter="c"))
    consortium.add_image(image(letter="c"))
    assert consortium.catalogue.named("python").digest == "sha256:" + "c" * 64
    consortium.remove_image("sha256:" + "c" * 64)
    assert consortium.catalogue.images == (image(letter="a"),)
    with raises_code(TrainError, "kernel-not-in-catalogue"):
        consortium.remove_image("sha256:" + "c" * 64)


# Signing


def test_threshold_of_officers_signs_one_after_the_other(world: Any) -> None:
    consortium = world.consortium
    assert consortium.signing is None
    first = consortium.sign(VERA)
    assert (first.version, first.signed_by, first.complete) == (1, ("vera",), False)
    assert consortium.unsigned_changes
    again = Consortium(consortium.directory).sign(VERA)
    assert (again.version, again.signed_by) == (1, ("vera",))
    second = consortium.sign(LENA)
    assert (second.version, set(second.signed_by), second.complete) == (1, {"vera", "lena"}, True)
    assert consortium.signing == second
    assert consortium.roster.version == 1
    assert not consortium.unsigned_changes


def test_bundle_before_the_threshold_refused(world: Any) -> None:
    with raises_code(RosterError, "roster-unsigned"):
        world.consortium.bundle()
    world.consortium.sign(VERA)
    with raises_code(RosterError, "roster-unsigned"):
        world.consortium.bundle()


def test_change_after_a_signature_makes_it_void(world: Any) -> None:
    world.consortium.sign(VERA)
    world.join("mara")
    signing = world.consortium.sign(OTTO)
    assert (signing.version, signing.signed_by, signing.complete) == (1, ("otto",), False)


def test_change_after_signing_must_be_signed(world: Any) -> None:
    world.sign()
    world.join("mara")
    assert world.consortium.unsigned_changes
    with raises_code(RosterError, "roster-unsigned"):
        world.consortium.bundle()
    world.sign()
    assert world.consortium.roster.version == 2
    world.consortium.bundle()


def test_signing_without_a_change_renews(world: Any) -> None:
    then = datetime.now(UTC) - timedelta(days=8)
    world.sign(then)
    with raises_code(RosterStaleError, "roster-stale"):
        world.consortium.bundle()
    world.sign()
    assert world.consortium.roster.version == 2
    world.consortium.bundle()


def test_signature_that_waited_too_long_starts_again(world: Any) -> None:
    world.consortium.sign(VERA, now=datetime.now(UTC) - timedelta(days=8))
    assert world.consortium.sign(OTTO).signed_by == ("otto",)


def test_somebody_who_is_no_officer_cannot_sign(world: Any) -> None:
    with raises_code(NotOnRosterError, "not-an-officer"):
        world.consortium.sign({"mara": "correct horse"})
    with raises_code(NotOnRosterError, "not-an-officer-key"):
        world.consortium.sign_with([Identity.generate("vera")])
    assert world.consortium.signing is None


def test_one_officer_cannot_sign_twice(world: Any) -> None:
    vera = world.consortium.officer("vera", "correct horse 1")
    assert not world.consortium.sign_with([vera, vera]).complete


def test_wrong_passphrase_signs_nothing(world: Any) -> None:
    with pytest.raises(PassphraseError):
        world.consortium.sign({**VERA, "otto": "wrong horse"})
    assert world.consortium.signing is None


def test_signed_roster_changed_on_disk_is_noticed(world: Any) -> None:
    world.sign()
    path = world.consortium.directory / "metadata" / "1.targets.json"
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9'))
    with raises_code(RosterError, "roster", cause=UnsignedMetadataError):
        world.consortium.bundle()


def test_damaged_pending_signature_starts_again(world: Any) -> None:
    world.consortium.sign(VERA)
    (world.consortium.directory / "metadata" / "pending.targets.json").write_bytes(b"garbage")
    assert world.consortium.signing is None
    assert world.consortium.sign(OTTO).signed_by == ("otto",)
