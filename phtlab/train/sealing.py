"""Cargo sealed to its recipients and bound to its stop.

Sealed cargo is an age v1 file with one `mlkem768x25519` stanza per recipient and
one stanza `phtlab/context v1`, whose body is the SHA-256 of the context. The
header's MAC covers it, so cargo of one stop does not open as that of another.
age does not name who sealed a file: the signed stop record does, over the
digest that `seal` returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, Self

from cryptography.hazmat.primitives.constant_time import bytes_eq

from phtlab.errors import (
    SealContextError,
    SealFormatError,
    SealKeyError,
)
from phtlab.train.crypto.age import (
    HYBRID,
    Header,
    HybridIdentity,
    HybridRecipient,
    Source,
    Stanza,
    Target,
    decrypt_payload,
    encrypt,
    read_header,
    unlock,
)

MAX_RECIPIENTS = 64
# Bytes at once: a thread takes longer to start than less takes to hash.
_WORTH_A_THREAD = 256 * 1024
CONTEXT_STANZA = "phtlab/context"
_CONTEXT_ARGS = (CONTEXT_STANZA, "v1")


@dataclass(frozen=True)
class Sealed:
    """What a stop record states of sealed cargo: its OCI digest and its size in bytes."""

    digest: str
    size: int


def seal(source: Source, target: Target, recipients: Sequence[str], context: bytes) -> Sealed:
    """Seal all of `source` into `target` for `recipients` (`age1pq1…`), bound to `context`.

    Memory is constant; the digest is computed while writing. Raises SealKeyError for no recipient,
    more than MAX_RECIPIENTS, or one that is not hybrid post-quantum.
    """
    keys = [HybridRecipient.parse(text) for text in dict.fromkeys(recipients)]
    if not keys:
        raise SealKeyError(
            "This cargo has no recipient, so nobody could open it.",
            "Name at least the researcher.",
            code="seal-no-recipient",
        )
    if len(keys) > MAX_RECIPIENTS:
        raise SealKeyError(
            f"This cargo has {len(keys)} recipients; at most {MAX_RECIPIENTS} are allowed.",
            "Seal it to fewer.",
            code="seal-too-many-recipients",
        )
    with _Counted(target) as counted:
        encrypt(source, counted, keys, [Stanza(_CONTEXT_ARGS, _context_digest(context))])
    return Sealed(f"sha256:{counted.hash.hexdigest()}", counted.size)


def open_sealed(
    source: BinaryIO,
    target: Target,
    identity: HybridIdentity,
    context: bytes,
    recipients: int | None = None,
) -> None:
    """Decrypt the sealed cargo at `source` into `target`, in constant memory.

    Raises, in this order: SealFormatError if it is not sealed cargo, SealKeyError if `identity` is
    not a recipient, SealChangedError if its header was changed, SealContextError if it belongs to
    another stop, SealFormatError (``seal-recipients``) if it is sealed to more or fewer recipients
    than `recipients`, SealChangedError if its content was changed or cut. On any error, the caller
    must discard what was written to `target`; `phtlab.files.sealed_file.open_file` does so.
    """
    header = read_header(source)
    context_digest = _require_cargo(header)
    file_key = unlock(header, [identity])
    if not bytes_eq(context_digest, _context_digest(context)):
        raise SealContextError(
            "This cargo belongs to another train, journey, station or stop than the one it was "
            "delivered for.",
            "Do not use it; tell the station and whoever runs central.",
        )
    _require_count(header, recipients)
    decrypt_payload(source, target, file_key)


def _require_cargo(header: Header) -> bytes:
    """Return the digest of the bound context. Raises SealFormatError for any other header."""
    contexts = [stanza for stanza in header.stanzas if stanza.kind == CONTEXT_STANZA]
    recipients = [stanza for stanza in header.stanzas if stanza.kind == HYBRID]
    if len(contexts) != 1:
        raise SealFormatError(
            f"This is not phtlab's sealed cargo: it is bound to {len(contexts)} stops instead of "
            "one.",
            "Ask the station to seal it again.",
            code="seal-bound",
        )
    if len(recipients) + 1 != len(header.stanzas):
        raise SealFormatError(
            "This cargo can also be opened in a way that is not post-quantum, or that is not "
            "known here.",
            "Ask the station to seal it again to age1pq1… recipients only.",
            code="seal-not-post-quantum",
        )
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise SealFormatError(
            f"This cargo has {len(recipients)} recipients; 1 to {MAX_RECIPIENTS} are accepted.",
            "Ask the station to seal it again.",
            code="seal-recipient-count",
        )
    if contexts[0].args != _CONTEXT_ARGS or len(contexts[0].body) != hashlib.sha256().digest_size:
        raise SealFormatError(
            "This cargo is bound to its stop in a form that this version does not know.",
            "Update phtlab, or ask the station which version it runs.",
            code="seal-bound-form",
        )
    return contexts[0].body


def _require_count(header: Header, expected: int | None) -> None:
    """Check the number of stanzas: they do not name recipients, but none can be hidden."""
    found = sum(stanza.kind == HYBRID for stanza in header.stanzas)
    if expected is not None and found != expected:
        raise SealFormatError(
            f"The station sealed this cargo to {found} recipients, and the order names "
            f"{expected}: somebody else may be able to open it. Nothing of it is shown.",
            "Tell your consortium's officers.",
            code="seal-recipients",
        )


def _context_digest(context: bytes) -> bytes:
    return hashlib.sha256(context).digest()


class _Counted:
    """A target that hashes and counts the data while writing it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._hashing: ThreadPoolExecutor | None = None
        self.hash = hashlib.sha256()
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._hashing is not None:
            self._hashing.shutdown(wait=True)

    def write(self, data: memoryview | bytes, /) -> object:
        self.size += len(data)
        if len(data) < _WORTH_A_THREAD:
            self.hash.update(data)
            return self._target.write(data)
        if self._hashing is None:
            self._hashing = ThreadPoolExecutor(1, thread_name_prefix="seal-hash")
        hashed = self._hashing.submit(self.hash.update, data)
        try:
            return self._target.write(data)
        finally:
            hashed.result()  # before `data` is written over
