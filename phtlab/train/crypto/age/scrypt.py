"""The passphrase recipient of age: `scrypt` (RFC 7914, r = 8, p = 1).

Source: c2sp.org/age, "The scrypt recipient type". Key files are sealed to it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from phtlab.errors import SealFormatError
from phtlab.train.crypto.age.header import FILE_KEY_BYTES, Stanza, decode_base64, encode_base64

SCRYPT = "scrypt"
DEFAULT_LOG_N = 18
"""Cost of a guess: about a second and 280 MiB."""
MAX_LOG_N = 20
"""Highest cost to accept (1 GiB, several seconds): a file sets its cost, and may be hostile."""
_LABEL = b"age-encryption.org/v1/scrypt"
_SALT_BYTES = 16
_NONCE = bytes(12)
_DECIMAL = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True)
class ScryptRecipient:
    """A recipient by `passphrase`. `log_n` is the base-two logarithm of the work factor."""

    kind: ClassVar[str] = SCRYPT
    passphrase: str = field(repr=False)
    log_n: int = DEFAULT_LOG_N

    def wrap(self, file_key: bytes) -> Stanza:
        salt = os.urandom(_SALT_BYTES)
        cipher = _wrap_cipher(self.passphrase, salt, self.log_n)
        body = cipher.encrypt(_NONCE, file_key, None)
        return Stanza((SCRYPT, encode_base64(salt), str(self.log_n)), body)


@dataclass(frozen=True)
class ScryptIdentity:
    """Opens with `passphrase`; refuses a file that needs more work than `max_log_n`."""

    passphrase: str = field(repr=False)
    max_log_n: int = MAX_LOG_N

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """Return the file key, or None without a scrypt stanza or with a wrong passphrase.

        Raises SealFormatError for a malformed stanza, other stanzas beside it, or too much work.
        """
        if not any(stanza.kind == SCRYPT for stanza in stanzas):
            return None
        if len(stanzas) != 1:
            raise SealFormatError(
                "This file is not valid: a passphrase must be the only way to open a file."
            )
        salt, log_n = _parse(stanzas[0])
        if log_n > self.max_log_n:
            raise SealFormatError(
                f"This file asks for 2^{log_n} of work to try a passphrase; at most "
                f"2^{self.max_log_n} is done here.",
                "Have it written again with less.",
                code="seal-work",
            )
        try:
            cipher = _wrap_cipher(self.passphrase, salt, log_n)
            return cipher.decrypt(_NONCE, stanzas[0].body, None)
        except InvalidTag:
            return None


def _parse(stanza: Stanza) -> tuple[bytes, int]:
    if len(stanza.args) != 3:
        raise SealFormatError("This file is not valid: a scrypt stanza takes three arguments.")
    salt = decode_base64(stanza.args[1])
    if len(salt) != _SALT_BYTES or len(stanza.body) != FILE_KEY_BYTES + 16:
        raise SealFormatError("This file is not valid: a scrypt stanza is of the wrong length.")
    # Two digits exceed any limit; int() of a long text would itself be work.
    if not _DECIMAL.fullmatch(stanza.args[2]) or len(stanza.args[2]) > 2:
        raise SealFormatError("This file is not valid: a scrypt stanza's work is no small number.")
    return salt, int(stanza.args[2])


def _wrap_cipher(passphrase: str, salt: bytes, log_n: int) -> ChaCha20Poly1305:
    key = Scrypt(_LABEL + salt, 32, 2**log_n, 8, 1).derive(passphrase.encode())
    return ChaCha20Poly1305(key)
