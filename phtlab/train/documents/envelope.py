"""DSSE envelopes over in-toto Statements, signed by a member under two schemes.

Sources: DSSE v1 (secure-systems-lab/dsse, protocol.md), in-toto Statement v1.
A valid envelope carries exactly one Ed25519 and one ML-DSA-65 signature, both
by the same member; anything more, less or other is refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from phtlab.errors import NotOnRosterError, SignatureError
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical, digest, parse_canonical, parse_json
from phtlab.train.crypto.identity import Identity, Member, Scheme

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
MAX_ENVELOPE_BYTES = 4 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREDICATE_TYPE = re.compile(r"(https://phtlab\.org/([a-z-]{1,32}))/v([1-9][0-9]{0,3})")


class Signature(StrictModel):
    keyid: str = Field(max_length=128)
    sig: str = Field(max_length=8192)


class Envelope(StrictModel):
    """A DSSE envelope as it travels: `payload` and each `sig` are base64."""

    payload: str
    payloadType: Literal["application/vnd.in-toto+json"]  # noqa: N815 (DSSE's name)
    signatures: tuple[Signature, ...] = Field(max_length=8)

    @property
    def body(self) -> bytes:
        """The signed bytes. Raises SignatureError if they are not base64."""
        return _b64decode(self.payload)

    @property
    def digest(self) -> str:
        """Names the statement, whoever signed it: the digest of the payload."""
        return digest(self.body)

    def to_bytes(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    @classmethod
    def from_bytes(cls, content: bytes) -> Envelope:
        """Parse an envelope. Raises SignatureError for anything else."""
        if len(content) > MAX_ENVELOPE_BYTES:
            raise SignatureError(
                f"This signed document is {len(content)} bytes; at most {MAX_ENVELOPE_BYTES} are "
                "read.",
                "Ask whoever sent it for the right file.",
                code="signature-size",
            )
        try:
            return cls.model_validate(parse_json(content))
        except (ValidationError, ValueError):
            raise SignatureError(
                "This is not a signed phtlab document (a DSSE envelope).",
                "Check the file name.",
                code="signature-form",
            ) from None


class Subject(StrictModel):
    name: str
    digest: dict[str, str]

    @property
    def sha256(self) -> str:
        """The digest as OCI writes it. Raises SignatureError if it has none, or more than one."""
        value = self.digest.get("sha256", "")
        if len(self.digest) != 1 or not _SHA256.fullmatch(value):
            raise SignatureError(
                f"The subject '{self.name}' is not named by one SHA-256 digest.",
                code="signature-subject",
            )
        return f"sha256:{value}"


class Statement(StrictModel):
    """An in-toto Statement v1."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["https://in-toto.io/Statement/v1"] = Field(STATEMENT_TYPE, alias="_type")
    subject: tuple[Subject, ...]
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]


def sign_statement(
    identity: Identity,
    predicate_type: str,
    subject: Mapping[str, str],
    predicate: Mapping[str, Any],
) -> Envelope:
    """Sign a statement about `subject`, a mapping of name to ``sha256:`` digest.

    Raises SignatureError if `predicate` holds what JSON cannot hold exactly.
    """
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": value.removeprefix("sha256:")}}
            for name, value in subject.items()
        ],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }
    try:
        body = canonical(statement)
    except ValueError as error:
        raise SignatureError(
            f"This document cannot be signed: {error}.", code="not-canonical"
        ) from None
    signatures = identity.sign(_pae(body))
    key_ids = identity.public.key_ids()
    return Envelope(
        payload=base64.b64encode(body).decode(),
        payloadType=PAYLOAD_TYPE,
        signatures=tuple(
            Signature(keyid=key_ids[scheme], sig=base64.b64encode(sig).decode())
            for scheme, sig in signatures.items()
        ),
    )


def open_statement(
    envelope: Envelope, predicate_type: str, members: Iterable[Member]
) -> tuple[Statement, Member]:
    """The statement and its signer, if one of `members` signed it under both schemes.

    Raises NotOnRosterError if no member holds the keys, SignatureError if a
    signature does not hold, is missing or doubled, or if the statement is not
    of `predicate_type` (``document-version`` if it is of another version of that type).
    """
    signer = _signer(envelope, members)
    body = envelope.body
    message = _pae(body)
    by_id = {key_id: scheme for scheme, key_id in signer.keys.key_ids().items()}
    for signature in envelope.signatures:
        scheme: Scheme = by_id[signature.keyid]
        if not signer.keys.verifies(scheme, _b64decode(signature.sig), message):
            raise SignatureError(
                f"The {scheme} signature of {signer.name} does not hold: the document was changed "
                "after signing.",
                "Ask its author to send it again.",
            )
    try:
        statement = Statement.model_validate(parse_canonical(body))
    except (ValidationError, ValueError):
        raise SignatureError(
            f"{signer.name} signed something that is no statement in canonical form.",
            "Ask for it to be signed again with phtlab.",
            code="signature-statement",
        ) from None
    require_type(statement.predicate_type, predicate_type)
    return statement, signer


def require_type(found: str, expected: str) -> None:
    """Raise SignatureError unless a document of the type `found` is of the type `expected`.

    The code is ``document-version`` if it is of another version of that type.
    """
    if found == expected:
        return
    has, reads = _PREDICATE_TYPE.fullmatch(found), _PREDICATE_TYPE.fullmatch(expected)
    if has is None or reads is None or has[1] != reads[1]:
        raise SignatureError(f"Expected a document of type {expected}, got {found}.")
    newer = int(has[3]) > int(reads[3])
    raise SignatureError(
        f"This {reads[2]} is of version {has[3]} of its format; this phtlab reads version "
        f"{reads[3]}.",
        "Update phtlab on this machine."
        if newer
        else "Ask its author to update phtlab and to sign it again.",
        code="document-version",
    )


def peek(envelope: Envelope) -> Statement:
    """The statement WITHOUT any check of who signed it: to route or list, never to act on."""
    try:
        return Statement.model_validate(parse_canonical(envelope.body))
    except (ValidationError, ValueError):
        raise SignatureError(
            "This envelope holds no statement in canonical form.", code="signature-statement"
        ) from None


def _signer(envelope: Envelope, members: Iterable[Member]) -> Member:
    ids = sorted(signature.keyid for signature in envelope.signatures)
    for member in members:
        if sorted(member.keys.key_ids().values()) == ids:
            return member
    known = {key_id for m in members for key_id in m.keys.key_ids().values()}
    if known & set(ids):
        raise SignatureError(
            "A document must carry exactly one Ed25519 and one ML-DSA-65 signature of the same "
            "member; this one does not.",
            "Ask its author to sign it again.",
        )
    raise NotOnRosterError(
        "This document is signed by keys that are not on the roster.",
        "Ask a consortium officer whether its author is a member, and refresh the roster.",
    )


def _pae(body: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def _b64decode(text: str) -> bytes:
    """Refuses a second spelling of the same bytes too: what was signed has one form."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = None
    if raw is None or base64.b64encode(raw).decode() != text:
        raise SignatureError("This signed document holds text that is not base64.")
    return raw
