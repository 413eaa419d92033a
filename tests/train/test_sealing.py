"""Sealed cargo: what opens it, what does not, and what a person is told."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.errors import (
    SealChangedError,
    SealContextError,
    SealError,
    SealFormatError,
    SealKeyError,
)
from phtlab.files.sealed_file import (
    open_file,
)
from phtlab.train.crypto.age import (
    HybridIdentity,
    HybridRecipient,
    Recipient,
    Stanza,
    X25519Identity,
    decrypt,
    encrypt,
    read_header,
)
from phtlab.train.crypto.age.header import decode_base64, encode_base64, encode_header
from phtlab.train.crypto.age.stream import CHUNK_BYTES, TAG_BYTES
from phtlab.train.sealing import (
    MAX_RECIPIENTS,
    Sealed,
    open_sealed,
    seal,
)
from tests.limits import LIMIT
from tests.raising import raises_code

ALICE = HybridIdentity.generate()
BOB = HybridIdentity.generate()
MALLORY = HybridIdentity.generate()
CONTEXT = b'{"station":"cleveland","stop":0}'
CONTEXT_STANZA = Stanza(("phtlab/context", "v1"), hashlib.sha256(CONTEXT).digest())
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES


def sealed(content: bytes, *identities: HybridIdentity, context: bytes = CONTEXT) -> bytes:
    target = io.BytesIO()
    recipients = [str(identity.recipient()) for identity in identities or (ALICE,)]
    seal(io.BytesIO(content), target, recipients, context)
    return target.getvalue()


def opened(content: bytes, identity: HybridIdentity = ALICE, context: bytes = CONTEXT) -> bytes:
    target = io.BytesIO()
    open_sealed(io.BytesIO(content), target, identity, context)
    return target.getvalue()


def payload_start(content: bytes) -> int:
    source = io.BytesIO(content)
    read_header(source)
    return source.tell() + 16


def age_file(stanzas: list[Stanza], recipients: list[Recipient], content: bytes = b"x") -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(content), target, recipients, stanzas)
    return target.getvalue()


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        3 * CHUNK_BYTES,
        16 * CHUNK_BYTES - 1,
        16 * CHUNK_BYTES,
        16 * CHUNK_BYTES + 1,
        32 * CHUNK_BYTES,
        33 * CHUNK_BYTES + 7,
    ],
)
def test_what_was_sealed_is_what_opens(size: int) -> None:
    content = os.urandom(size)

    assert opened(sealed(content)) == content


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=50))
def test_any_content_and_context_round_trip(content: bytes, context: bytes) -> None:
    assert opened(sealed(content, context=context), context=context) == content


def test_the_digest_and_size_are_those_of_the_sealed_bytes() -> None:
    target = io.BytesIO()

    result = seal(io.BytesIO(b"counts"), target, [str(ALICE.recipient())], CONTEXT)

    content = target.getvalue()
    assert result == Sealed("sha256:" + hashlib.sha256(content).hexdigest(), len(content))


def test_every_recipient_opens_and_nobody_else() -> None:
    content = sealed(b"counts", ALICE, BOB)

    assert opened(content, ALICE) == opened(content, BOB) == b"counts"
    with raises_code(SealKeyError, "seal-key"):
        opened(content, MALLORY)


def test_a_source_that_gives_little_at_a_time_is_sealed_whole() -> None:
    class Dripping(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.rest = content

        def read(self, size: int = -1) -> bytes:
            piece, self.rest = self.rest[:7000], self.rest[7000:]
            return piece

    content = os.urandom(3 * CHUNK_BYTES + 5)
    target = io.BytesIO()
    seal(Dripping(content), target, [str(ALICE.recipient())], CONTEXT)

    assert opened(target.getvalue()) == content


def test_two_seals_of_the_same_content_share_nothing() -> None:
    first, second = sealed(b"counts"), sealed(b"counts")

    assert first != second
    assert first[payload_start(first) :] != second[payload_start(second) :]


def test_a_recipient_named_twice_gets_one_stanza() -> None:
    header = read_header(io.BytesIO(sealed(b"x", ALICE, ALICE)))

    assert [stanza.kind for stanza in header.stanzas] == ["phtlab/context", "mlkem768x25519"]


def test_cargo_of_other_stop_refused() -> None:
    with raises_code(SealContextError, "seal-context"):
        opened(sealed(b"counts"), context=b'{"station":"hungary","stop":1}')


def test_the_wrong_key_is_told_before_the_wrong_context() -> None:
    with pytest.raises(SealKeyError):
        opened(sealed(b"counts"), MALLORY, b"other")


# Who can it be sealed to


def test_sealing_to_nobody_is_refused() -> None:
    with raises_code(SealKeyError, "seal-no-recipient"):
        seal(io.BytesIO(b"x"), io.BytesIO(), [], CONTEXT)


def test_sealing_to_more_than_64_is_refused_and_64_is_not() -> None:
    identities = [HybridIdentity.generate() for _ in range(MAX_RECIPIENTS)]

    assert opened(sealed(b"x", *identities), identities[-1]) == b"x"
    with raises_code(SealKeyError, "seal-too-many-recipients"):
        sealed(b"x", *identities, MALLORY)


def test_sealing_to_a_classical_recipient_is_refused() -> None:
    classical = str(X25519Identity.generate().recipient())

    with raises_code(SealKeyError, "seal-recipient-kind"):
        seal(io.BytesIO(b"x"), io.BytesIO(), [str(ALICE.recipient()), classical], CONTEXT)


def test_sealing_to_a_mistyped_recipient_is_refused() -> None:
    recipient = str(ALICE.recipient())
    mistyped = recipient[:100] + ("q" if recipient[100] != "q" else "p") + recipient[101:]

    with raises_code(SealKeyError, "seal-recipient-text"):
        seal(io.BytesIO(b"x"), io.BytesIO(), [mistyped], CONTEXT)


def test_a_recipient_with_a_low_order_point_is_refused() -> None:
    with raises_code(SealKeyError, "seal-recipient-point"):
        HybridRecipient(ALICE.recipient().key[:1184] + bytes(32))


def test_a_recipient_with_an_invalid_lattice_key_is_refused() -> None:
    with raises_code(SealKeyError, "seal-recipient-point"):
        HybridRecipient(b"\xff" * 1184 + ALICE.recipient().key[1184:])


# What is sealed cargo at all


def test_cargo_without_a_context_is_refused() -> None:
    with raises_code(SealFormatError, "seal-bound"):
        opened(age_file([], [ALICE.recipient()]))


def test_cargo_with_a_second_context_is_refused() -> None:
    with raises_code(SealFormatError, "seal-bound"):
        opened(age_file([CONTEXT_STANZA, CONTEXT_STANZA], [ALICE.recipient()]))


@pytest.mark.parametrize(
    "stanza",
    [
        Stanza(("phtlab/context", "v2"), CONTEXT_STANZA.body),
        Stanza(("phtlab/context",), CONTEXT_STANZA.body),
        Stanza(("phtlab/context", "v1", "more"), CONTEXT_STANZA.body),
        Stanza(("phtlab/context", "v1"), CONTEXT_STANZA.body[:31]),
    ],
)
def test_cargo_with_a_context_of_another_form_is_refused(stanza: Stanza) -> None:
    with raises_code(SealFormatError, "seal-bound-form"):
        opened(age_file([stanza], [ALICE.recipient()]))


@pytest.mark.parametrize(
    "other",
    [X25519Identity.generate().recipient().wrap(bytes(16)), Stanza(("x-grease",), b"")],
    ids=["classical", "unknown"],
)
def test_cargo_that_opens_in_another_way_too_is_refused(other: Stanza) -> None:
    with raises_code(SealFormatError, "seal-not-post-quantum"):
        opened(age_file([CONTEXT_STANZA, other], [ALICE.recipient()]))


def test_cargo_with_no_or_too_many_recipients_is_refused() -> None:
    stanza = ALICE.recipient().wrap(bytes(16))

    for count in (0, 65):
        header = encode_header([CONTEXT_STANZA, *[stanza] * count], bytes(16))
        with raises_code(SealFormatError, "seal-recipient-count"):
            opened(header + bytes(64))


def test_cargo_with_a_low_order_share_is_refused() -> None:
    wrapped = ALICE.recipient().wrap(bytes(16))
    share = Stanza((wrapped.kind, low_order(wrapped.args[1])), wrapped.body)

    with raises_code(SealFormatError, "seal-share"):
        opened(encode_header([CONTEXT_STANZA, share], bytes(16)) + bytes(64))


def low_order(encapsulation: str) -> str:
    return encode_base64(decode_base64(encapsulation)[:1088] + bytes(32))


def test_a_header_over_a_mebibyte_is_refused_without_reading_on() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readline(self, size: int | None = -1) -> bytes:  # type: ignore[override]
            if not self.taken:
                self.taken += 22
                return b"age-encryption.org/v1\n"
            line = b"-> x\n" if self.taken % 2 == 0 else b"\n"
            self.taken += len(line)
            assert size is not None
            return line[:size]

    source = Endless()
    with raises_code(SealFormatError, "seal-header-size"):
        read_header(source)
    assert source.taken <= 2**20 + 8


def test_one_endless_line_is_refused() -> None:
    with raises_code(SealFormatError, "seal-header-size"):
        opened(b"age-encryption.org/v1\n-> " + b"a" * 2**21)


def test_a_header_that_would_be_too_long_is_not_written() -> None:
    with raises_code(SealFormatError, "seal-header-size"):
        age_file([Stanza(("x",), bytes(2**20))], [ALICE.recipient()])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "seal-header-cut"),
        (b"PK\x03\x04", "seal-header-cut"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "seal-format"),
    ],
)
def test_something_else_is_refused(content: bytes, code: str) -> None:
    with raises_code(SealFormatError, code):
        opened(content)


# What was changed on the way


def test_seal_every_bitflip_cut_swap_refused() -> None:
    content = sealed(b"counts: 304")

    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        with pytest.raises(SealError):
            opened(bytes(changed))
    for end in range(len(content)):
        with pytest.raises(SealError):
            opened(content[:end])
    for more in (b"\0", b"\n", bytes(16), content):
        with pytest.raises(SealError):
            opened(content + more)


@settings(deadline=None)
@given(st.data())
def test_no_other_bit_matters_either(data: st.DataObject) -> None:
    content = sealed(b"counts: 304")
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SealError):
        opened(bytes(changed))


def test_an_added_recipient_is_told_as_a_change() -> None:
    content = sealed(b"counts")
    source = io.BytesIO(content)
    header = read_header(source)
    forged = encode_header([*header.stanzas, MALLORY.recipient().wrap(bytes(16))], bytes(16))

    with raises_code(SealChangedError, "seal-header-changed"):
        opened(forged + source.read())


def test_a_context_put_in_place_of_another_is_told_as_a_change() -> None:
    content = sealed(b"counts", context=b"other stop")
    source = io.BytesIO(content)
    header = read_header(source)
    forged = encode_header([CONTEXT_STANZA, *header.stanzas[1:]], bytes(16))

    with raises_code(SealChangedError, "seal-header-changed"):
        opened(forged + source.read())


def _drop(chunks: list[bytes]) -> list[bytes]:
    return [*chunks[:1], *chunks[2:]]


def _swap(chunks: list[bytes]) -> list[bytes]:
    return [chunks[1], chunks[0], *chunks[2:]]


def _repeat(chunks: list[bytes]) -> list[bytes]:
    return [chunks[0], *chunks]


def _cut(chunks: list[bytes]) -> list[bytes]:
    return chunks[:-1]


def _extend(chunks: list[bytes]) -> list[bytes]:
    return [*chunks, chunks[-1]]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_drop, "seal-payload-changed"),
        (_swap, "seal-payload-changed"),
        (_repeat, "seal-payload-changed"),
        (_cut, "seal-payload-cut"),
        (_extend, "seal-payload-longer"),
    ],
)
@pytest.mark.parametrize("count", [3, 17, 33])
def test_chunks_dropped_swapped_repeated_cut_added_are_refused(
    change: Callable[[list[bytes]], list[bytes]], code: str, count: int
) -> None:
    content = sealed(os.urandom(count * CHUNK_BYTES))
    start = payload_start(content)
    chunks = [content[i : i + SEALED_CHUNK] for i in range(start, len(content), SEALED_CHUNK)]
    assert len(chunks) == count

    with raises_code(SealChangedError, code):
        opened(content[:start] + b"".join(change(chunks)))


def test_a_cut_and_an_addition_are_told_apart() -> None:
    content = sealed(bytes(2 * CHUNK_BYTES))

    with raises_code(SealChangedError, "seal-payload-cut"):
        opened(content[:-SEALED_CHUNK])
    with raises_code(SealChangedError, "seal-payload-longer"):
        opened(content + bytes(100))


def test_chunks_of_another_file_to_the_same_recipient_are_refused() -> None:
    mine, other = sealed(b"x" * 100), sealed(b"y" * 100)

    with pytest.raises(SealChangedError):
        opened(mine[: payload_start(mine)] + other[payload_start(other) :])


# Into a file


@pytest.fixture
def cargo(tmp_path: Path) -> Path:
    path = tmp_path / "cleveland.age"
    path.write_bytes(sealed(b"counts" * CHUNK_BYTES))
    return path


def digest_of(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_open_file_writes_what_was_sealed_for_its_owner_only(cargo: Path, tmp_path: Path) -> None:
    target = tmp_path / "cleveland.tar"

    open_file(cargo, target, ALICE, CONTEXT, digest_of(cargo))

    assert target.read_bytes() == b"counts" * CHUNK_BYTES
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cleveland.age", "cleveland.tar"]


def test_open_file_compares_the_signed_digest_first(cargo: Path, tmp_path: Path) -> None:
    with raises_code(SealChangedError, "seal-changed"):
        open_file(cargo, tmp_path / "out", MALLORY, b"other", "sha256:" + "0" * 64)
    assert list(tmp_path.iterdir()) == [cargo]


@pytest.mark.parametrize(
    ("identity", "context", "error"),
    [(MALLORY, CONTEXT, SealKeyError), (ALICE, b"other", SealContextError)],
)
def test_open_file_leaves_nothing_when_it_refuses(
    cargo: Path,
    tmp_path: Path,
    identity: HybridIdentity,
    context: bytes,
    error: type[SealError],
) -> None:
    with pytest.raises(error):
        open_file(cargo, tmp_path / "out", identity, context, digest_of(cargo))
    assert list(tmp_path.iterdir()) == [cargo]


def test_open_file_shows_no_part_of_changed_cargo(cargo: Path, tmp_path: Path) -> None:
    content = bytearray(cargo.read_bytes())
    content[-1] ^= 1
    cargo.write_bytes(content)
    target = tmp_path / "out"
    target.write_text("what was here before")

    with raises_code(SealChangedError, "seal-payload-changed"):
        open_file(cargo, target, ALICE, CONTEXT, digest_of(cargo))
    assert target.read_text() == "what was here before"
    assert sorted(tmp_path.iterdir()) == [cargo, target]


def test_open_file_says_which_file_is_missing(tmp_path: Path) -> None:
    with raises_code(SealError, "seal"):
        open_file(tmp_path / "absent.age", tmp_path / "out", ALICE, CONTEXT, "sha256:" + "0" * 64)


# Constant memory

_MEASURE = """
import resource, sys
from phtlab.train.crypto.age import HybridIdentity
from phtlab.files.sealed_file import open_file
from phtlab.train.sealing import seal
from pathlib import Path

folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])

class Zeros:
    left = megabytes * 2**20
    def read(self, size=-1, /):
        size = min(size, self.left)
        self.left -= size
        return bytes(size)

alice = HybridIdentity.generate()
def work(source):
    with (folder / "sealed").open("wb") as target:
        sealed = seal(source, target, [str(alice.recipient())] * 3, b"context")
    open_file(folder / "sealed", folder / "opened", alice, b"context", sealed.digest)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

small = Zeros(); small.left = 2 * 2**20
before = work(small)
print(work(Zeros()) - before)
"""


def test_memory_does_not_grow_with_the_cargo(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path), "64"],
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT,
    )

    grown_kib = int(result.stdout)
    assert grown_kib < 16 * 1024
    assert (tmp_path / "opened").stat().st_size == 64 * 2**20


def test_age_readers_that_know_no_context_open_cargo_too() -> None:
    target = io.BytesIO()

    decrypt(io.BytesIO(sealed(b"counts")), target, [ALICE])

    assert target.getvalue() == b"counts"
