"""The hybrid post-quantum recipient of age: `mlkem768x25519`.

HPKE base mode with KEM MLKEM768-X25519 (X-Wing), HKDF-SHA256 and
ChaCha20-Poly1305. Source: c2sp.org/age, "The MLKEM768-X25519 (i.e. X-Wing)
hybrid post-quantum recipient type".
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from phtlab.errors import SealFormatError, SealKeyError
from phtlab.train.crypto.age import bech32
from phtlab.train.crypto.age.header import FILE_KEY_BYTES, Stanza, decode_base64, encode_base64

HYBRID = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_RECIPIENT_PREFIX = "age1pq"
_IDENTITY_PREFIX = "AGE-SECRET-KEY-PQ-"
_MLKEM_KEY_BYTES = 1184
_MLKEM_CIPHERTEXT_BYTES = 1088
_SHARE_BYTES = 32
_ENCAPSULATION_BYTES = _MLKEM_CIPHERTEXT_BYTES + _SHARE_BYTES
_BODY_BYTES = FILE_KEY_BYTES + 16
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True)
class HybridRecipient:
    """A recipient that files are sealed to: 1184 bytes of ML-KEM-768 and 32 of X25519.

    Raises SealKeyError for bytes that are not such a key.
    """

    kind: ClassVar[str] = HYBRID
    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) != _MLKEM_KEY_BYTES + _SHARE_BYTES:
            raise SealKeyError(
                f"An age1pq1… recipient holds {_MLKEM_KEY_BYTES + _SHARE_BYTES} bytes, this one "
                f"{len(self.key)}.",
                "Ask its owner to send it again.",
                code="seal-recipient-form",
            )
        try:
            _ = self._public_key
            # A low-order point would make the classical half of the seal public.
            share = X25519PublicKey.from_public_bytes(self.key[_MLKEM_KEY_BYTES:])
            X25519PrivateKey.generate().exchange(share)
        except ValueError:
            raise SealKeyError(
                "This age1pq1… recipient is not a valid key.",
                "Ask its owner to send it again.",
                code="seal-recipient-point",
            ) from None

    @classmethod
    @lru_cache(maxsize=512)
    def parse(cls, text: str) -> HybridRecipient:
        """Parse a recipient written as `age1pq1…`. Raises SealKeyError."""
        try:
            prefix, key = bech32.decode(text)
        except ValueError as problem:
            raise SealKeyError(
                f"This is not an age recipient ({problem}).",
                "It starts with age1pq1 and has 1959 characters; copy all of it.",
                code="seal-recipient-text",
            ) from None
        if prefix != _RECIPIENT_PREFIX:
            raise SealKeyError(
                "Cargo is sealed to hybrid post-quantum recipients only, which start with "
                "age1pq1; this one does not.",
                "Make a key with 'phtlab key create'.",
                code="seal-recipient-kind",
            )
        return cls(key)

    def __str__(self) -> str:
        return bech32.encode(_RECIPIENT_PREFIX, self.key)

    def wrap(self, file_key: bytes) -> Stanza:
        """Return the stanza that gives `file_key` to the holder of the identity."""
        sealed = _SUITE.encrypt(file_key, self._public_key, _INFO)
        encapsulation, body = sealed[:_ENCAPSULATION_BYTES], sealed[_ENCAPSULATION_BYTES:]
        return Stanza((HYBRID, encode_base64(encapsulation)), body)

    @cached_property
    def _public_key(self) -> MLKEM768X25519PublicKey:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.key[:_MLKEM_KEY_BYTES]),
            X25519PublicKey.from_public_bytes(self.key[_MLKEM_KEY_BYTES:]),
        )


@dataclass(frozen=True)
class HybridIdentity:
    """The secret of a recipient: a 32-byte seed. `str()` returns the secret."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != 32:
            raise SealKeyError(
                "A hybrid age identity is a seed of 32 bytes; this one is not.",
                code="seal-identity-form",
            )

    @classmethod
    def generate(cls) -> HybridIdentity:
        """Generate an identity from the system's random source."""
        return cls(os.urandom(32))

    @classmethod
    def parse(cls, text: str) -> HybridIdentity:
        """Parse an identity written as `AGE-SECRET-KEY-PQ-1…`. Raises SealKeyError."""
        try:
            prefix, seed = bech32.decode(text)
        except ValueError as problem:
            raise SealKeyError(f"This is not an age identity ({problem}).") from None
        if prefix != _IDENTITY_PREFIX:
            raise SealKeyError(
                "This is not a hybrid age identity: those start with AGE-SECRET-KEY-PQ-1.",
                code="seal-identity-kind",
            )
        return cls(seed)

    def __str__(self) -> str:
        return bech32.encode(_IDENTITY_PREFIX, self.seed)

    def recipient(self) -> HybridRecipient:
        """Return the public half."""
        mlkem, x25519 = self._keys()
        return HybridRecipient(
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key from the first stanza addressed to this identity, else None.

        Raises SealFormatError for a malformed stanza of this type, whoever it is for.
        """
        addressed = [stanza for stanza in stanzas if stanza.kind == HYBRID]
        if not addressed:
            return None
        mlkem, x25519 = self._keys()
        key = MLKEM768X25519PrivateKey(mlkem, x25519)
        parsed = [(_encapsulation(stanza, x25519), stanza.body) for stanza in addressed]
        for encapsulation, body in parsed:
            try:
                return _SUITE.decrypt(encapsulation + body, key, _INFO)
            except InvalidTag:
                continue
        return None

    def _keys(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        # X-Wing expands one seed into both keys (draft-connolly-cfrg-xwing-kem, 5.2).
        expanded = hashlib.shake_256(self.seed).digest(96)
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )


def _encapsulation(stanza: Stanza, x25519: X25519PrivateKey) -> bytes:
    if len(stanza.args) != 2:
        raise SealFormatError("This file is not valid: a hybrid stanza takes two arguments.")
    encapsulation = decode_base64(stanza.args[1])
    if len(encapsulation) != _ENCAPSULATION_BYTES or len(stanza.body) != _BODY_BYTES:
        raise SealFormatError("This file is not valid: a hybrid stanza is of the wrong length.")
    try:
        # HPKE reports a low-order share as a wrong key, but the file is malformed or hostile.
        x25519.exchange(X25519PublicKey.from_public_bytes(encapsulation[_MLKEM_CIPHERTEXT_BYTES:]))
    except ValueError:
        raise SealFormatError(
            "This file is not valid: a hybrid stanza holds a low-order share.", code="seal-share"
        ) from None
    return encapsulation
