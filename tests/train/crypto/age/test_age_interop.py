"""Other programs open what phtlab seals, and the other way round.

Debian's `age` 1.1 and pyrage know X25519 and passphrases; the npm package
`age-encryption` knows the hybrid recipient too. Each must be there: a seal that
only its maker can open is not a format.
"""

from __future__ import annotations

import errno
import io
import os
import pty
import subprocess
from pathlib import Path

import pyrage
import pytest

from phtlab.files.key_file import encode_key
from phtlab.train.crypto.age import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    Stanza,
    X25519Identity,
    decrypt,
    encrypt,
)
from phtlab.train.crypto.age.stream import CHUNK_BYTES
from phtlab.train.crypto.identity import Identity
from phtlab.train.sealing import seal
from tests.limits import LIMIT

CONTENTS = [b"", b"counts", bytes(CHUNK_BYTES), os.urandom(2 * CHUNK_BYTES + 1)]
CONTEXT_STANZA = Stanza(("phtlab/context", "v1"), bytes(32))
NODE = Path(__file__).parent / "node"

sizes = pytest.mark.parametrize("content", CONTENTS, ids=len)


def ours(content: bytes, identity: X25519Identity) -> bytes:
    target = io.BytesIO()
    encrypt(io.BytesIO(content), target, [identity.recipient()], [CONTEXT_STANZA])
    return target.getvalue()


def opened(content: bytes, identity: X25519Identity | HybridIdentity | ScryptIdentity) -> bytes:
    target = io.BytesIO()
    decrypt(io.BytesIO(content), target, [identity])
    return target.getvalue()


def command(*args: str | Path, stdin: bytes, cwd: Path | None = None) -> bytes:
    result = subprocess.run(args, input=stdin, capture_output=True, cwd=cwd, timeout=LIMIT)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def with_passphrase(*args: str | Path, passphrase: str) -> None:
    """Run a program that reads passphrases from its terminal, and type one as often as asked."""
    terminal, end_of_program = pty.openpty()
    # A terminal of its own: what asks for a passphrase opens /dev/tty, whatever stdin is.
    program = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *args],
        stdin=end_of_program,
        stdout=end_of_program,
        stderr=end_of_program,
    )
    os.close(end_of_program)
    seen = b""
    try:
        while piece := os.read(terminal, 1024):
            seen += piece
            if piece.rstrip().endswith(b":"):
                os.write(terminal, passphrase.encode() + b"\n")
    except OSError as error:
        if error.errno != errno.EIO:  # how Linux says that nobody is at the other end
            raise
    finally:
        os.close(terminal)
    assert program.wait(timeout=LIMIT) == 0, seen.decode()


# pyrage


@sizes
def test_pyrage_opens_ours(content: bytes) -> None:
    identity = X25519Identity.generate()

    other = pyrage.x25519.Identity.from_str(str(identity))

    assert pyrage.decrypt(ours(content, identity), [other]) == content


@sizes
def test_we_open_pyrages(content: bytes) -> None:
    identity = X25519Identity.generate()
    recipient = pyrage.x25519.Recipient.from_str(str(identity.recipient()))

    assert opened(pyrage.encrypt(content, [recipient]), identity) == content


def test_pyrage_opens_ours_under_a_passphrase() -> None:
    target = io.BytesIO()
    encrypt(io.BytesIO(b"content"), target, [ScryptRecipient("a passphrase", 12)])

    assert pyrage.passphrase.decrypt(target.getvalue(), "a passphrase") == b"content"


# Debian's age


@pytest.mark.engine
@sizes
def test_age_opens_ours(content: bytes, tmp_path: Path) -> None:
    identity = X25519Identity.generate()
    key = tmp_path / "key.txt"
    key.write_text(f"{identity}\n")

    assert command("age", "-d", "-i", key, stdin=ours(content, identity)) == content


@pytest.mark.engine
@sizes
def test_we_open_ages(content: bytes) -> None:
    identity = X25519Identity.generate()

    sealed = command("age", "-r", str(identity.recipient()), stdin=content)

    assert opened(sealed, identity) == content


@pytest.mark.engine
def test_age_opens_our_key_file(tmp_path: Path) -> None:
    identity = Identity.generate("alice")
    key = tmp_path / "alice.key.age"
    key.write_bytes(encode_key(identity, "a long passphrase", log_n=14))
    plain = tmp_path / "plain"

    with_passphrase("age", "-d", "-o", plain, key, passphrase="a long passphrase")

    lines = plain.read_text().splitlines()
    assert lines[0] == "# phtlab-name: alice"
    assert lines[-1] == str(identity.age)


@pytest.mark.engine
def test_we_open_what_age_wrote_under_a_passphrase(tmp_path: Path) -> None:
    plain, sealed = tmp_path / "plain", tmp_path / "sealed.age"
    plain.write_bytes(b"content")

    with_passphrase("age", "-p", "-o", sealed, plain, passphrase="a long passphrase")

    assert opened(sealed.read_bytes(), ScryptIdentity("a long passphrase")) == b"content"


# The npm package age-encryption


@pytest.mark.engine
@sizes
def test_javascript_opens_our_hybrid_cargo(content: bytes) -> None:
    identity, other = HybridIdentity.generate(), HybridIdentity.generate()
    target = io.BytesIO()
    recipients = [str(other.recipient()), str(identity.recipient())]
    seal(io.BytesIO(content), target, recipients, b"context")

    opened_there = command(
        "node", "age.js", "open", str(identity), stdin=target.getvalue(), cwd=NODE
    )

    assert opened_there == content


@pytest.mark.engine
@sizes
def test_we_open_what_javascript_sealed_to_a_hybrid_recipient(content: bytes) -> None:
    identity = HybridIdentity.generate()

    sealed = command("node", "age.js", "seal", str(identity.recipient()), stdin=content, cwd=NODE)

    assert opened(sealed, identity) == content


@pytest.mark.engine
def test_javascript_opens_our_key_file_and_then_our_cargo() -> None:
    identity = Identity.generate("alice")
    key = encode_key(identity, "a long passphrase", log_n=12)
    target = io.BytesIO()
    seal(io.BytesIO(b"counts"), target, [identity.public.age], b"context")

    plain = command(
        "node", "age.js", "open-passphrase", "a long passphrase", stdin=key, cwd=NODE
    ).decode()
    secret = next(line for line in plain.splitlines() if not line.startswith("#"))

    sealed = target.getvalue()
    assert command("node", "age.js", "open", secret, stdin=sealed, cwd=NODE) == b"counts"
