"""The KEM under the hybrid recipient, against the HPKE-PQ draft's vectors."""

from __future__ import annotations

import json
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from phtlab.train.crypto.age import HybridIdentity

MLKEM768_X25519 = 0x647A
KDFS = {0x0001: KDF.HKDF_SHA256, 0x0011: KDF.SHAKE256}
CHACHA20_POLY1305 = 0x0003


def vectors() -> list[dict[str, Any]]:
    with cryptography_vectors.open_vector_file("HPKE/hpke-pq-test-vectors.json", "r") as file:
        loaded = json.load(file)
    return [v for v in loaded if v["kem_id"] == MLKEM768_X25519 and v["mode"] == 0]


def test_both_base_mode_vectors_of_this_kem_are_here() -> None:
    assert [(v["kdf_id"], v["aead_id"]) for v in vectors()] == [
        (0x0001, CHACHA20_POLY1305),
        (0x0011, CHACHA20_POLY1305),
    ]


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: f"kdf-{v['kdf_id']:#x}")
def test_seed_gives_the_published_key_which_opens(vector: dict[str, Any]) -> None:
    identity = HybridIdentity(bytes.fromhex(vector["skRm"]))
    suite = Suite(KEM.MLKEM768_X25519, KDFS[vector["kdf_id"]], AEAD.CHACHA20_POLY1305)
    first = vector["encryptions"][0]

    # The vectors have associated data, for which the library's public call has no argument.
    opened = openssl.hpke._decrypt_with_aad(
        suite,
        bytes.fromhex(vector["enc"] + first["ct"]),
        MLKEM768X25519PrivateKey(*identity._keys()),
        bytes.fromhex(vector["info"]),
        bytes.fromhex(first["aad"]),
    )

    assert identity.recipient().key.hex() == vector["pkRm"]
    assert opened.hex() == first["pt"]
