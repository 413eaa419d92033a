"""What may stand together in one age file, and what a file may cost its reader."""

from __future__ import annotations

import io

import pytest

from phtlab.errors import SealFormatError, SealKeyError
from phtlab.train.crypto.age import (
    HybridIdentity,
    Recipient,
    ScryptIdentity,
    ScryptRecipient,
    Stanza,
    X25519Identity,
    X25519Recipient,
    decrypt,
    encrypt,
)
from tests.raising import raises_code

HYBRID = HybridIdentity.generate()
CLASSICAL = X25519Identity.generate()


def encrypted(*recipients: Recipient, extra: tuple[Stanza, ...] = ()) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(b"content"), target, recipients, extra)
    return target.getvalue()


def test_hybrid_and_classical_recipients_are_not_mixed() -> None:
    with raises_code(SealKeyError, "seal-mixed-recipients"):
        encrypted(HYBRID.recipient(), CLASSICAL.recipient())


def test_no_recipient_is_refused() -> None:
    with raises_code(SealKeyError, "seal-no-recipient"):
        encrypted()


def test_a_passphrase_is_the_only_way_to_open() -> None:
    with raises_code(SealKeyError, "seal-passphrase-alone"):
        encrypted(ScryptRecipient("one", 10), ScryptRecipient("two", 10))
    with raises_code(SealKeyError, "seal-passphrase-alone"):
        encrypted(ScryptRecipient("one", 10), extra=(Stanza(("x",), b""),))


def test_the_identity_that_fits_is_found_among_several() -> None:
    target = io.BytesIO()
    keys = [ScryptIdentity("none"), HYBRID, HybridIdentity.generate(), CLASSICAL]
    decrypt(io.BytesIO(encrypted(CLASSICAL.recipient())), target, keys)
    assert target.getvalue() == b"content"


def test_a_file_that_asks_for_more_work_than_allowed_is_refused_before_the_work() -> None:
    content = encrypted(ScryptRecipient("passphrase", 11))

    with raises_code(SealFormatError, "seal-work"):
        decrypt(io.BytesIO(content), io.BytesIO(), [ScryptIdentity("passphrase", max_log_n=10)])


def test_a_low_order_recipient_is_not_sealed_to() -> None:
    with raises_code(SealKeyError, "seal-recipient-point"):
        encrypted(X25519Recipient(bytes(32)))


@pytest.mark.parametrize("args", [(), ("",), ("a b",), ("a\n",), ("é",)])
def test_a_stanza_that_no_reader_could_parse_is_not_written(args: tuple[str, ...]) -> None:
    with raises_code(SealFormatError, "seal-stanza"):
        encrypted(HYBRID.recipient(), extra=(Stanza(args, b""),))
