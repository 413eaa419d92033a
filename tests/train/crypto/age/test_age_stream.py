"""The payload's way from source to target: in order, by two threads, and whole or told."""

from __future__ import annotations

import errno
import io
import os
import threading
import time

import pytest

from phtlab.errors import SealChangedError
from phtlab.train.crypto.age.stream import decrypt_payload, encrypt_payload
from tests.raising import raises_code

KEY = os.urandom(16)
# Several batches of either side, the last one not full.
CONTENT = os.urandom(7 * 2**20 + 12345)


class Slow(io.BytesIO):
    """A target that is slower than the cipher, so that batches wait for it."""

    def write(self, data: object, /) -> int:
        time.sleep(0.002)
        return super().write(data)  # type: ignore[arg-type]


class Full(io.BytesIO):
    """A target with room for `left` bytes."""

    left = 2 * 2**20

    def write(self, data: object, /) -> int:
        self.left -= len(data)  # type: ignore[arg-type]
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


def encrypted(content: bytes = CONTENT) -> bytes:
    target = io.BytesIO()
    encrypt_payload(io.BytesIO(content), target, KEY)
    return target.getvalue()


def test_a_target_that_is_slow_gets_everything_in_order() -> None:
    sealed, opened = Slow(), Slow()

    encrypt_payload(io.BytesIO(CONTENT), sealed, KEY)
    decrypt_payload(io.BytesIO(sealed.getvalue()), opened, KEY)

    assert opened.getvalue() == CONTENT


def test_a_target_without_room_is_told_of_and_not_written_to_afterwards() -> None:
    sealed, opened = Full(), Full()

    with pytest.raises(OSError) as sealing:
        encrypt_payload(io.BytesIO(CONTENT), sealed, KEY)
    with pytest.raises(OSError) as opening:
        decrypt_payload(io.BytesIO(encrypted()), opened, KEY)
    assert sealing.value.errno == opening.value.errno == errno.ENOSPC

    assert not [one for one in threading.enumerate() if one.name.startswith("age-write")]


def test_a_changed_chunk_after_several_batches_is_told_and_what_came_before_was_written() -> None:
    sealed = bytearray(encrypted())
    sealed[5 * 2**20] ^= 1
    opened = Slow()

    with raises_code(SealChangedError, "seal-payload-changed"):
        decrypt_payload(io.BytesIO(sealed), opened, KEY)

    assert CONTENT.startswith(opened.getvalue())
    assert not [one for one in threading.enumerate() if one.name.startswith("age-write")]


@pytest.mark.parametrize("size", [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 2**19, 2**20, 2**20 + 2**16])
def test_sizes_around_the_borders_of_chunks_and_batches_round_trip(size: int) -> None:
    opened = io.BytesIO()

    decrypt_payload(io.BytesIO(encrypted(CONTENT[:size])), opened, KEY)

    assert opened.getvalue() == CONTENT[:size]
