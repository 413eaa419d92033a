"""Private keys at rest: what opens them, and what a person is told when nothing does."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest

from phtlab.errors import KeyFileError, PassphraseError
from phtlab.files.key_file import decode_key, encode_key, read_key, write_key
from phtlab.train.crypto.age import ScryptIdentity, ScryptRecipient, decrypt, encrypt, read_header
from phtlab.train.crypto.identity import Identity
from tests.raising import raises_code

PASSPHRASE = "correct horse battery staple"
ALICE = Identity.generate("alice")
CHEAP = encode_key(ALICE, PASSPHRASE, log_n=10)


def plaintext(content: bytes = CHEAP) -> str:
    target = io.BytesIO()
    decrypt(io.BytesIO(content), target, [ScryptIdentity(PASSPHRASE)])
    return target.getvalue().decode()


def key_file_of(text: str) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(text.encode()), target, [ScryptRecipient(PASSPHRASE, 10)])
    return target.getvalue()


def test_a_key_comes_back_whole() -> None:
    found = decode_key(CHEAP, PASSPHRASE)

    assert found.name == "alice"
    assert found.public == ALICE.public
    assert found.seeds() == ALICE.seeds()
    assert found.age == ALICE.age


def test_key_file_needs_passphrase() -> None:
    with raises_code(PassphraseError, "passphrase"):
        decode_key(CHEAP, PASSPHRASE + " ")
    for secret in (*ALICE.seeds(), ALICE.age.seed, str(ALICE.age).encode()):
        assert secret not in CHEAP


def test_a_key_file_costs_a_guesser_two_to_the_eighteenth() -> None:
    content = encode_key(ALICE, PASSPHRASE)

    (stanza,) = read_header(io.BytesIO(content)).stanzas
    assert (stanza.kind, stanza.args[2]) == ("scrypt", "18")
    assert decode_key(content, PASSPHRASE, max_log_n=18).public == ALICE.public


def test_the_plaintext_is_an_age_identity_file() -> None:
    lines = plaintext().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [str(ALICE.age)]


def test_a_passphrase_of_any_script_works() -> None:
    passphrase = "schöne Grüße, 你好"

    assert decode_key(encode_key(ALICE, passphrase, log_n=10), passphrase).public == ALICE.public


@pytest.mark.parametrize("position", [30, 60, len(CHEAP) - 300, len(CHEAP) - 1])
def test_a_changed_key_file_is_refused(position: int) -> None:
    changed = bytearray(CHEAP)
    changed[position] ^= 1

    with pytest.raises(KeyFileError):
        decode_key(bytes(changed), PASSPHRASE)


def test_a_cut_key_file_is_told() -> None:
    with raises_code(KeyFileError, "key-file", cause="seal-payload-changed"):
        decode_key(CHEAP[:-1], PASSPHRASE)


def test_a_key_file_that_asks_for_too_much_work_is_refused() -> None:
    with raises_code(KeyFileError, "key-file", cause="seal-work"):
        decode_key(CHEAP, PASSPHRASE, max_log_n=9)
    costly = CHEAP.replace(b" 10\n", b" 21\n", 1)
    with raises_code(KeyFileError, "key-file", cause="seal-work"):
        decode_key(costly, PASSPHRASE)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "seal-header-cut"),
        (b"-----BEGIN PRIVATE KEY-----\n", "seal-format"),
        (bytes(100), "seal-header-cut"),
    ],
)
def test_something_else_is_no_key_file(content: bytes, cause: str) -> None:
    with raises_code(KeyFileError, "key-file", cause=cause):
        decode_key(content, PASSPHRASE)


def test_a_huge_file_is_not_read() -> None:
    with raises_code(KeyFileError, "key-file-size"):
        decode_key(bytes(70_000), PASSPHRASE)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("phtlab-ed25519", "ed25519"), "key-file-seed"),
        (
            lambda text: text.replace("phtlab-ml-dsa-65: ", "phtlab-ml-dsa-65: A"),
            "key-file-seed",
        ),
        (lambda text: text + text.splitlines()[-1], "key-file-identities"),
        (lambda text: text.replace(str(ALICE.age), ""), "key-file-identities"),
        (lambda text: text.replace(str(ALICE.age), str(ALICE.age)[:-1]), "key-file-identity"),
        (lambda text: text.splitlines()[1] + "\n" + text, "key-file-twice"),
        (lambda text: text + "# é\n", "key-file-ascii"),
        (lambda text: text.replace(": alice", ": Alice"), "key-name"),
    ],
)
def test_an_age_file_with_other_content_is_told(change, code: str) -> None:  # type: ignore[no-untyped-def]
    content = key_file_of(change(plaintext()))

    with raises_code(KeyFileError, code) as caught:
        decode_key(content, PASSPHRASE)
    assert str(ALICE.age)[20:40] not in str(caught.value)


def test_comments_and_empty_lines_of_others_are_passed_over() -> None:
    text = "# created: 2026-01-01\n\n# note\n" + plaintext()

    assert decode_key(key_file_of(text), PASSPHRASE).public == ALICE.public


def test_a_name_with_a_line_in_it_is_not_written() -> None:
    with raises_code(KeyFileError, "key-name"):
        encode_key(Identity.generate("al\nice"), PASSPHRASE, log_n=10)


def test_the_file_is_its_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "alice.key.age"
    old_mask = os.umask(0)
    try:
        write_key(path, ALICE, PASSPHRASE, log_n=10)
    finally:
        os.umask(old_mask)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_nlink == 1
    assert read_key(path, PASSPHRASE).public == ALICE.public


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "alice.key.age"
    path.write_bytes(b"mine")

    with raises_code(KeyFileError, "key-file-exists"):
        write_key(path, ALICE, PASSPHRASE, log_n=10)

    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_passphrase_replaces_the_old(tmp_path: Path) -> None:
    path = tmp_path / "alice.key.age"
    write_key(path, ALICE, PASSPHRASE, log_n=10)

    write_key(path, ALICE, "another passphrase", log_n=10, replace=True)

    assert read_key(path, "another passphrase").public == ALICE.public
    with pytest.raises(PassphraseError):
        read_key(path, PASSPHRASE)


def test_a_missing_file_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    with raises_code(KeyFileError, "key-file-missing"):
        read_key(tmp_path / "nobody.key.age", PASSPHRASE)
    (tmp_path / "file").write_text("")
    with raises_code(KeyFileError, "key-file-unwritable"):
        write_key(tmp_path / "file" / "alice.key.age", ALICE, PASSPHRASE, log_n=10)
