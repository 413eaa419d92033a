"""Bech32, by the strings of BIP 173 and of the age specification."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.errors import SealKeyError
from phtlab.train.crypto.age import HybridIdentity, HybridRecipient, X25519Identity, X25519Recipient
from phtlab.train.crypto.age.bech32 import decode, encode
from tests.raising import raises_code

# From c2sp.org/age.
HYBRID_IDENTITY = "AGE-SECRET-KEY-PQ-1XX76JRALNLXDMEW0CRK45QMCCH4X06SE84UN3VPM33W6HWDX0H3SK3ZQFR"
HYBRID_RECIPIENT_START = "age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg8"
X25519_IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
X25519_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.mark.parametrize(
    "text",
    [
        "A12UEL5L",
        "a12uel5l",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio"
        "1tt5tgs",
        f"11{'q' * 82}c8247j",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
        "?1ezyfcl",
    ],
)
def test_valid_strings_of_bip_173(text: str) -> None:
    prefix, data = decode(text)
    assert encode(prefix, data) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pzry9x0s0muk",
        "1pzry9x0s0muk",
        "x1b4n0q5v",
        "li1dgmt3",
        "A1G7SGD8",
        "10a06t8",
        "1qzzfhee",
        "a12UEL5L",
        "\x201nwldj5",
        "\x7f1axkwrx",
        "é1axkwrx",
        "\x801eym55h",
        "de1lg7wt\xff",
    ],
)
def test_invalid_strings_of_bip_173(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


@settings(deadline=None)
@given(st.binary(max_size=100), st.sampled_from(["age", "AGE-SECRET-KEY-PQ-", "age1pq"]))
def test_round_trip(data: bytes, prefix: str) -> None:
    assert decode(encode(prefix, data)) == (prefix, data)


@settings(deadline=None)
@given(st.integers(0, 76), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_a_mistyped_character_is_noticed(position: int, character: str) -> None:
    mistyped = HYBRID_IDENTITY[:position] + character.upper() + HYBRID_IDENTITY[position + 1 :]
    if mistyped != HYBRID_IDENTITY:
        with pytest.raises(SealKeyError) as caught:
            HybridIdentity.parse(mistyped)
        assert mistyped[20:] not in str(caught.value)


def test_keys_of_the_specification() -> None:
    hybrid = HybridIdentity.parse(HYBRID_IDENTITY)
    recipient = str(hybrid.recipient())
    assert str(hybrid) == HYBRID_IDENTITY
    assert recipient.startswith(HYBRID_RECIPIENT_START)
    assert recipient.endswith("saeq0d3fzv49zc0k")
    assert HybridRecipient.parse(recipient) == hybrid.recipient()

    classical = X25519Identity.parse(X25519_IDENTITY)
    assert str(classical.recipient()) == X25519_RECIPIENT
    assert X25519Recipient.parse(X25519_RECIPIENT) == classical.recipient()


def test_one_kind_of_key_is_not_taken_for_another() -> None:
    with raises_code(SealKeyError, "seal-identity-kind"):
        HybridIdentity.parse(X25519_IDENTITY)
    with raises_code(SealKeyError, "seal-x25519-kind"):
        X25519Identity.parse(HYBRID_IDENTITY)
    with raises_code(SealKeyError, "seal-recipient-kind"):
        HybridRecipient.parse(X25519_RECIPIENT)
    with raises_code(SealKeyError, "seal-recipient-form"):
        HybridRecipient.parse(encode("age1pq", b"abc"))


def test_a_secret_does_not_show_itself() -> None:
    assert HYBRID_IDENTITY[20:] not in repr(HybridIdentity.parse(HYBRID_IDENTITY))
    assert repr(X25519Identity.parse(X25519_IDENTITY)) == "X25519Identity()"


def test_a_key_of_the_wrong_length_or_spelling_is_refused() -> None:
    for make in (HybridIdentity, X25519Identity):
        with raises_code(SealKeyError, "seal-identity-form"):
            make(bytes(31))
    with raises_code(SealKeyError, "seal-recipient-form"):
        X25519Recipient(bytes(31))
    with raises_code(SealKeyError, "seal-x25519-text"):
        X25519Recipient.parse("age1")
