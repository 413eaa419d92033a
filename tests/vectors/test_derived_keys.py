"""The RFCs' and NIST's own vectors of what an age file is made of, through our functions."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes

from phtlab.train.crypto.age import X25519Identity, hybrid, scrypt, x25519
from phtlab.train.crypto.age import header as age_header
from phtlab.train.crypto.identity import Identity
from tests.vectors.nist_files import entries

SOMEONE = Identity.generate("someone")


def test_hkdf_of_rfc_5869() -> None:
    vectors = entries("KDF/rfc-5869-HKDF-SHA256.txt", "COUNT")
    assert len(vectors) == 3
    for vector in vectors:
        inputs = [bytes.fromhex(vector[name]) for name in ("IKM", "salt", "info")]
        assert vector["OKM"].startswith(age_header.derive_key(*inputs).hex())


def test_hmac_of_rfc_4231() -> None:
    vectors = entries("HMAC/rfc-4231-sha256.txt", "Len")
    assert len(vectors) == 6  # the seventh has a truncated output
    for vector in vectors:
        mac = age_header.HMAC(bytes.fromhex(vector["Key"]), hashes.SHA256())
        mac.update(bytes.fromhex(vector["Msg"]))
        assert mac.finalize().hex() == vector["MD"]


def scrypts(most: int) -> list[dict[str, str]]:
    vectors = entries("KDF/scrypt.txt", "COUNT")
    assert [int(vector["N"]) for vector in vectors] == [16, 1024, 16384, 1048576]
    return [vector for vector in vectors if int(vector["N"]) <= most]


def check_scrypt(vector: dict[str, str]) -> None:
    cost = (int(vector[name]) for name in ("N", "r", "p"))
    made = scrypt.Scrypt(vector["SALT"].encode(), int(vector["LENGTH"]), *cost)
    assert made.derive(vector["PASSWORD"].encode()).hex() == vector["DERIVED_KEY"]


@pytest.mark.parametrize("vector", scrypts(16384), ids=lambda vector: vector["N"])
def test_scrypt_of_rfc_7914(vector: dict[str, str]) -> None:
    check_scrypt(vector)


@pytest.mark.long
def test_scrypt_of_rfc_7914_at_the_most_that_a_key_file_may_cost() -> None:
    (*_, largest) = scrypts(2**scrypt.MAX_LOG_N)
    assert int(largest["N"]) == 2**scrypt.MAX_LOG_N
    check_scrypt(largest)


def test_x25519_of_rfc_7748() -> None:
    vectors = [v for v in entries("asymmetric/X25519/rfc7748.txt", "COUNT") if "OUTPUT_U" in v]
    assert len(vectors) >= 2
    for vector in vectors:
        key = X25519Identity(bytes.fromhex(vector["INPUT_SCALAR"]))._key()
        share = x25519.X25519PublicKey.from_public_bytes(bytes.fromhex(vector["INPUT_U"]))
        assert key.exchange(share).hex() == vector["OUTPUT_U"]


def test_ml_kem_768_of_fips_203() -> None:
    """Key generation, decapsulation, and implicit rejection of a ciphertext of nobody's."""
    vectors = entries("asymmetric/MLKEM/kat_MLKEM_768.rsp", "count")
    assert len(vectors) == 1000
    for vector in vectors[:200]:
        key = hybrid.MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(vector["d"] + vector["z"]))
        assert key.public_key().public_bytes_raw().hex() == vector["pk"]
        assert key.decapsulate(bytes.fromhex(vector["ct"])).hex() == vector["ss"]
        assert key.decapsulate(bytes.fromhex(vector["ct_n"])).hex() == vector["ss_n"]


def test_ml_dsa_65_of_fips_204() -> None:
    """Signed under a context, of which phtlab has none: they hold for the library, not for us."""
    vectors = entries("asymmetric/MLDSA/kat_MLDSA_65_det_pure.rsp", "count")
    assert len(vectors) == 100
    for vector in vectors:
        seed, message = bytes.fromhex(vector["xi"]), bytes.fromhex(vector["msg"])
        identity = Identity.from_seeds("someone", bytes(32), seed, SOMEONE.age)
        key = identity.ml_dsa_65.public_key()
        signature = bytes.fromhex(vector["sm"])[: -len(message) or None]
        context = bytes.fromhex(vector["ctx"])
        assert key.public_bytes_raw().hex() == vector["pk"]
        key.verify(signature, message, context)
        assert identity.public.verifies("ml-dsa-65", signature, message) == (not context)
