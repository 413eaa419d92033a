"""Signing what is staged in a consortium's folder, and publishing what enough have signed."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets

from phtlab.clock import utc_now
from phtlab.consortium.view import ConsortiumView, Signing
from phtlab.errors import NotOnRosterError, RosterError
from phtlab.train.crypto.identity import Identity
from phtlab.trust_store.repository import (
    TARGET_FILES,
    expiry,
    load_root,
    require_fresh,
)
from phtlab.trust_store.root import (
    key_id,
    officers_of,
    progress,
    require_same_officers,
    root_reference,
)


def sign(consortium: ConsortiumView, officers: Iterable[Identity], now: datetime | None) -> Signing:
    """Sign what is staged, root, roster and catalogue. Officers may sign one after the other.

    Starts a new version of the roster if the last one is complete, or if something changed
    since; so signing without a change renews it before it expires. Raises NotOnRosterError for
    somebody who is no officer, before or after, and RosterError if root and roster differ on an
    officer's key.
    """
    moment = now or utc_now()
    current, draft = consortium.folder.root(), consortium.folder.draft()
    ruling = consortium.ruling()
    require_same_officers(ruling, consortium.roster)
    metadata = consortium.folder.pending()
    if metadata is None or metadata.signed.is_expired(moment):
        metadata = Metadata(
            Targets(
                version=consortium.folder.signed_version() + 1,
                expires=expiry(moment, consortium.lifetimes.targets),
                targets=consortium.folder.target_files(),
                unrecognized_fields=root_reference(consortium.folder.ruling()),
            )
        )
    known = {*officers_of(ruling).values(), *(officers_of(current).values() if current else ())}
    for identity in officers:
        if key_id(identity) not in known:
            raise NotOnRosterError(
                f"The key of '{identity.name}' is not an officer's key of {consortium.name}.",
                code="not-an-officer-key",
            )
        signer = CryptoSigner(identity.ed25519)
        if draft is not None:
            draft.sign(signer, append=True)
        if key_id(identity) in ruling.roles["targets"].keyids:
            metadata.sign(signer, append=True)
    return settle(consortium, draft, metadata)


def settle(
    consortium: ConsortiumView, draft: Metadata[Root] | None, metadata: Metadata[Targets]
) -> Signing:
    """Keep what enough have signed, stage the rest; the root first, as it rules the roster."""
    if draft is not None:
        if progress(consortium.folder.root(), draft).complete:
            consortium.folder.keep_root(draft.to_bytes())
        else:
            consortium.folder.stage_root(draft)
    signing = consortium.progress_of(metadata)
    if signing.complete:
        contents = {name: consortium.folder.target(name) for name in TARGET_FILES}
        consortium.folder.keep_targets(metadata.to_bytes(), contents)
    else:
        consortium.folder.stage_targets(metadata)
    return signing


def bundle(consortium: ConsortiumView, now: datetime | None) -> dict[str, dict[str, str]]:
    """What central gets: ``metadata`` and ``targets``, file name to base64.

    Raises RosterError if something is unsigned, RosterStaleError if the last signed
    version has expired.
    """
    signed = consortium.folder.signed() if consortium.founded else None
    if signed is None or consortium.unsigned_changes:
        raise RosterError(
            f"The roster of {consortium.name} has changes that are not signed"
            f"{_who_is_missing(consortium)}.",
            "Sign them with 'phtlab consortium sign --officer NAME'.",
            code="roster-unsigned",
        )
    roots, targets = consortium.folder.roots(), signed[0]
    require_fresh(load_root(roots[-1]).signed, targets.signed, now or utc_now())
    metadata = {f"{load_root(c).signed.version}.root.json": c for c in roots}
    metadata[f"{targets.signed.version}.targets.json"] = targets.to_bytes()
    return {
        "metadata": {name: _encode(content) for name, content in metadata.items()},
        "targets": {name: _encode(consortium.folder.target(name)) for name in TARGET_FILES},
    }


def _who_is_missing(consortium: ConsortiumView) -> str:
    signing, root = consortium.signing, consortium.root_signing
    if root is not None and root.old.missing:
        return f": {root.old.missing} more officers of the root before must sign"
    if signing is None or signing.complete:
        return ""
    return f": {max(signing.needed - len(signing.signed_by), 1)} more officers must sign"


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
