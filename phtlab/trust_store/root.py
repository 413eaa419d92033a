"""The consortium's root: its officers, and the next root, which changes them. Pure.

Officers' names, the consortium's name and the lifetimes are fields of the root that TUF carries
and signs without reading them (specification 1.0, section 4.1), so that no unsigned file
says whose key is whose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.metadata import Metadata, Role, Root, Targets
from tuf.api.serialization import DeserializationError

from phtlab.errors import NotOnRosterError, RosterError, SettingsError
from phtlab.train.canonical import parse_json
from phtlab.train.crypto.identity import Identity, Member, MemberName
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.repository import OFFLINE_ROLES, ONLINE_ROLES, public_key, root_fingerprint

_OFFICER = "x-phtlab-officer"
_CONSORTIUM = "x-phtlab-consortium"
_UNDER = "x-phtlab-root"


class ConsortiumSettings(BaseModel):
    """The consortium's settings in the root; lifetimes are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: MemberName
    root_seconds: int = Field(gt=0)
    targets_seconds: int = Field(gt=0)


@dataclass(frozen=True)
class Threshold:
    """A threshold: `needed` officers must sign; `signed_by` have, any of `waiting` may."""

    signed_by: tuple[str, ...]
    waiting: tuple[str, ...]
    needed: int

    @property
    def missing(self) -> int:
        return max(self.needed - len(self.signed_by), 0)


@dataclass(frozen=True)
class RootSigning:
    """Progress of the next root: thresholds of the `old` and of the `new` officers must sign it.

    The first root has no officers before it: then both thresholds are the same.
    """

    version: int
    old: Threshold
    new: Threshold
    expires: datetime

    @property
    def complete(self) -> bool:
        return not self.old.missing and not self.new.missing


def settings_of(root: Root) -> ConsortiumSettings:
    """Return the settings of a root. Raises RosterError if the root has none."""
    try:
        return ConsortiumSettings.model_validate(root.unrecognized_fields.get(_CONSORTIUM))
    except ValidationError:
        raise RosterError(
            "This root does not name its consortium and lifetimes: it was made by an older phtlab "
            "or by another program.",
            "Found the consortium again with 'phtlab consortium init'.",
        ) from None


def officers_of(root: Root) -> dict[str, str]:
    """Return TUF key ids by officer. Raises RosterError if a key has no name or two share one."""
    named: dict[str, str] = {}
    for keyid in root.roles["root"].keyids:
        key = root.keys.get(keyid)
        name = None if key is None else key.unrecognized_fields.get(_OFFICER)
        if not isinstance(name, str) or name in named:
            raise RosterError("This root does not say whose its keys are, one officer a key.")
        named[name] = keyid
    return dict(sorted(named.items()))


def officer_key(name: str, ed25519: str) -> SSlibKey:
    """Return an officer's key in the root's form; `ed25519` is the raw public key in base64."""
    key = public_key({"ed25519": ed25519})
    key.unrecognized_fields[_OFFICER] = name
    return key


def key_id(identity: Identity) -> str:
    """Return TUF's id of the key that an officer signs with."""
    keyid: str = CryptoSigner(identity.ed25519).public_key.keyid
    return keyid


def first_root(
    settings: ConsortiumSettings,
    officers: Iterable[Member],
    threshold: int,
    online: SSlibKey,
    expires: datetime,
) -> Metadata[Root]:
    """Return the unsigned root that founds a consortium. Raises SettingsError."""
    keys = [officer_key(member.name, member.keys.ed25519) for member in officers]
    offline = [key.keyid for key in keys]
    if not 1 <= threshold <= len(keys):
        raise SettingsError(
            f"A threshold of {threshold} cannot be met by {len(keys)} officers.",
            "Give at least as many officers as must sign; two of three is usual.",
            code="root-threshold",
        )
    root = Root(
        version=1,
        expires=expires,
        keys={key.keyid: key for key in (online, *keys)},
        roles={
            **{role: Role(list(offline), threshold) for role in OFFLINE_ROLES},
            **{role: Role([online.keyid], 1) for role in ONLINE_ROLES},
        },
        consistent_snapshot=True,
        unrecognized_fields={_CONSORTIUM: settings.model_dump()},
    )
    return Metadata(_sound(root))


def with_officer(root: Root, member: Member) -> Root:
    """Add an officer. Raises RosterError if the name or the key is an officer's already."""
    if member.name in officers_of(root):
        raise RosterError(
            f"'{member.name}' is an officer already.",
            f"For another key, 'phtlab consortium officer replace {member.name} REQUEST'.",
        )
    return _with_key(deepcopy(root), member)


def without_officer(root: Root, name: str) -> Root:
    """Remove an officer. Raises NotOnRosterError, or RosterError if too few would be left."""
    keyid = _officer(root, name)
    threshold = root.roles["root"].threshold
    if len(officers_of(root)) <= threshold:
        raise RosterError(
            f"Without {name} there are fewer officers than must sign ({threshold}).",
            "Add an officer first, or lower the number with 'phtlab consortium threshold'.",
            code="root-officers",
        )
    changed = deepcopy(root)
    for role in OFFLINE_ROLES:
        changed.revoke_key(keyid, role)
    return _sound(changed)


def with_officer_key(root: Root, member: Member) -> Root:
    """Replace the key of the officer of this name: the old one becomes invalid."""
    keyid = _officer(root, member.name)
    changed = deepcopy(root)
    for role in OFFLINE_ROLES:
        changed.revoke_key(keyid, role)
    return _with_key(changed, member)


def with_threshold(root: Root, threshold: int) -> Root:
    """Set the number of officers who must sign. Raises SettingsError if it cannot be met."""
    count = len(officers_of(root))
    if not 1 <= threshold <= count:
        raise SettingsError(
            f"A threshold of {threshold} cannot be met by {count} officers.", code="root-threshold"
        )
    changed = deepcopy(root)
    for role in OFFLINE_ROLES:
        changed.roles[role].threshold = threshold
    return changed


def with_online_key(root: Root, key: SSlibKey) -> Root:
    """Replace central's key for snapshot and timestamp."""
    changed = deepcopy(root)
    for role in ONLINE_ROLES:
        for keyid in tuple(changed.roles[role].keyids):
            changed.revoke_key(keyid, role)
        changed.add_key(key, role)
    return _sound(changed)


def with_settings(root: Root, settings: ConsortiumSettings) -> Root:
    changed = deepcopy(root)
    changed.unrecognized_fields[_CONSORTIUM] = settings.model_dump()
    return changed


def online_key_id(root: Root) -> str:
    """Return the id of central's key."""
    (keyid,) = root.roles["timestamp"].keyids
    return str(keyid)


def root_reference(root: Metadata[Root]) -> dict[str, str]:
    """Return the field in the next roster's metadata that names its root.

    So an officer's signature of a roster is valid under no other root, such as the one before if
    somebody drops the next one on the way. Members do not read the field.
    """
    return {_UNDER: root_fingerprint(root.to_bytes())}


def is_under(targets: Targets, root: Metadata[Root]) -> bool:
    return bool(targets.unrecognized_fields == root_reference(root))


def read_draft(content: bytes) -> Metadata[Root]:
    """Parse a root that may lack signatures. Raises RosterError if it is not a root."""
    try:
        parse_json(content)
        metadata = Metadata[Root].from_bytes(content)
        if metadata.signed.type != "root":
            raise ValueError("another type")
    except (DeserializationError, ValueError):
        raise RosterError(
            "The next root that is being signed is damaged.",
            "Drop it with 'phtlab consortium discard', or take the other officer's file again.",
            code="root-draft-damaged",
        ) from None
    _sound(metadata.signed)
    return metadata


def progress(current: Root | None, draft: Metadata[Root]) -> RootSigning:
    """Return who has signed `draft`, of the officers of `current` and its own (TUF 5.3.4)."""
    new = threshold_of(draft.signed, "root", draft)
    return RootSigning(
        version=draft.signed.version,
        old=new if current is None else threshold_of(current, "root", draft),
        new=new,
        expires=draft.signed.expires,
    )


def threshold_of(root: Root, role: str, metadata: Metadata[Any]) -> Threshold:
    """Return who of `root`'s officers has signed `metadata`, which is of `role`."""
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    names = officers_of(root)
    return Threshold(
        signed_by=tuple(name for name, keyid in names.items() if keyid in result.signed),
        waiting=tuple(name for name, keyid in names.items() if keyid not in result.signed),
        needed=result.threshold,
    )


def require_same_officers(root: Root, roster: Roster) -> None:
    """Raise RosterError unless root and roster have the same key for each officer.

    People compare the fingerprint on the roster, so the root must have the same key.
    """
    members: Mapping[str, Member] = {member.name: member for member in roster.members}
    for name, keyid in officers_of(root).items():
        member = members.get(name)
        if member is None or officer_key(name, member.keys.ed25519).keyid != keyid:
            raise RosterError(
                f"The root names another key of officer {name} than the roster.",
                "Nothing was signed: drop what is staged with 'phtlab consortium discard'.",
                code="root-officer-key",
            )


def _officer(root: Root, name: str) -> str:
    officers = officers_of(root)
    if name not in officers:
        raise NotOnRosterError(
            f"'{name}' is not an officer of {settings_of(root).name}; its officers are "
            f"{', '.join(officers)}.",
            code="not-an-officer",
        )
    return officers[name]


def _with_key(root: Root, member: Member) -> Root:
    key: Key = officer_key(member.name, member.keys.ed25519)
    if key.keyid in root.keys:
        raise RosterError(
            f"The key of {member.name} is in the root already, as somebody's.",
            "A key is one person's: make a new one with 'phtlab key create'.",
            code="root-key-taken",
        )
    for role in OFFLINE_ROLES:
        root.add_key(key, role)
    return _sound(root)


def _sound(root: Root) -> Root:
    """Refuse an invalid root: an officer's key that is also online, shared or doubled."""
    if set(root.roles["root"].keyids) & set(root.roles["timestamp"].keyids):
        raise RosterError(
            "Central's online key cannot be an officer's key too: central could then sign for that "
            "officer.",
            code="root-online-key",
        )
    if root.roles["root"].keyids != root.roles["targets"].keyids:
        raise RosterError("The officers who sign the root and those who sign the roster differ.")
    online = [root.roles[role].keyids for role in ONLINE_ROLES]
    if online[0] != online[1] or len(online[0]) != 1 or online[0][0] not in root.keys:
        raise RosterError("This root does not name one key of central's.")
    officers_of(root)
    settings_of(root)
    return root
