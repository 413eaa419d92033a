"""The keys of a member, public and private.

A member signs with Ed25519 (RFC 8032) **and** ML-DSA-65 (FIPS 204); both must
verify. Cargo is sealed to the member's age recipient, `mlkem768x25519`
(ML-KEM-768 with X25519). Key ids are computed from the keys, never taken from
a document.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from dataclasses import dataclass, field
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA65PrivateKey,
    MLDSA65PublicKey,
)
from pydantic import Field, StringConstraints, field_validator

from phtlab.errors import SealError
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical
from phtlab.train.crypto.age import HybridIdentity, HybridRecipient

Scheme = Literal["ed25519", "ml-dsa-65"]
MemberName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,61}[a-z0-9]$")]
Role = Literal["researcher", "station", "operator", "officer", "teacher", "twin", "aggregator"]

# Encodings of points of small order on edwards25519, without the bit of x's sign. RFC 8032, and
# so libraries, let such a "key" verify signatures that need no private key.
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


@functools.lru_cache(1_000)
def _as_written(recipient: str) -> str:
    """Return an age recipient as it is written. Cached: each roster and order has them again."""
    return str(HybridRecipient.parse(recipient))


class PublicKeys(StrictModel):
    """The public half of an identity. `ed25519` and `ml_dsa_65` are base64, `age` is `age1pq1…`."""

    ed25519: str
    ml_dsa_65: str
    age: str

    @field_validator("ed25519")
    @classmethod
    def _ed25519_key(cls, text: str) -> str:
        raw = _b64decode(text)
        Ed25519PublicKey.from_public_bytes(raw)
        if raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
            raise ValueError("this is a point of small order, under which anyone can sign")
        return text

    @field_validator("ml_dsa_65")
    @classmethod
    def _ml_dsa_65_key(cls, text: str) -> str:
        MLDSA65PublicKey.from_public_bytes(_b64decode(text))
        return text

    @field_validator("age")
    @classmethod
    def _age_recipient(cls, text: str) -> str:
        try:
            written = _as_written(text)
        except SealError as error:
            raise ValueError(str(error)) from None
        if written != text:
            raise ValueError("an age recipient is written in lower case")
        return text

    def key_ids(self) -> dict[Scheme, str]:
        """Return key ids by scheme: the SHA-256, in hexadecimal, of scheme and raw public key."""
        return {
            "ed25519": _key_id("ed25519", base64.b64decode(self.ed25519)),
            "ml-dsa-65": _key_id("ml-dsa-65", base64.b64decode(self.ml_dsa_65)),
        }

    def verifies(self, scheme: Scheme, signature: bytes, message: bytes) -> bool:
        """Return whether `signature` over `message` is by this identity's key of `scheme`."""
        try:
            if scheme == "ed25519":
                key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.ed25519))
                key.verify(signature, message)
            else:
                pq = MLDSA65PublicKey.from_public_bytes(base64.b64decode(self.ml_dsa_65))
                pq.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """Text to compare by telephone: 8 groups of 4 characters (160 bits, base32)."""
        raw = hashlib.sha256(canonical(self.model_dump())).digest()[:20]
        text = base64.b32encode(raw).decode().lower()
        return "-".join(text[i : i + 4] for i in range(0, 32, 4))


class Member(StrictModel):
    """One line of the roster: a person or a station, its roles and its public keys."""

    name: MemberName
    organisation: str = Field("", max_length=128)
    roles: tuple[Role, ...] = Field(min_length=1)
    keys: PublicKeys

    @field_validator("organisation")
    @classmethod
    def _printable(cls, text: str) -> str:
        # Terminals and pages show the name to people who decide by what they read.
        if not text.isprintable():
            raise ValueError("an organisation's name has printable characters only")
        return text

    @field_validator("roles")
    @classmethod
    def _distinct(cls, roles: tuple[Role, ...]) -> tuple[Role, ...]:
        if len(set(roles)) != len(roles):
            raise ValueError("a role is given twice")
        return roles

    @property
    def is_station(self) -> bool:
        return "station" in self.roles

    @property
    def has_stops(self) -> bool:
        """Whether journeys have stops there: a station, or an aggregator, which has no data."""
        return self.is_station or "aggregator" in self.roles


@dataclass(frozen=True)
class Identity:
    """The private keys of a member. The `repr` shows the name only."""

    name: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    ml_dsa_65: MLDSA65PrivateKey = field(repr=False)
    age: HybridIdentity = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> Identity:
        """Generate an identity from the system's random source."""
        return cls.from_seeds(name, os.urandom(32), os.urandom(32), HybridIdentity.generate())

    @classmethod
    def from_seeds(
        cls, name: str, ed25519: bytes, ml_dsa_65: bytes, age: HybridIdentity
    ) -> Identity:
        """Build an identity from two 32-byte seeds and an age identity."""
        return cls(
            name,
            Ed25519PrivateKey.from_private_bytes(ed25519),
            MLDSA65PrivateKey.from_seed_bytes(ml_dsa_65),
            age,
        )

    @functools.cached_property
    def public(self) -> PublicKeys:
        return PublicKeys(
            ed25519=_b64(self.ed25519.public_key().public_bytes_raw()),
            ml_dsa_65=_b64(self.ml_dsa_65.public_key().public_bytes_raw()),
            age=str(self.age.recipient()),
        )

    def sign(self, message: bytes) -> dict[Scheme, bytes]:
        """Sign `message` under both schemes."""
        return {"ed25519": self.ed25519.sign(message), "ml-dsa-65": self.ml_dsa_65.sign(message)}

    def seeds(self) -> tuple[bytes, bytes]:
        """Return the two 32-byte seeds, Ed25519 first, for the key file."""
        return self.ed25519.private_bytes_raw(), self.ml_dsa_65.private_bytes_raw()


def _key_id(scheme: str, raw: bytes) -> str:
    return hashlib.sha256(scheme.encode() + b"\0" + raw).hexdigest()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _b64decode(text: str) -> bytes:
    """Decode canonical base64 only, since the fingerprint is over the text of the key."""
    raw = base64.b64decode(text, validate=True)
    if _b64(raw) != text:
        raise ValueError("a public key is written in canonical base64")
    return raw
