"""Wycheproof's cases through the functions that phtlab seals, signs and derives with.

Each case of each file is judged: one that is asked to hold holds, with the published result; one
that is asked to fail is refused. "Acceptable" (a low-order or twisted X25519 key) is decided below.
The package has no file for HMAC with SHA-256: RFC 4231's vectors are in `test_derived_keys.py`.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from pydantic import ValidationError

from phtlab.errors import SealKeyError
from phtlab.train.crypto.age import HybridRecipient, X25519Identity, hybrid, stream, x25519
from phtlab.train.crypto.age import header as age_header
from phtlab.train.crypto.identity import Identity, PublicKeys, Scheme
from tests.vectors.wycheproof_cases import Verdicts, cases

SOMEONE = Identity.generate("someone")
PUBLIC = SOMEONE.public.model_dump()


def hexed(case: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(case[name])


def test_chacha20_poly1305_of_the_payload() -> None:
    """Whole and in place: the payload is sealed and opened by `encrypt_into`, `decrypt_into`."""
    verdicts = Verdicts()
    for _, case in cases("Cipher/chacha20_poly1305_test.json"):
        cipher = stream.ChaCha20Poly1305(hexed(case, "key"))
        nonce, aad, plain = hexed(case, "iv"), hexed(case, "aad"), hexed(case, "msg")
        sealed = hexed(case, "ct") + hexed(case, "tag")
        opened, made = bytearray(len(plain)), bytearray(len(sealed))
        try:
            whole = cipher.decrypt(nonce, sealed, aad)
            cipher.decrypt_into(nonce, sealed, aad, opened)
            cipher.encrypt_into(nonce, plain, aad, made)
        except (InvalidTag, ValueError) as refused:
            # A nonce of another length is the caller's fault, a tag the file's.
            expected = InvalidTag if case["flags"] == ["ModifiedTag"] else ValueError
            verdicts.judge(case, case["result"] == "invalid" and isinstance(refused, expected))
        else:
            verdicts.judge(
                case, case["result"] == "valid" and whole == opened == plain and made == sealed
            )
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 256, "invalid": 69}


def test_hkdf_of_every_key_in_an_age_file() -> None:
    """`derive_key` gives 32 bytes, whatever is asked of it: the start of each published output."""
    verdicts = Verdicts()
    for _, case in cases("Protocol/hkdf_sha256_test.json"):
        derived = age_header.derive_key(*(hexed(case, name) for name in ("ikm", "salt", "info")))
        if case["result"] == "valid":
            length = min(case["size"], 32)
            verdicts.judge(case, derived[:length] == hexed(case, "okm")[:length])
        else:  # more than HKDF can give, which derive_key cannot be asked for
            with pytest.raises(ValueError):
                age_header.HKDF(hashes.SHA256(), case["size"], b"", b"")
            verdicts.judge(case, case["flags"] == ["SizeTooLarge"] and len(derived) == 32)
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 83, "invalid": 3}


def test_x25519_of_age_identities() -> None:
    """A share whose secret would be zero is refused; a point of the twist is a key like others."""
    verdicts = Verdicts()
    for _, case in cases("Protocol/x25519_test.json"):
        key = X25519Identity(hexed(case, "private"))._key()
        share = x25519.X25519PublicKey.from_public_bytes(hexed(case, "public"))
        try:
            shared = key.exchange(share)
        except ValueError:
            verdicts.judge(case, "ZeroSharedSecret" in case["flags"])
        else:
            verdicts.judge(
                case,
                "ZeroSharedSecret" not in case["flags"] and shared == hexed(case, "shared"),
            )
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 264, "acceptable": 254}


def test_mlkem_768_seeds_give_the_published_keys() -> None:
    verdicts = Verdicts()
    for _, case in cases("Protocol/mlkem_768_keygen_seed_test.json"):
        key = hybrid.MLKEM768PrivateKey.from_seed_bytes(hexed(case, "seed"))
        verdicts.judge(case, key.public_key().public_bytes_raw() == hexed(case, "ek"))
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 100}


def test_mlkem_768_decapsulation() -> None:
    verdicts = Verdicts()
    for _, case in cases("Protocol/mlkem_768_test.json"):
        try:
            key = hybrid.MLKEM768PrivateKey.from_seed_bytes(hexed(case, "seed"))
            secret = key.decapsulate(hexed(case, "c"))
        except ValueError:
            verdicts.judge(case, case["result"] == "invalid")
        else:
            verdicts.judge(case, case["result"] == "valid" and secret == hexed(case, "K"))
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 161, "invalid": 40}


def test_mlkem_768_keys_that_nobody_may_be_sealed_to() -> None:
    """A recipient with an encapsulation key of the wrong length or over the modulus is refused."""
    verdicts = Verdicts()
    share = SOMEONE.age.recipient().key[-32:]
    for _, case in cases("Protocol/mlkem_768_encaps_test.json"):
        try:
            recipient = HybridRecipient(hexed(case, "ek") + share)
        except SealKeyError:
            verdicts.judge(case, case["result"] == "invalid")
        else:
            stanza = recipient.wrap(bytes(16))
            verdicts.judge(case, case["result"] == "valid" and len(stanza.body) == 32)
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 133, "invalid": 132}


def test_ed25519_of_members() -> None:
    """A point of small order is no member's key: anyone could sign. One of mixed order can be."""
    verdicts = Verdicts()
    small = 0
    for group, case in cases("Signature/ed25519_test.json"):
        holds = verified("ed25519", group["publicKey"]["pk"], case)
        if case["flags"] == ["SmallOrderPublicKey"]:
            small += 1
            verdicts.judge(case, keys_with("ed25519", group["publicKey"]["pk"]) is None)
        else:
            verdicts.judge(case, holds == (case["result"] != "invalid"))
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 117, "invalid": 64, "acceptable": 29}
    assert small == 8


def test_ml_dsa_65_of_members() -> None:
    """phtlab signs without a context, so a signature made under one does not hold."""
    verdicts = Verdicts()
    under_context = 0
    for group, case in cases("Signature/mldsa_65_verify_test.json"):
        holds = verified("ml-dsa-65", group["publicKey"], case)
        if case.get("ctx"):
            under_context += 1
            verdicts.judge(case, not holds)
        else:
            verdicts.judge(case, holds == (case["result"] == "valid"))
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 79, "invalid": 131}
    assert under_context == 7


def test_ml_dsa_65_seeds_sign_what_the_published_keys_verify() -> None:
    """Signing is randomized, so signatures are checked, not compared; published ones hold too."""
    verdicts = Verdicts()
    without_message = under_context = 0
    for group, case in cases("Signature/mldsa_65_sign_seed_test.json"):
        seed = bytes.fromhex(group["privateSeed"])
        if len(seed) != 32:
            with pytest.raises(ValueError):
                Identity.from_seeds("someone", bytes(32), seed, SOMEONE.age)
            verdicts.judge(case, case["result"] == "invalid")
            continue
        identity = Identity.from_seeds("someone", bytes(32), seed, SOMEONE.age)
        key = base64.b64decode(identity.public.ml_dsa_65)
        right = key == bytes.fromhex(group["publicKey"])
        if "msg" not in case:  # only the hash inside of ML-DSA is given
            without_message += 1
            identity.ml_dsa_65.public_key().verify_mu(hexed(case, "sig"), hexed(case, "mu"))
        elif case.get("ctx"):
            under_context += 1
            right = right and not (case["sig"] and verified("ml-dsa-65", key.hex(), case))
        else:
            own = identity.sign(hexed(case, "msg"))["ml-dsa-65"]
            right = (
                right
                and verified("ml-dsa-65", key.hex(), case)
                and identity.public.verifies("ml-dsa-65", own, hexed(case, "msg"))
            )
        verdicts.judge(case, right)
    assert not verdicts.wrong
    assert verdicts.judged == {"valid": 101, "invalid": 4}
    assert (without_message, under_context) == (17, 4)


def verified(scheme: Scheme, key: str, case: dict[str, Any]) -> bool:
    """Whether a member with this public key (in hexadecimal) would be taken to have signed."""
    keys = keys_with(scheme, key)
    return keys is not None and keys.verifies(scheme, hexed(case, "sig"), hexed(case, "msg"))


@cache
def keys_with(scheme: Scheme, key: str) -> PublicKeys | None:
    """A member's keys, one of them this; None if no member can have it."""
    text = base64.b64encode(bytes.fromhex(key)).decode()
    try:
        return PublicKeys.model_validate({**PUBLIC, scheme.replace("-", "_"): text})
    except ValidationError:
        return None
