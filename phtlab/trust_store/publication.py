"""Central's part in the roster: verify officers' bundles, and sign which roster is the newest.

Pure: files are mappings of name to bytes, named as TUF names them with consistent snapshots
(``1.root.json``, ``3.targets.json``, ``7.snapshot.json``, ``timestamp.json``; target files
with their SHA-256 in front). Central holds the key of snapshot and timestamp only: it can hide
a change for a while, never make one.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp
from tuf.api.serialization import DeserializationError

from phtlab.errors import RosterError, RosterStaleError
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    MAX_TARGET_BYTES,
    ONLINE_ROLES,
    ROSTER_FILE,
    TARGET_FILES,
    Lifetimes,
    check_target,
    expiry,
    load_next_root,
    load_root,
    load_targets,
    read_catalogue,
    read_roster,
    require_fresh,
)

Files = Mapping[str, bytes]

_NAME = re.compile(r"(?P<version>[1-9][0-9]{0,11})\.(?P<role>root|targets|snapshot)\.json")
_MAX_FILES = 512


@dataclass(frozen=True)
class AcceptedBundle:
    """A bundle that the officers' threshold signed. Store `metadata` and `targets`."""

    roster: Roster
    catalogue: Catalogue
    metadata: Files = field(repr=False)
    targets: Files = field(repr=False)
    current: Files = field(repr=False)

    @property
    def version(self) -> int:
        """The version of the roster."""
        return self.roster.version


def pin_root(content: bytes) -> dict[str, bytes]:
    """Return central's first metadata file: the root from an officer.

    Raises RosterError if it is not a root signed by its own threshold.
    """
    version = load_root(content).signed.version
    return {f"{version}.root.json": content}


def accept_bundle(
    current: Files, bundle: Mapping[str, Mapping[str, str]], now: datetime
) -> AcceptedBundle:
    """Verify an officers' bundle against the metadata that central serves now.

    `current` holds at least the pinned root (`pin_root`). `bundle` has ``metadata`` and
    ``targets``, file name to base64, as `Consortium.bundle` writes it. The same bundle
    again is accepted, an older roster is not. Raises RosterError, or RosterStaleError
    if the bundle is expired (``roster-stale``) or rolled back (``roster-rollback``).
    """
    brought = _decode(bundle.get("metadata", {}))
    root, roots = _follow_roots(current, brought)
    version = _newest(brought, "targets")
    if version is None:
        raise RosterError(
            "This bundle holds no signed roster.",
            "Officers write one with 'phtlab consortium sign'.",
            code="bundle-unsigned",
        )
    name = f"{version}.targets.json"
    targets = load_targets(root, brought[name]).signed
    if targets.version != version:
        raise RosterError(
            f"'{name}' is version {targets.version} of the roster.",
            "Do not rename it.",
            code="bundle-version",
        )
    require_fresh(root, targets, now)
    known = _newest(current, "targets") or 0
    if version < known or (version == known and current[name] != brought[name]):
        raise RosterStaleError(
            f"Central serves version {known} of the roster; this bundle is another version "
            f"{version}.",
            "Sign again on top of the newest: 'phtlab consortium sign'.",
            code="roster-rollback",
        )
    files = _decode(bundle.get("targets", {}), MAX_TARGET_BYTES)
    if set(files) != set(TARGET_FILES) or set(targets.targets) != set(TARGET_FILES):
        raise RosterError(
            f"A bundle holds exactly {' and '.join(TARGET_FILES)}; this one differs.",
            code="bundle-files",
        )
    for target, content in files.items():
        check_target(targets, target, content)
    return AcceptedBundle(
        roster=read_roster(files[ROSTER_FILE], version),
        catalogue=read_catalogue(files[CATALOGUE_FILE]),
        metadata={**roots, name: brought[name]},
        targets={
            f"{targets.targets[target].hashes['sha256']}.{target}": content
            for target, content in files.items()
        },
        current=dict(current),
    )


def sign_online(
    accepted: AcceptedBundle,
    signer: Ed25519PrivateKey,
    now: datetime,
    lifetime: timedelta = Lifetimes.online,
) -> dict[str, bytes]:
    """Sign a snapshot and timestamp for `accepted`. Store them after it, the timestamp last.

    Raises RosterError if the consortium's root does not name `signer` as central's key.
    """
    return _sign({**accepted.current, **accepted.metadata}, signer, now, lifetime)


def renew_timestamp(
    current: Files,
    signer: Ed25519PrivateKey,
    now: datetime,
    lifetime: timedelta = Lifetimes.online,
) -> dict[str, bytes]:
    """Sign a new snapshot and timestamp of the same roster after half their lifetime, else {}.

    Needs no officer, and does not prolong the roster itself: the officers set its expiry.
    Raises RosterError if nothing is published yet.
    """
    timestamp = _read(current, "timestamp.json", Timestamp)
    if timestamp is None:
        raise RosterError(
            "No roster is published yet: an officer does 'phtlab consortium publish'.",
            code="bundle-none",
        )
    if timestamp.signed.expires - now > lifetime / 2:
        return {}
    return _sign(current, signer, now, lifetime)


def online_signer(files: Files, keys: Iterable[Ed25519PrivateKey]) -> Ed25519PrivateKey:
    """Return the one of central's `keys` that the newest root in `files` names.

    Raises RosterError if the root names none of them.
    """
    newest = _newest(files, "root")
    root = load_root(files[f"{newest}.root.json"]).signed
    for key in keys:
        named = [CryptoSigner(key).public_key.keyid]
        if all(root.roles[role].keyids == named for role in ONLINE_ROLES):
            return key
    raise RosterError(
        "The consortium's root names another online key than central's.",
        "Officers replace it with 'phtlab consortium online-key' and the file that 'phtlab "
        "central init' or 'phtlab central online-key' wrote.",
        code="online-key-other",
    )


def _sign(
    files: Files, signer: Ed25519PrivateKey, now: datetime, lifetime: timedelta
) -> dict[str, bytes]:
    newest = _newest(files, "root")
    targets = _newest(files, "targets")
    if newest is None or targets is None:
        raise RosterError(
            "No roster is published yet: an officer does 'phtlab consortium publish'."
        )
    online = CryptoSigner(online_signer(files, (signer,)))
    expires = expiry(now, lifetime)
    # A version is at least the time in seconds: a central restored from a backup continues
    # above what stations have seen, so that they do not see a rollback.
    seconds = int(now.timestamp())
    snapshot_version = max((_newest(files, "snapshot") or 0) + 1, seconds)
    snapshot = Metadata(
        Snapshot(
            version=snapshot_version,
            expires=expires,
            meta={"targets.json": MetaFile(targets)},
        )
    )
    snapshot.sign(online)
    old = _read(files, "timestamp.json", Timestamp)
    timestamp = Metadata(
        Timestamp(
            version=max((old.signed.version if old else 0) + 1, seconds),
            expires=expires,
            snapshot_meta=MetaFile(snapshot_version),
        )
    )
    timestamp.sign(online)
    return {
        f"{snapshot_version}.snapshot.json": snapshot.to_bytes(),
        "timestamp.json": timestamp.to_bytes(),
    }


def _follow_roots(current: Files, brought: Files) -> tuple[Root, dict[str, bytes]]:
    """Follow the roots from central's newest to the bundle's; return that and the new ones."""
    version = _newest(current, "root")
    if version is None:
        raise RosterError(
            "Central has no root of the consortium yet.",
            "Hand it root.json from an officer: 'phtlab central pin DIRECTORY root.json'.",
            code="root-not-pinned",
        )
    root = load_root(current[f"{version}.root.json"]).signed
    for name, content in current.items():
        if name.endswith(".root.json") and brought.get(name, content) != content:
            raise RosterError(
                f"This bundle's {name} is not the one that central follows: it is of another "
                "consortium, or was founded again.",
                "Ask the officers.",
                code="root-other",
            )
    followed = _older_roots(root, current, brought)
    while (name := f"{root.version + 1}.root.json") in brought:
        root = load_next_root(root, brought[name]).signed
        followed[name] = brought[name]
    return root, followed


def _older_roots(newest: Root, current: Files, brought: Files) -> dict[str, bytes]:
    """Return the roots before central's first, if they lead to its newest, for older pins.

    A central that was set up again pins the newest root, and would otherwise lack the others.
    """
    older: dict[str, bytes] = {}
    after = newest
    while (name := f"{after.version - 1}.root.json") in current or name in brought:
        content = current.get(name) or brought[name]
        before = load_root(content).signed
        load_next_root(before, {**brought, **current}[f"{after.version}.root.json"])
        if name not in current:
            older[name] = content
        after = before
    return older


def _newest(files: Files, role: str) -> int | None:
    names = (_NAME.fullmatch(name) for name in files)
    return max((int(n["version"]) for n in names if n and n["role"] == role), default=None)


def _decode(encoded: Mapping[str, str], limit: int = MAX_TARGET_BYTES) -> dict[str, bytes]:
    if len(encoded) > _MAX_FILES or sum(map(len, encoded.values())) > 2 * limit:
        raise RosterError(
            "This bundle is too large to be a consortium's roster.", code="bundle-size"
        )
    try:
        return {name: base64.b64decode(text, validate=True) for name, text in encoded.items()}
    except (binascii.Error, ValueError):
        raise RosterError(
            "This bundle holds text that is not base64.", "Write it again.", code="bundle-form"
        ) from None


def _read(files: Files, name: str, role: type[Timestamp]) -> Metadata[Timestamp] | None:
    """Read central's own earlier file, which is trusted but may be damaged."""
    if name not in files:
        return None
    try:
        metadata = Metadata[Timestamp].from_bytes(files[name])
    except (DeserializationError, RepositoryError):
        metadata = None
    if metadata is None or not isinstance(metadata.signed, role):
        raise RosterError(
            f"Central's own {name} is damaged: publish the roster again.", code="roster-damaged"
        )
    return metadata
