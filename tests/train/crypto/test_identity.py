"""Keys and members: one spelling each, and no key that cannot be one."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.crypto.identity import Identity, Member, PublicKeys
from tests.raising import invalid


def test_same_seeds_are_the_same_identity() -> None:
    age = HybridIdentity.generate()
    one = Identity.from_seeds("mara", b"1" * 32, b"2" * 32, age)
    two = Identity.from_seeds("mara", b"1" * 32, b"2" * 32, age)
    assert one.public == two.public
    assert one.seeds() == (b"1" * 32, b"2" * 32)


def test_both_schemes_sign_and_verify(people: Any) -> None:
    keys = people["mara"].public
    signed = people["mara"].sign(b"message")
    assert set(signed) == {"ed25519", "ml-dsa-65"}
    for scheme, signature in signed.items():
        assert keys.verifies(scheme, signature, b"message")
        assert not keys.verifies(scheme, signature, b"massage")
        assert not keys.verifies(scheme, signature[:-1], b"message")
        assert not keys.verifies(scheme, b"", b"message")
        assert not people["nils"].public.verifies(scheme, signature, b"message")


def test_no_secret_in_the_repr(people: Any) -> None:
    assert repr(people["mara"]) == "Identity(name='mara')"


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("least", [0, 1, 0xEC, 0xED, 0xEE])
def test_a_point_under_which_anyone_can_sign_is_no_key(people: Any, least: int, sign: int) -> None:
    """0, 1 and -1 on the curve's y axis, and their second spellings: y or y - p, either sign."""
    rest = (b"\x00" * 31) if least < 2 else (b"\xff" * 30 + b"\x7f")
    raw = bytes([least]) + rest[:-1] + bytes([rest[-1] | sign])
    other = people["mara"].public.model_dump() | {"ed25519": base64.b64encode(raw).decode()}
    with invalid("value_error", "ed25519"):
        PublicKeys.model_validate(other)


def test_fingerprint_can_be_read_on_the_telephone(people: Any) -> None:
    fingerprints = {identity.public.fingerprint for identity in people.values()}
    assert len(fingerprints) == len(people)
    for fingerprint in fingerprints:
        assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){7}", fingerprint)


def test_fingerprint_covers_every_key(people: Any) -> None:
    mine, other = people["mara"].public, people["nils"].public
    for field in ("ed25519", "ml_dsa_65", "age"):
        mixed = mine.model_copy(update={field: getattr(other, field)})
        assert mixed.fingerprint != mine.fingerprint


def test_key_ids_differ_by_scheme_and_key(people: Any) -> None:
    ids = [key_id for p in people.values() for key_id in p.public.key_ids().values()]
    assert len(set(ids)) == 2 * len(people)


def second_spelling(text: str) -> str:
    """The same bytes: the last character's unused bits are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = len(text.rstrip("=")) - 1
    new = alphabet[alphabet.index(text[last]) + 1]
    other = text[:last] + new + text[last + 1 :]
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


def test_what_is_no_key_refused(people: Any) -> None:
    keys = people["mara"].public.model_dump()
    wrong = [
        {"ed25519": ""},
        {"ed25519": "not base64!"},
        {"ed25519": base64.b64encode(b"short").decode()},
        {"ed25519": second_spelling(keys["ed25519"])},
        {"ed25519": keys["ed25519"] + "\n"},
        {"ed25519": keys["ml_dsa_65"]},
        {"ml_dsa_65": base64.b64encode(b"short").decode()},
        {"ml_dsa_65": keys["ed25519"]},
        {"age": ""},
        {"age": keys["age"].upper()},
        {"age": keys["age"][:-1]},
        {"age": "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"},
        {"age": str(people["mara"].age)},
        {"rsa": "more"},
    ]
    PublicKeys.model_validate(keys)
    for change in wrong:
        with pytest.raises(ValidationError):
            PublicKeys.model_validate({**keys, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Mara"},
        {"name": "m"},
        {"name": "mara\n"},
        {"name": "../mara"},
        {"name": "m" * 64},
        {"roles": ()},
        {"roles": ("researcher", "researcher")},
        {"roles": ("king",)},
        {"organisation": "a\x1b[2Jb"},
        {"organisation": "a\u202eb"},
        {"organisation": "x" * 129},
    ],
    ids=repr,
)
def test_member_of_another_form_refused(people: Any, change: dict[str, Any]) -> None:
    value = {"name": "mara", "roles": ("researcher",), "keys": people["mara"].public.model_dump()}
    Member.model_validate(value)
    with pytest.raises(ValidationError):
        Member.model_validate({**value, **change})
