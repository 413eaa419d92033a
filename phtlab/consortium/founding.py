"""Founding a consortium: the officers' keys, the first root, and an empty catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from phtlab.consortium.folder import FIRST_ROOT, PENDING_ROOT, signed_form, write_json
from phtlab.errors import SettingsError
from phtlab.files.durable_file import write_durably
from phtlab.files.key_file import write_key
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.repository import CATALOGUE_FILE, ROSTER_FILE, Lifetimes, expiry
from phtlab.trust_store.root import ConsortiumSettings, first_root, progress


def found(
    directory: Path,
    name: str,
    officers: Mapping[str, str],
    *,
    elsewhere: Sequence[Member] = (),
    threshold: int,
    online_key: SSlibKey,
    lifetimes: Lifetimes,
    now: datetime,
    log_n: int,
) -> None:
    """Write a new consortium's folder, whole or not at all; see `Consortium.found`."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SettingsError(
            f"{directory} is not empty.",
            "A consortium needs a new folder.",
            code="consortium-folder",
        )
    identities = [Identity.generate(officer) for officer in officers]
    everyone = (*officers, *(member.name for member in elsewhere))
    try:
        settings = ConsortiumSettings(
            name=name,
            root_seconds=int(lifetimes.root.total_seconds()),
            targets_seconds=int(lifetimes.targets.total_seconds()),
        )
        members = (
            *(Member(name=i.name, roles=("officer",), keys=i.public) for i in identities),
            *elsewhere,
        )
        roster = Roster(consortium=name, members=members)
    except ValidationError:
        raise SettingsError(
            f"A consortium '{name}' with the officers {', '.join(everyone)} cannot be founded: a "
            "name is 2 to 63 characters of a-z, 0-9 and '-', starting with a letter, each officer "
            "has a name and a key of their own, and a signature must hold for longer than a "
            "second.",
            code="consortium-name",
        ) from None
    root = first_root(settings, members, threshold, online_key, expiry(now, lifetimes.root))
    for identity in identities:
        root.sign(CryptoSigner(identity.ed25519), append=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = directory.with_name(f".{directory.name}.founding")
    try:
        for part in ("keys", "metadata", "targets"):
            (draft / part).mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise SettingsError(
            f"{draft} exists: a consortium is being founded, or a founding was not finished.",
            "If nobody is founding one, delete that folder and try again.",
        ) from None
    try:
        draft.chmod(0o700)
        for identity in identities:
            path = draft / "keys" / f"{identity.name}.key.age"
            write_key(path, identity, officers[identity.name], log_n=log_n)
        if progress(None, root).complete:
            write_durably(draft / "metadata" / FIRST_ROOT, root.to_bytes(), 0o644)
            write_durably(draft / "root.json", root.to_bytes(), 0o644)
        else:
            write_durably(draft / "metadata" / PENDING_ROOT, root.to_bytes(), 0o644)
        write_json(draft / "targets" / ROSTER_FILE, signed_form(roster))
        write_json(draft / "targets" / CATALOGUE_FILE, Catalogue().signed_form())
        draft.replace(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
