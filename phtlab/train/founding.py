"""Founding a consortium: the officers' keys, the first root, and an empty catalogue."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, Role, Root

from phtlab.errors import SettingsError
from phtlab.train.canonical import canonical
from phtlab.train.durable_file import write_durably
from phtlab.train.identity import Identity, Member, MemberName
from phtlab.train.key_file import write_key
from phtlab.train.repository import (
    CATALOGUE_FILE,
    OFFLINE_ROLES,
    ONLINE_ROLES,
    ROSTER_FILE,
    Lifetimes,
    expiry,
)
from phtlab.train.roster import Catalogue, Roster

SETTINGS_FILE = "consortium.json"


class ConsortiumSettings(BaseModel):
    """``consortium.json``. `officers` is name to TUF key id; the rest is in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(1, ge=1, le=1)
    name: MemberName
    officers: dict[MemberName, str]
    root_seconds: int = Field(gt=0)
    targets_seconds: int = Field(gt=0)


def found(
    directory: Path,
    name: str,
    officers: Mapping[str, str],
    *,
    threshold: int,
    online_key: SSlibKey,
    lifetimes: Lifetimes,
    now: datetime,
    log_n: int,
) -> None:
    """Write a new consortium's folder, whole or not at all; see `Consortium.found`."""
    if not 1 <= threshold <= len(officers):
        raise SettingsError(
            f"A threshold of {threshold} cannot be met by {len(officers)} officers. Give at "
            "least as many officers as must sign; two of three is usual."
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SettingsError(f"{directory} is not empty. A consortium needs a new folder.")
    identities = [Identity.generate(officer) for officer in officers]
    try:
        settings = ConsortiumSettings(
            version=1,
            name=name,
            officers={i.name: CryptoSigner(i.ed25519).public_key.keyid for i in identities},
            root_seconds=int(lifetimes.root.total_seconds()),
            targets_seconds=int(lifetimes.targets.total_seconds()),
        )
    except ValidationError:
        raise SettingsError(
            f"A consortium '{name}' with the officers {', '.join(officers)} cannot be founded: a "
            "name is 2 to 63 characters of a-z, 0-9 and '-', starting with a letter, and a "
            "signature must hold for longer than a second."
        ) from None
    root = _first_root(identities, threshold, online_key, expiry(now, lifetimes.root))
    members = tuple(Member(name=i.name, roles=("officer",), keys=i.public) for i in identities)
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = directory.with_name(f".{directory.name}.founding")
    try:
        for part in ("keys", "metadata", "targets"):
            (draft / part).mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise SettingsError(
            f"{draft} is there: a consortium is being founded, or was not finished. If nobody is "
            "at it, delete that folder and try again."
        ) from None
    try:
        draft.chmod(0o700)
        for identity in identities:
            path = draft / "keys" / f"{identity.name}.key.age"
            write_key(path, identity, officers[identity.name], log_n=log_n)
        write_durably(draft / "metadata" / "1.root.json", root, 0o644)
        write_durably(draft / "root.json", root, 0o644)
        roster = Roster(consortium=name, members=members)
        write_json(draft / "targets" / ROSTER_FILE, signed_form(roster))
        write_json(draft / "targets" / CATALOGUE_FILE, Catalogue().model_dump(mode="json"))
        write_json(draft / SETTINGS_FILE, settings.model_dump())
        draft.replace(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def signed_form(roster: Roster) -> dict[str, Any]:
    """Without the version, which is the signed metadata's: a second place could contradict it."""
    return roster.model_dump(mode="json", exclude={"version"})


def write_json(path: Path, value: Any) -> None:
    write_durably(path, canonical(value), 0o644)


def _first_root(
    officers: list[Identity], threshold: int, online: SSlibKey, expires: datetime
) -> bytes:
    signers = [CryptoSigner(identity.ed25519) for identity in officers]
    offline = [signer.public_key.keyid for signer in signers]
    metadata = Metadata(
        Root(
            version=1,
            expires=expires,
            keys={key.keyid: key for key in (online, *(s.public_key for s in signers))},
            roles={
                **{role: Role(offline, threshold) for role in OFFLINE_ROLES},
                **{role: Role([online.keyid], 1) for role in ONLINE_ROLES},
            },
            consistent_snapshot=True,
        )
    )
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
