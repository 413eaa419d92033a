"""The consortium's TUF repository: its names, keys and lifetimes, and verification of its files.

Source: The Update Framework specification 1.0. This module is pure; `consortium.py`
writes the repository offline, `publication.py` is central's part, `trust.py` reads it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError
from securesystemslib.signer import SSlibKey
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from phtlab.errors import RosterError, RosterStaleError
from phtlab.train.canonical import parse_json
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.validation_summary import validation_summaries

ROSTER_FILE = "roster.json"
CATALOGUE_FILE = "catalogue.json"
TARGET_FILES = (ROSTER_FILE, CATALOGUE_FILE)
MAX_METADATA_BYTES = 512_000
MAX_TARGET_BYTES = 16 * 2**20

OFFLINE_ROLES = ("root", "targets")
ONLINE_ROLES = ("snapshot", "timestamp")


@dataclass(frozen=True)
class Lifetimes:
    """How long each signature is valid.

    `targets` is the longest time for which a hostile central can hide a change, such
    as a revocation, from a station; within it, officers must sign again. Central renews
    `online` by itself.
    """

    root: timedelta = timedelta(days=365)
    targets: timedelta = timedelta(days=7)
    online: timedelta = timedelta(days=1)


def public_key(described: Mapping[str, Any]) -> SSlibKey:
    """Return an Ed25519 key in TUF's form; its id is computed from it, never read from a file.

    `described` is TUF's form (``keytype``, ``scheme``, ``keyval``), or any mapping with the
    raw key in base64 under ``ed25519``, such as a member's public keys. Raises RosterError.
    """
    try:
        if "keyval" in described:
            if (described["keytype"], described["scheme"]) != ("ed25519", "ed25519"):
                raise ValueError("not Ed25519")
            raw = bytes.fromhex(described["keyval"]["public"])
        else:
            raw = base64.b64decode(described["ed25519"], validate=True)
        return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw))
    except (KeyError, TypeError, ValueError):
        raise RosterError(
            "This is not the public half of an Ed25519 key.",
            "Give the file that 'phtlab central init' wrote for the consortium.",
            code="online-key-form",
        ) from None


def online_public_key(private: Ed25519PrivateKey) -> dict[str, Any]:
    """Return the public half of central's online key, as JSON for founding and rotation."""
    key: dict[str, Any] = SSlibKey.from_crypto(private.public_key()).to_dict()
    return key


def expiry(now: datetime, lifetime: timedelta) -> datetime:
    """Return when a signature expires: TUF's times are in UTC and whole seconds."""
    return (now.astimezone(UTC) + lifetime).replace(microsecond=0)


def load_root(content: bytes) -> Metadata[Root]:
    """Load a root that its own threshold signed. Raises RosterError for anything else."""
    metadata: Metadata[Root] = _load(content, "root")
    root = metadata.signed
    public = [key.keyval.get("public") for key in root.keys.values()]
    if len(set(public)) != len(public):
        # TUF counts key ids: one key under two ids would reach a threshold of two alone.
        raise RosterError("This root names one key twice; a threshold over it means nothing.")
    if not root.consistent_snapshot:
        raise RosterError("This root does not use consistent snapshots, which phtlab needs.")
    _verify(root, "root", metadata, f"Root {root.version} of the consortium")
    return metadata


def load_next_root(current: Root, content: bytes) -> Metadata[Root]:
    """Load the root after `current`, signed by the thresholds of both (TUF 5.3.4, 5.3.5)."""
    metadata = load_root(content)
    version = metadata.signed.version
    if version != current.version + 1:
        raise RosterStaleError(
            f"Root {current.version + 1} of the consortium was expected, this is {version}.",
            "Ask an officer for the complete chain of roots.",
            code="roster-rollback",
        )
    _verify(current, "root", metadata, f"Root {version} of the consortium")
    return metadata


def load_targets(root: Root, content: bytes) -> Metadata[Targets]:
    """Load targets that the officers' threshold signed. The caller checks their expiry."""
    metadata: Metadata[Targets] = _load(content, "targets")
    _verify(root, "targets", metadata, f"Version {metadata.signed.version} of the roster")
    if metadata.signed.delegations is not None:
        raise RosterError("This roster hands its authority on to others, which phtlab refuses.")
    return metadata


def require_fresh(root: Root, targets: Targets, now: datetime) -> None:
    """Raise RosterStaleError if either has expired at `now`."""
    if root.is_expired(now):
        raise RosterStaleError(
            f"The consortium's root expired on {root.expires:%Y-%m-%d %H:%M} UTC.",
            "Its officers must sign a new root and publish it.",
        )
    if targets.is_expired(now):
        raise RosterStaleError(
            f"Version {targets.version} of the roster expired on {targets.expires:%Y-%m-%d %H:%M} "
            "UTC.",
            "Its officers renew it with 'phtlab consortium sign' and 'phtlab consortium publish'; "
            "check this machine's clock too.",
        )


def check_target(targets: Targets, name: str, content: bytes) -> None:
    """Raise RosterError unless `content` is the target `name` of `targets`."""
    described = targets.targets.get(name)
    if described is None or "sha256" not in described.hashes:
        raise RosterError(f"Version {targets.version} of the roster names no '{name}'.")
    try:
        described.verify_length_and_hashes(content)
    except RepositoryError:
        raise RosterError(
            f"This '{name}' is not the one that the officers signed as version {targets.version}.",
            code="roster-changed",
        ) from None


@lru_cache(maxsize=8)
def read_roster(content: bytes, version: int) -> Roster:
    """Parse the roster of a verified target; `version` is that of its targets metadata."""
    try:
        return Roster.model_validate({**parse_json(content), "version": version})
    except (ValidationError, ValueError, TypeError) as error:
        raise RosterError(*_unreadable(ROSTER_FILE, error), code="roster-form") from None


@lru_cache(maxsize=8)
def read_catalogue(content: bytes) -> Catalogue:
    """Parse the catalogue of a verified target."""
    try:
        return Catalogue.model_validate(parse_json(content))
    except (ValidationError, ValueError) as error:
        raise RosterError(*_unreadable(CATALOGUE_FILE, error)) from None


def root_fingerprint(content: bytes) -> str:
    """Return the text to compare by telephone: 8 groups of 4 characters (160 bits, base32).

    The fingerprint covers what the officers signed, not their signatures. Raises RosterError if
    `content` is not a root.
    """
    signed = hashlib.sha256(_load(content, "root").signed_bytes).digest()[:20]
    text = base64.b32encode(signed).decode().lower()
    return "-".join(text[i : i + 4] for i in range(0, 32, 4))


def _load(content: bytes, role: str) -> Metadata[Any]:
    if len(content) > MAX_METADATA_BYTES:
        raise RosterError(f"This {role} metadata is longer than {MAX_METADATA_BYTES} bytes.")
    try:
        # TUF's parser accepts duplicate keys and any depth; `parse_json` refuses both.
        parse_json(content)
        metadata: Metadata[Any] = Metadata.from_bytes(content)
    except (DeserializationError, ValueError):
        raise RosterError(
            f"This is not {role} metadata of a consortium.",
            "Check the file.",
            code="roster-metadata",
        ) from None
    if metadata.signed.type != role:
        raise RosterError(f"This is {metadata.signed.type} metadata; {role} was expected.")
    return metadata


def _verify(delegator: Root, role: str, metadata: Metadata[Any], what: str) -> None:
    result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        raise RosterError(
            f"{what} is signed by {len(result.signed)} of the consortium's officers; "
            f"{result.threshold} must sign.",
            "It is refused: ask an officer whether it is genuine.",
        ) from UnsignedMetadataError(what)


def _unreadable(name: str, error: Exception) -> tuple[str, str]:
    """Return the message and the hint."""
    if isinstance(error, ValidationError):
        reason = "; ".join(map(str, validation_summaries(error)[:3]))
    else:
        reason = str(error)
    return (
        f"'{name}' of the consortium cannot be read ({reason}).",
        "It may be of a newer phtlab: update phtlab, or ask an officer.",
    )
