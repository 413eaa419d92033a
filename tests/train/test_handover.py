"""The file that goes to and fro between officers, under any change of its bytes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Targets

from phtlab.consortium.handover import Handover
from phtlab.errors import RosterError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.root import read_draft
from tests.raising import raises_code


@pytest.fixture
def handover(world: Any) -> Handover:
    """A signed roster, and on top of it an officer and a member more, signed by Vera."""
    world.sign()
    ines = Member(name="ines", roles=("officer",), keys=Identity.generate("ines").public)
    world.consortium.add_officer(ines)
    world.join("mara")
    world.consortium.sign({"vera": "correct horse 1"})
    made: Handover = world.consortium.export()
    return made


def meaning(handover: Handover) -> Any:
    """All of it but the signatures, which others may add or take away."""
    assert handover.next_root is not None
    return (
        handover.fingerprint,
        read_draft(handover.next_root).signed_bytes,
        handover.version,
        handover.signed_files,
        handover.files,
    )


def test_it_comes_back_as_it_was(handover: Handover) -> None:
    assert Handover.from_bytes(handover.to_bytes()) == handover


def test_no_change_of_a_byte_is_believed(handover: Handover) -> None:
    """Each of 600 is refused, or changes nothing that officers sign, such as a blank."""
    content, expected = handover.to_bytes(), meaning(handover)
    chance, refused = random.Random(16), 0
    for _ in range(600):
        changed = bytearray(content)
        place = chance.randrange(len(changed))
        changed[place] = chance.choice(b'ABCDabcd0123"{}[],: +/=')
        try:
            taken = Handover.from_bytes(bytes(changed))
        except RosterError as error:
            assert error.code == "handover"
            refused += 1
        else:
            assert meaning(taken) == expected
    assert refused > 500


def test_a_file_that_is_cut_is_refused(handover: Handover) -> None:
    content = handover.to_bytes()
    for length in range(0, len(content) - 1, len(content) // 50):
        with pytest.raises(RosterError) as refused:
            Handover.from_bytes(content[:length])
        assert refused.value.code == "handover"


def test_a_roster_by_officers_who_were_replaced_is_not_taken_over(world: Any) -> None:
    """All their keys were stolen; the file holds the root that replaced them, and a roster."""
    world.sign()
    old = [world.consortium.officer(n, f"correct horse {i}") for n, i in (("vera", 1), ("otto", 2))]
    for name in ("vera", "otto"):
        new = Identity.generate(name)
        member = Member(name=name, roles=("officer",), keys=new.public)
        world.consortium.replace_officer(member, stolen=True)
        old.append(new)
    assert world.consortium.sign_with(old).complete
    mine = world.consortium.export()
    targets = Metadata[Targets].from_bytes(mine.signed or b"")
    targets.signed.version += 1
    targets.signatures.clear()
    for thief in old[:2]:
        targets.sign(CryptoSigner(thief.ed25519), append=True)
    forged = replace(mine, signed=targets.to_bytes())
    assert Handover.from_bytes(forged.to_bytes()).version == mine.version + 1
    with raises_code(RosterError, "handover", cause="handover-too-few-signed"):
        world.consortium.import_handover(forged)
    assert world.consortium.export() == mine


@pytest.mark.parametrize(
    ("part", "value", "cause"),
    [
        ("roots", [], "handover-next-root"),
        ("next_root", None, "handover-other-root"),
        ("next_signed", None, "handover-unsigned"),
        ("signed", None, "handover-next-roster"),
        ("files", {}, "handover-files"),
        ("signed_files", {}, "handover-files"),
        ("next_root", "", "root-draft-damaged"),
        ("next_signed", "e30=", "handover-next-roster-damaged"),
    ],
)
def test_a_part_that_is_left_out_is_refused(
    handover: Handover, part: str, value: Any, cause: str
) -> None:
    packed = json.loads(handover.to_bytes()) | {part: value}
    with raises_code(RosterError, "handover", cause=cause):
        Handover.from_bytes(json.dumps(packed).encode())
