"""The classical recipient of age: `X25519`.

Cargo is never sealed to it; the public test vectors and older `age` programs use it.
Source: c2sp.org/age, "The X25519 recipient type".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from phtlab.errors import SealFormatError, SealKeyError
from phtlab.train.crypto.age import bech32
from phtlab.train.crypto.age.header import (
    FILE_KEY_BYTES,
    Stanza,
    decode_base64,
    derive_key,
    encode_base64,
)

X25519 = "X25519"
_INFO = b"age-encryption.org/v1/X25519"
_RECIPIENT_PREFIX = "age"
_IDENTITY_PREFIX = "AGE-SECRET-KEY-"
# The wrap key is used once, so age fixes the nonce.
_NONCE = bytes(12)


@dataclass(frozen=True)
class X25519Recipient:
    """A classical `age1…` recipient: 32 bytes. Raises SealKeyError for other lengths."""

    kind: ClassVar[str] = X25519
    key: bytes

    def __post_init__(self) -> None:
        if len(self.key) != 32:
            raise SealKeyError(
                "An X25519 recipient holds 32 bytes; this one does not.", code="seal-recipient-form"
            )

    @classmethod
    def parse(cls, text: str) -> X25519Recipient:
        return cls(_parse(text, _RECIPIENT_PREFIX))

    def __str__(self) -> str:
        return bech32.encode(_RECIPIENT_PREFIX, self.key)

    def wrap(self, file_key: bytes) -> Stanza:
        """Return the stanza that gives `file_key` to the holder of the identity."""
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        try:
            secret = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key))
        except ValueError:
            raise SealKeyError(
                "This X25519 recipient is a low-order point, not a key.",
                code="seal-recipient-point",
            ) from None
        body = _wrap_cipher(secret, share, self.key).encrypt(_NONCE, file_key, None)
        return Stanza((X25519, encode_base64(share)), body)


@dataclass(frozen=True)
class X25519Identity:
    """A classical identity: 32 bytes. `str()` returns the secret."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise SealKeyError(
                "An X25519 identity holds 32 bytes; this one does not.", code="seal-identity-form"
            )

    @classmethod
    def generate(cls) -> X25519Identity:
        return cls(os.urandom(32))

    @classmethod
    def parse(cls, text: str) -> X25519Identity:
        return cls(_parse(text, _IDENTITY_PREFIX))

    def __str__(self) -> str:
        return bech32.encode(_IDENTITY_PREFIX, self.secret)

    def recipient(self) -> X25519Recipient:
        return X25519Recipient(self._key().public_key().public_bytes_raw())

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key from the first stanza addressed to this identity, else None.

        Raises SealFormatError for a malformed stanza of this type, whoever it is for.
        """
        key, recipient = self._key(), self.recipient()
        file_key = None
        for stanza in stanzas:
            if stanza.kind != X25519:
                continue
            share = _share(stanza)
            try:
                secret = key.exchange(X25519PublicKey.from_public_bytes(share))
            except ValueError:
                raise SealFormatError(
                    "This file is not valid: an X25519 stanza holds a low-order share."
                ) from None
            if file_key is None:
                cipher = _wrap_cipher(secret, share, recipient.key)
                try:
                    file_key = cipher.decrypt(_NONCE, stanza.body, None)
                except InvalidTag:
                    continue
        return file_key

    def _key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.secret)


def _share(stanza: Stanza) -> bytes:
    if len(stanza.args) != 2:
        raise SealFormatError("This file is not valid: an X25519 stanza takes two arguments.")
    share = decode_base64(stanza.args[1])
    if len(share) != 32 or len(stanza.body) != FILE_KEY_BYTES + 16:
        raise SealFormatError("This file is not valid: an X25519 stanza is of the wrong length.")
    return share


def _wrap_cipher(secret: bytes, share: bytes, recipient: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derive_key(secret, share + recipient, _INFO))


def _parse(text: str, expected: str) -> bytes:
    try:
        prefix, key = bech32.decode(text)
    except ValueError as problem:
        raise SealKeyError(
            f"This is not an age key ({problem}).", code="seal-x25519-text"
        ) from None
    if prefix != expected:
        raise SealKeyError(
            f"This age key is of another type: an X25519 one starts {expected}1.",
            code="seal-x25519-kind",
        )
    return key
