"""Whole age files: header, then payload."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

from phtlab.errors import SealFormatError, SealKeyError
from phtlab.train.crypto.age.header import (
    FILE_KEY_BYTES,
    Header,
    LineSource,
    Stanza,
    encode_header,
    read_header,
)
from phtlab.train.crypto.age.scrypt import SCRYPT
from phtlab.train.crypto.age.stream import Source, Target, decrypt_payload, encrypt_payload


class Recipient(Protocol):
    """A recipient that a file is encrypted to. `kind` is the type of its stanza."""

    @property
    def kind(self) -> str: ...

    def wrap(self, file_key: bytes) -> Stanza: ...


class AgeIdentity(Protocol):
    """An identity that decrypts files. `unwrap` returns None if no stanza is for it."""

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None: ...


def encrypt(
    source: Source,
    target: Target,
    recipients: Sequence[Recipient],
    extra_stanzas: Sequence[Stanza] = (),
) -> None:
    """Encrypt all of `source` into an age file at `target`, in constant memory.

    `extra_stanzas` precede the recipients' and are authenticated with them; other readers
    ignore them. Raises SealKeyError without recipients, for recipients of more than one kind (the
    weakest would decide), or for a passphrase beside other recipients.
    """
    kinds = {recipient.kind for recipient in recipients}
    if not recipients:
        raise SealKeyError(
            "There is no recipient, so nobody could open this.",
            "Name at least one.",
            code="seal-no-recipient",
        )
    if len(kinds) > 1:
        raise SealKeyError(
            f"Recipients of different kinds ({', '.join(sorted(kinds))}) cannot be mixed: the "
            "weakest would decide.",
            "Use one kind.",
            code="seal-mixed-recipients",
        )
    if kinds == {SCRYPT} and len(recipients) + len(extra_stanzas) > 1:
        raise SealKeyError(
            "A passphrase must be the only way to open a file.", code="seal-passphrase-alone"
        )
    file_key = os.urandom(FILE_KEY_BYTES)
    stanzas = [*extra_stanzas, *(recipient.wrap(file_key) for recipient in recipients)]
    target.write(encode_header(stanzas, file_key))
    encrypt_payload(source, target, file_key)


def unlock(header: Header, identities: Sequence[AgeIdentity]) -> bytes:
    """Return the file key, from a header whose MAC verifies.

    Raises SealFormatError for a malformed stanza, SealKeyError if none of `identities` opens one,
    SealChangedError if the MAC does not verify.
    """
    for identity in identities:
        file_key = identity.unwrap(header.stanzas)
        if file_key is None:
            continue
        if len(file_key) != FILE_KEY_BYTES:
            raise SealFormatError("This file is not valid: its file key is of the wrong length.")
        header.verify(file_key)
        return file_key
    raise SealKeyError(
        "None of the keys at hand opens this file: it was sealed to someone else, or its "
        "recipients were changed.",
        "Check whom it was meant for.",
    )


def decrypt(source: LineSource, target: Target, identities: Sequence[AgeIdentity]) -> None:
    """Decrypt the age file at `source` into `target`, in constant memory.

    Raises as `read_header`, `unlock` and `decrypt_payload` do. On any error, the caller must
    discard what was written so far.
    """
    file_key = unlock(read_header(source), identities)
    decrypt_payload(source, target, file_key)
