"""Tokens for the registry (CNCF Distribution, token authentication specification).

ES256. The registry finds the key by its libtrust fingerprint in the `kid`,
in the certificate bundle that `phtlab central init` wrote beside its settings.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from phtlab.errors import CentralError, SettingsError
from phtlab.wire.api.journeys import RegistryToken

_SCOPE: Final = re.compile(r"repository:(?P<name>[a-z0-9._/-]{1,255}):(?P<actions>[a-z,*]{1,64})")
MAX_SCOPES: Final = 32


@dataclass(frozen=True)
class Access:
    """The actions that a token allows on one repository: ``pull``, ``push``, ``delete``."""

    repository: str
    actions: frozenset[str]


def parse_scopes(scopes: Iterable[str]) -> tuple[Access, ...]:
    """Parse the accesses that `scopes` request; one string may hold several, split by spaces.

    Scopes of other kinds than repository are omitted: nobody gets them.
    Raises CentralError for too many.
    """
    words = [scope_text for scope in scopes for scope_text in scope.split()]
    if len(words) > MAX_SCOPES:
        raise CentralError(f"A registry token has at most {MAX_SCOPES} scopes.", code="request")
    found = (_SCOPE.fullmatch(scope_text) for scope_text in words)
    return tuple(
        Access(match["name"], frozenset(match["actions"].split(","))) for match in found if match
    )


class RegistryTokens:
    """Signs tokens for the registry with central's key."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, *, issuer: str, service: str, seconds: int
    ) -> None:
        self._key = key
        self._key_id = fingerprint(key.public_key())
        self._issuer = issuer
        self._service = service
        self._seconds = seconds

    def sign(self, subject: str, accesses: Iterable[Access], now: datetime) -> RegistryToken:
        """Sign a token for `subject`. Accesses without an action are omitted."""
        issued = now.astimezone(UTC).replace(microsecond=0)
        claims = {
            "iss": self._issuer,
            "sub": subject,
            "aud": self._service,
            "iat": int(issued.timestamp()),
            # Valid for a registry whose clock is a little behind, too.
            "nbf": int((issued - timedelta(seconds=30)).timestamp()),
            "exp": int((issued + timedelta(seconds=self._seconds)).timestamp()),
            "jti": secrets.token_hex(16),
            "access": [
                {"type": "repository", "name": a.repository, "actions": sorted(a.actions)}
                for a in accesses
                if a.actions
            ],
        }
        token = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._key_id})
        return RegistryToken(
            token=token,
            access_token=token,
            expires_in=self._seconds,
            issued_at=issued.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """Return libtrust's key id: base32 of 30 bytes of the key's SHA-256, in groups of four."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(hashlib.sha256(der).digest()[:30]).decode()
    return ":".join(text[start : start + 4] for start in range(0, len(text), 4))


def certificate(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> bytes:
    """Return the self-signed certificate (PEM, ten years) that the registry trusts."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def read_registry_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read the registry signing key. Raises SettingsError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SettingsError(
            f"{path} is not central's registry key.", "Restore it, or make a new central folder."
        )
    return key
