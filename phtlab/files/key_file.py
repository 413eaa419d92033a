"""A member's private keys at rest: an age file under a passphrase.

Its plaintext is an age identity file. The signing keys are in comment lines, so
that `age -d -i NAME.key.age cargo.age` opens cargo without phtlab. The file sets the
cost of reading it, about a second and 280 MiB at the default work factor.
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from phtlab.errors import KeyFileError, PassphraseError, SealError, SealKeyError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.train.crypto.age import (
    HybridIdentity,
    ScryptIdentity,
    ScryptRecipient,
    decrypt,
    encrypt,
)
from phtlab.train.crypto.age.scrypt import DEFAULT_LOG_N, MAX_LOG_N
from phtlab.train.crypto.identity import Identity, MemberName

MAX_KEY_FILE_BYTES = 64 * 1024
MINIMUM_PASSPHRASE = 12  # characters
_NAME = "phtlab-name"
_ED25519 = "phtlab-ed25519"
_ML_DSA_65 = "phtlab-ml-dsa-65"
_MEMBER_NAME = TypeAdapter[str](MemberName)


def require_new_passphrase(passphrase: str, what: str) -> None:
    """Raise PassphraseError (`passphrase-short`) if `passphrase` is too short for `what`."""
    if len(passphrase) < MINIMUM_PASSPHRASE:
        raise PassphraseError(
            f"The passphrase for {what} has {len(passphrase)} characters; at least "
            f"{MINIMUM_PASSPHRASE} are needed, because whoever copies the key file can guess at "
            "it for as long as they like.",
            "Four or five random words are good.",
            code="passphrase-short",
        )


def encode_key(identity: Identity, passphrase: str, *, log_n: int = DEFAULT_LOG_N) -> bytes:
    """Encrypt the key file of `identity`. `log_n`: base-two logarithm of scrypt's work factor.

    Raises KeyFileError if the identity's name is not valid for a member.
    """
    target = io.BytesIO()
    recipient = ScryptRecipient(passphrase, log_n)
    encrypt(io.BytesIO(identity_text(identity).encode()), target, [recipient])
    return target.getvalue()


def decode_key(content: bytes, passphrase: str, *, max_log_n: int = MAX_LOG_N) -> Identity:
    """Decrypt the identity in a key file.

    Raises PassphraseError for a wrong passphrase, KeyFileError for a file that is not a key file,
    was changed, or needs more work than `max_log_n`.
    """
    if len(content) > MAX_KEY_FILE_BYTES:
        raise KeyFileError(
            f"This key file has {len(content)} bytes; a key file has at most {MAX_KEY_FILE_BYTES}.",
            "Check the file name.",
            code="key-file-size",
        )
    plaintext = io.BytesIO()
    try:
        decrypt(io.BytesIO(content), plaintext, [ScryptIdentity(passphrase, max_log_n)])
    except SealKeyError:
        raise PassphraseError(
            "This passphrase does not open the key file.",
            "Try again; a forgotten passphrase cannot be recovered: then create a new key and ask "
            "an officer to admit it.",
        ) from None
    except SealError as error:
        raise KeyFileError(
            f"This key file cannot be read. {error.message}",
            f"{error.hint} If it was damaged, take it from a backup.".lstrip(),
        ) from error
    return parse_identity(plaintext.getvalue())


def write_key(
    path: Path,
    identity: Identity,
    passphrase: str,
    *,
    log_n: int = DEFAULT_LOG_N,
    replace: bool = False,
) -> None:
    """Write the key file, whole or not at all, readable by its owner only.

    Raises KeyFileError if `path` exists, unless `replace` (for a new passphrase), or if it cannot
    be written.
    """
    content = encode_key(identity, passphrase, log_n=log_n)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if replace:
            write_durably(path, content)
        else:
            _create(path, content)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be written: {error.strerror}.",
            "Check the folder.",
            code="key-file-unwritable",
        ) from None


def _create(path: Path, content: bytes) -> None:
    try:
        create_durably(path, content)
    except FileExistsError:
        raise KeyFileError(
            f"{path} exists already and is not overwritten: whoever loses a key loses what was "
            "sealed to it.",
            "Choose another name, or move the file away first.",
            code="key-file-exists",
        ) from None


def read_key(path: Path, passphrase: str, *, max_log_n: int = MAX_LOG_N) -> Identity:
    """Read the identity in the key file at `path`. Raises as `decode_key`, and if it is missing."""
    try:
        with path.open("rb") as source:
            content = source.read(MAX_KEY_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be read: {error.strerror}.",
            "Check the name, or make a key with 'phtlab key create'.",
            code="key-file-missing",
        ) from None
    return decode_key(content, passphrase, max_log_n=max_log_n)


def identity_text(identity: Identity) -> str:
    """Return the private keys as plaintext of a key file; its holder can act as `identity`."""
    ed25519, ml_dsa_65 = identity.seeds()
    lines = (
        f"# {_NAME}: {_require_name(identity.name)}",
        f"# {_ED25519}: {base64.b64encode(ed25519).decode()}",
        f"# {_ML_DSA_65}: {base64.b64encode(ml_dsa_65).decode()}",
        str(identity.age),
        "",
    )
    return "\n".join(lines)


def parse_identity(plaintext: bytes) -> Identity:
    """Parse what `identity_text` wrote. Raises KeyFileError."""
    try:
        lines = plaintext.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise _no_key_file("it holds other than ASCII", code="key-file-ascii") from None
    fields: dict[str, str] = {}
    secrets_found = []
    for line in lines:
        if line.startswith("#"):
            key, colon, value = line[1:].partition(":")
            if key.strip() in fields:
                raise _no_key_file(f"it names '{key.strip()}' twice", code="key-file-twice")
            if colon:
                fields[key.strip()] = value.strip()
        elif line.strip():
            secrets_found.append(line.strip())
    if len(secrets_found) != 1:
        raise _no_key_file(
            f"it holds {len(secrets_found)} age identities instead of one",
            code="key-file-identities",
        )
    try:
        age = HybridIdentity.parse(secrets_found[0])
    except SealKeyError:
        raise _no_key_file(
            "its age identity is not a hybrid post-quantum one", code="key-file-identity"
        ) from None
    name = _require_name(fields.get(_NAME, ""))
    return Identity.from_seeds(name, _seed(fields, _ED25519), _seed(fields, _ML_DSA_65), age)


def _seed(fields: dict[str, str], key: str) -> bytes:
    try:
        seed = base64.b64decode(fields.get(key, ""), validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != 32:
        raise _no_key_file(f"'{key}' is missing or not 32 bytes of base64", code="key-file-seed")
    return seed


def _require_name(name: str) -> str:
    try:
        return _MEMBER_NAME.validate_python(name)
    except ValidationError:
        raise KeyFileError(
            "A key belongs to a name of 2 to 63 characters of a-z, 0-9 and '-', starting with a "
            "letter; this one does not.",
            "Choose such a name.",
            code="key-name",
        ) from None


def _no_key_file(reason: str, *, code: str) -> KeyFileError:
    return KeyFileError(
        f"This file opens but is not a phtlab key file: {reason}.",
        "Check the file name, or make a key with 'phtlab key create'.",
        code=code,
    )
