"""A consortium as its officers manage it: staged changes, their signatures, and publication.

Everything is offline, in one folder (`folder.py`). Officers change the roster, the catalogue or
the root itself; a change is staged, and takes effect once enough officers have signed it, one
after the other. The folder belongs on an officer's own medium: whoever holds it and a threshold
of the officers' keys and passphrases decides who is a member.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets

from phtlab.consortium.folder import PENDING_ROOT, PENDING_TARGETS, ConsortiumFolder
from phtlab.consortium.founding import found
from phtlab.consortium.handover import Handover, check, merged
from phtlab.consortium.staged import catalogue_changes, root_changes, roster_changes
from phtlab.errors import NotOnRosterError, RosterError, SettingsError
from phtlab.files.key_file import read_key
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Agreement, Catalogue, KernelImage, Roster
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    ROSTER_FILE,
    TARGET_FILES,
    Lifetimes,
    expiry,
    load_root,
    public_key,
    read_catalogue,
    read_roster,
    require_fresh,
    root_fingerprint,
    utc_now,
)
from phtlab.trust_store.root import (
    RootSigning,
    Threshold,
    key_id,
    officers_of,
    online_key_id,
    progress,
    read_draft,
    require_same_officers,
    root_reference,
    settings_of,
    threshold_of,
    with_officer,
    with_officer_key,
    with_online_key,
    with_settings,
    with_threshold,
    without_officer,
)
from phtlab.validation_summary import validation_summaries


@dataclass(frozen=True)
class Signing:
    """Progress of the signatures on the roster, and on the next root if one is staged.

    `signed_by` and `waiting` are officers; `complete` once `needed` of them have signed, and
    enough have signed the next root.
    """

    version: int
    signed_by: tuple[str, ...]
    needed: int
    expires: datetime
    waiting: tuple[str, ...] = ()
    root: RootSigning | None = None

    @property
    def complete(self) -> bool:
        return self.root is None and len(self.signed_by) >= self.needed


class Consortium:
    """A consortium's folder. Raises SettingsError if there is none at `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = ConsortiumFolder(directory)

    @classmethod
    def found(
        cls,
        directory: Path,
        name: str,
        officers: Mapping[str, str],
        *,
        elsewhere: Sequence[Member] = (),
        threshold: int = 2,
        online_key: Mapping[str, Any],
        lifetimes: Lifetimes | None = None,
        now: datetime | None = None,
        log_n: int = 18,
    ) -> Consortium:
        """Found a consortium in a new folder: officers' keys, and the root that they sign.

        `officers` is officer to passphrase; each gets a key file in the folder and a line of the
        roster. `elsewhere` are officers with keys on their own machines. The root takes effect
        once `threshold` of all officers have signed it; as many must sign every roster and every
        later root. `online_key` is what `repository.public_key` reads: central's, for snapshot and
        timestamp only. `log_n` is scrypt's work factor. Raises RosterError or SettingsError; then
        no folder is created.
        """
        found(
            directory,
            name,
            officers,
            elsewhere=elsewhere,
            threshold=threshold,
            online_key=public_key(online_key),
            lifetimes=lifetimes or Lifetimes(),
            now=now or utc_now(),
            log_n=log_n,
        )
        return cls(directory)

    @property
    def name(self) -> str:
        return settings_of(self._ruling()).name

    @property
    def officers(self) -> tuple[str, ...]:
        """Names of the officers; of the next root, if one is staged."""
        return tuple(officers_of(self._ruling()))

    @property
    def threshold(self) -> int:
        """Number of officers who must sign a roster; by the next root, if one is staged."""
        return self._ruling().roles["targets"].threshold

    @property
    def root(self) -> bytes:
        """The newest root, which a new station or researcher pins.

        Raises RosterError (``roster-unsigned``) before enough officers have signed the first.
        """
        chain = self.folder.roots()
        if not chain:
            raise RosterError(
                "The consortium is not founded before its officers have signed its root: each does "
                "'phtlab consortium sign --officer NAME'.",
                code="roster-unsigned",
            )
        return chain[-1]

    @property
    def founded(self) -> bool:
        """Whether enough officers have signed the first root."""
        return bool(self.folder.roots())

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the newest root, to compare by telephone; of the first until founded."""
        draft = self.folder.draft()
        if not self.founded and draft is not None:
            return root_fingerprint(draft.to_bytes())
        return root_fingerprint(self.root)

    @property
    def root_expires(self) -> datetime:
        """When the newest root expires."""
        return (self.folder.root() or self._ruling()).expires

    @property
    def roster(self) -> Roster:
        """The roster to be signed next; its version is the last signed one, 0 at first."""
        return read_roster(self.folder.target(ROSTER_FILE), self.folder.signed_version())

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue to be signed next."""
        return read_catalogue(self.folder.target(CATALOGUE_FILE))

    @property
    def unsigned_changes(self) -> bool:
        """Whether roster, catalogue or root differ from what the officers last signed."""
        signed = self.folder.signed()
        return (
            self.folder.draft() is not None
            or signed is None
            or not signed[1]
            or signed[0].signed.targets != self.folder.target_files()
        )

    @property
    def signing(self) -> Signing | None:
        """Progress of the newest version, complete or not; None if nobody has signed yet."""
        signed = self.folder.signed()
        metadata = self.folder.pending() or (signed and signed[0])
        return None if metadata is None else self._progress(metadata)

    @property
    def root_signing(self) -> RootSigning | None:
        """Progress of the next root, if one is staged."""
        draft = self.folder.draft()
        return None if draft is None else progress(self.folder.root(), draft)

    # Members and kernel images

    def add_member(self, member: Member) -> None:
        """Add `member` to the roster. Raises RosterError if its name or a key is on it already."""
        roster = self.roster
        if member in roster.members:
            return
        if any(member.name == known.name for known in roster.members):
            raise RosterError(
                f"'{member.name}' is on the roster with other keys, roles or organisation.",
                f"'phtlab consortium rotate {member.name} REQUEST' puts these in their place, if "
                "it is really the same.",
                code="member-keys",
            )
        self._write_members((*roster.members, member))

    def rotate_member(self, member: Member, *, stolen: bool = False) -> None:
        """Replace keys, roles or organisation of the member of this name.

        Signatures that the old keys made while on the roster stay valid, unless the keys were
        `stolen`. Raises NotOnRosterError if there is no such member, RosterError for an officer
        with another key: use `replace_officer`.
        """
        known = self.roster.member(member.name)
        if known.keys != member.keys and member.name in officers_of(self._ruling()):
            raise RosterError(
                f"{member.name} is an officer, whose key is in the root too: 'phtlab consortium "
                f"officer replace {member.name} REQUEST'.",
                code="officer-in-root",
            )
        self._write_rotated(known, member, stolen=stolen)

    def remove_member(self, name: str, *, stolen: bool = False) -> None:
        """Remove a member from the roster.

        Signatures of its keys until now stay valid, unless the keys were `stolen`; that may also be
        declared of a member removed before. Raises NotOnRosterError if it is not on the roster,
        RosterError for an officer: use `remove_officer`.
        """
        if name in officers_of(self._ruling()):
            raise RosterError(
                f"{name} is an officer, whose key is in the root too: 'phtlab consortium officer "
                f"remove {name}'.",
                code="officer-in-root",
            )
        self._write_roster(self._without(self.roster, name, stolen=stolen))

    def add_image(self, image: KernelImage) -> None:
        """Allow a kernel image. It becomes the newest of its name."""
        if image in self.catalogue.images:
            return
        kept = tuple(known for known in self.catalogue.images if known.digest != image.digest)
        self._write_catalogue(images=(*kept, image))

    def remove_image(self, digest: str) -> None:
        """No longer allow a kernel image. Raises TrainError if it is not in the catalogue."""
        removed = self.catalogue.image(digest)
        self._write_catalogue(images=tuple(i for i in self.catalogue.images if i != removed))

    def agree_on(self, agreement: Agreement | None) -> None:
        """Set the agreement that members must accept; None for none."""
        self._write_catalogue(agreement=agreement)

    def _write_catalogue(self, **changes: Any) -> None:
        self.folder.write_catalogue(self.catalogue.model_copy(update=changes))

    # The root

    def add_officer(self, member: Member, *, now: datetime | None = None) -> None:
        """Add an officer, from the next signed root on. Raises RosterError."""
        officer = _as_officer(member)
        known = next((m for m in self.roster.members if m.name == member.name), None)
        if known is not None and known.keys != member.keys:
            raise RosterError(
                f"'{member.name}' is on the roster with other keys.", code="member-keys"
            )
        self._stage_root(lambda root: with_officer(root, officer), now)
        if known is None:
            self._write_members((*self.roster.members, officer))
        else:
            self._write_rotated(known, _as_officer(known), stolen=False)

    def replace_officer(
        self, member: Member, *, stolen: bool = False, now: datetime | None = None
    ) -> None:
        """Replace the key of the officer of this name. Raises NotOnRosterError, RosterError."""
        known = self.roster.member(member.name)
        officer = Member(
            name=known.name,
            organisation=member.organisation or known.organisation,
            roles=known.roles,
            keys=member.keys,
        )
        self._stage_root(lambda root: with_officer_key(root, officer), now)
        self._write_rotated(known, _as_officer(officer), stolen=stolen)

    def remove_officer(
        self, name: str, *, stolen: bool = False, now: datetime | None = None
    ) -> None:
        """Remove an officer; other roles stay. Raises NotOnRosterError, RosterError."""
        self._stage_root(lambda root: without_officer(root, name), now)
        known = self.roster.member(name)
        roles = tuple(role for role in known.roles if role != "officer")
        if roles and not stolen:
            self._write_rotated(known, known.model_copy(update={"roles": roles}), stolen=False)
        else:
            self._write_roster(self._without(self.roster, name, stolen=stolen))

    def set_threshold(self, threshold: int, *, now: datetime | None = None) -> None:
        """Set how many officers must sign, from the next root on. Raises SettingsError."""
        self._stage_root(lambda root: with_threshold(root, threshold), now)

    def set_online_key(self, described: Mapping[str, Any], *, now: datetime | None = None) -> None:
        """Set central's new online key, from the next root on. Raises RosterError."""
        key = public_key(described)
        if key.keyid == online_key_id(self._ruling()):
            raise RosterError("This is central's online key already. Nothing was staged.")
        self._stage_root(lambda root: with_online_key(root, key), now)

    def set_lifetimes(self, lifetimes: Lifetimes, *, now: datetime | None = None) -> None:
        """Set how long a signed root and roster are valid, from the next signatures on."""
        settings = settings_of(self._ruling()).model_copy(
            update={
                "root_seconds": int(lifetimes.root.total_seconds()),
                "targets_seconds": int(lifetimes.targets.total_seconds()),
            }
        )
        self._stage_root(lambda root: with_settings(root, settings), now)

    @property
    def lifetimes(self) -> Lifetimes:
        settings = settings_of(self._ruling())
        return Lifetimes(
            root=timedelta(seconds=settings.root_seconds),
            targets=timedelta(seconds=settings.targets_seconds),
        )

    def renew_root(self, *, now: datetime | None = None) -> None:
        """Stage the same root again, to be signed before the present one expires."""
        self._stage_root(lambda root: root, now)

    def discard(self) -> None:
        """Discard staged changes that lack signatures, and restore the signed state.

        Raises RosterError (``roster-unsigned``) if nothing was ever signed.
        """
        signed = self.folder.signed() if self.founded else None
        if signed is None:
            raise RosterError(
                "Nothing was signed by enough officers yet, so that there is nothing to go back "
                "to.",
                "Delete the folder and found the consortium again.",
                code="roster-unsigned",
            )
        for name in TARGET_FILES:
            self.folder.write_target(name, self.folder.signed_target(signed[0].signed, name))
        self.folder.discard(PENDING_TARGETS)
        self.folder.discard(PENDING_ROOT)

    def changes(self) -> tuple[str, ...]:
        """Return what the next signatures would change, one sentence each."""
        current, draft = self.folder.root(), self.folder.draft()
        changes: list[str] = []
        if current is not None and draft is not None:
            changes += root_changes(current, draft.signed)
        roster, catalogue = Roster(consortium=self.name), Catalogue()
        signed = self.folder.signed() if self.founded else None
        if signed is not None:
            targets = signed[0].signed
            roster = read_roster(self.folder.signed_target(targets, ROSTER_FILE), targets.version)
            catalogue = read_catalogue(self.folder.signed_target(targets, CATALOGUE_FILE))
        changes += roster_changes(roster, self.roster)
        changes += catalogue_changes(catalogue, self.catalogue)
        return tuple(changes)

    # Handover between officers

    def export(self) -> Handover:
        """Return the folder without its keys, for another officer.

        Raises RosterError (``roster-unsigned``) if a staged change has no signature.
        """
        handover = self._handover()
        try:
            check(handover)
        except RosterError:
            raise RosterError(
                "Something here is staged that no officer has signed yet, so that whoever takes "
                "it over could not see whether it was changed on its way.",
                "First 'phtlab consortium sign --officer NAME'.",
                code="roster-unsigned",
            ) from None
        return handover

    def import_handover(self, theirs: Handover) -> None:
        """Merge another officer's file. Raises as `handover.merged`, and then changes nothing."""
        _write(self.folder, merged(self._handover(), theirs))
        pending = self.folder.pending()
        if pending is not None:
            self._settle(self.folder.draft(), pending)

    @classmethod
    def from_handover(cls, directory: Path, theirs: Handover) -> Consortium:
        """Create a folder from another officer's file, after people compared its fingerprint.

        Raises SettingsError if the folder is not empty.
        """
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise SettingsError(
                f"{directory} is not empty.", "Take the file over into a new folder."
            )
        for part in ("keys", "metadata", "targets"):
            (directory / part).mkdir(mode=0o700, parents=True)
        directory.chmod(0o700)
        _write(ConsortiumFolder(directory, new=True), theirs)
        return cls(directory)

    def _handover(self) -> Handover:
        folder = self.folder
        draft, pending = folder.draft(), folder.pending()
        signed = folder.signed() if self.founded else None
        return Handover(
            roots=tuple(folder.roots()),
            next_root=None if draft is None else draft.to_bytes(),
            signed=None if signed is None else signed[0].to_bytes(),
            signed_files={}
            if signed is None
            else {name: folder.signed_target(signed[0].signed, name) for name in TARGET_FILES},
            next_signed=None if pending is None else pending.to_bytes(),
            files={name: folder.target(name) for name in TARGET_FILES},
        )

    # Signing

    def officer(self, name: str, passphrase: str) -> Identity:
        """Read an officer's keys from this folder. Raises PassphraseError, NotOnRosterError."""
        return read_key(self.officer_key_file(name), passphrase)

    def officer_key_file(self, name: str) -> Path:
        """Return the path of an officer's key file in this folder. Raises NotOnRosterError."""
        current = self.folder.root()
        known = {*self.officers, *(officers_of(current) if current else ())}
        if name not in known:
            raise NotOnRosterError(
                f"'{name}' is not an officer of {self.name}; its officers are "
                f"{', '.join(self.officers)}.",
                code="not-an-officer",
            )
        return self.directory / "keys" / f"{name}.key.age"

    def sign(self, passphrases: Mapping[str, str], *, now: datetime | None = None) -> Signing:
        """Sign roster and catalogue as they are, with officers' passphrases by name."""
        return self.sign_with(
            [self.officer(name, passphrase) for name, passphrase in passphrases.items()], now=now
        )

    def sign_with(self, officers: Iterable[Identity], *, now: datetime | None = None) -> Signing:
        """Sign all that is staged: root, roster, catalogue. Officers may sign one after the other.

        Starts a new version of the roster if the last one is complete, or if something changed
        since; so signing without a change renews the roster before it expires. Raises
        NotOnRosterError for anybody who is an officer of neither the present nor the next root, and
        RosterError if root and roster differ on an officer's key.
        """
        moment = now or utc_now()
        current, draft = self.folder.root(), self.folder.draft()
        ruling = self._ruling()
        require_same_officers(ruling, self.roster)
        metadata = self.folder.pending()
        if metadata is None or metadata.signed.is_expired(moment):
            metadata = Metadata(
                Targets(
                    version=self.folder.signed_version() + 1,
                    expires=expiry(moment, self.lifetimes.targets),
                    targets=self.folder.target_files(),
                    unrecognized_fields=root_reference(self.folder.ruling()),
                )
            )
        known = {*officers_of(ruling).values(), *(officers_of(current).values() if current else ())}
        for identity in officers:
            if key_id(identity) not in known:
                raise NotOnRosterError(
                    f"The key of '{identity.name}' is not an officer's key of {self.name}.",
                    code="not-an-officer-key",
                )
            signer = CryptoSigner(identity.ed25519)
            if draft is not None:
                draft.sign(signer, append=True)
            if key_id(identity) in ruling.roles["targets"].keyids:
                metadata.sign(signer, append=True)
        return self._settle(draft, metadata)

    def bundle(self, *, now: datetime | None = None) -> dict[str, dict[str, str]]:
        """Return what central publishes: ``metadata`` and ``targets``, file name to base64.

        Raises RosterError if something is unsigned, RosterStaleError if the last signed
        version has expired.
        """
        signed = self.folder.signed() if self.founded else None
        if signed is None or self.unsigned_changes:
            raise RosterError(
                f"The roster of {self.name} has changes that are not signed"
                f"{self._who_is_missing()}.",
                "Sign them with 'phtlab consortium sign --officer NAME'.",
                code="roster-unsigned",
            )
        roots, targets = self.folder.roots(), signed[0]
        require_fresh(load_root(roots[-1]).signed, targets.signed, now or utc_now())
        metadata = {f"{load_root(c).signed.version}.root.json": c for c in roots}
        metadata[f"{targets.signed.version}.targets.json"] = targets.to_bytes()
        return {
            "metadata": {name: _encode(content) for name, content in metadata.items()},
            "targets": {name: _encode(self.folder.target(name)) for name in TARGET_FILES},
        }

    def _who_is_missing(self) -> str:
        signing, root = self.signing, self.root_signing
        if root is not None and root.old.missing:
            return f": {root.old.missing} more officers of the root before must sign"
        if signing is None or signing.complete:
            return ""
        return f": {max(signing.needed - len(signing.signed_by), 1)} more officers must sign"

    def _settle(self, draft: Metadata[Root] | None, metadata: Metadata[Targets]) -> Signing:
        """Store what enough have signed, stage the rest; the root first, as it rules the roster."""
        if draft is not None:
            if progress(self.folder.root(), draft).complete:
                self.folder.keep_root(draft.to_bytes())
            else:
                self.folder.stage_root(draft)
        signing = self._progress(metadata)
        if signing.complete:
            contents = {name: self.folder.target(name) for name in TARGET_FILES}
            self.folder.keep_targets(metadata.to_bytes(), contents)
        else:
            self.folder.stage_targets(metadata)
        return signing

    def _ruling(self) -> Root:
        return self.folder.ruling().signed

    def _stage_root(self, change: Callable[[Root], Root], now: datetime | None) -> None:
        current = load_root(self.root).signed
        changed = change(self._ruling())
        changed.version = current.version + 1
        lifetime = timedelta(seconds=settings_of(changed).root_seconds)
        changed.expires = expiry(now or utc_now(), lifetime)
        self.folder.stage_root(Metadata(changed))

    def _progress(self, metadata: Metadata[Targets]) -> Signing:
        quorum: Threshold = threshold_of(self._ruling(), "targets", metadata)
        return Signing(
            version=metadata.signed.version,
            signed_by=quorum.signed_by,
            needed=quorum.needed,
            expires=metadata.signed.expires,
            waiting=quorum.waiting,
            root=self.root_signing,
        )

    def _without(self, roster: Roster, name: str, *, stolen: bool) -> Roster:
        removed = tuple(former for former in roster.former if former.member.name == name)
        if not (stolen and removed):
            roster.member(name)
        if stolen:
            return roster.forgetting(name).without(name, until=0)
        return roster.without(name, until=self._until(name))

    def _until(self, name: str) -> int:
        """Return the last signed version with the member's present keys, 0 if there is none."""
        signed = self.folder.signed()
        if signed is None:
            return 0
        targets = signed[0].signed
        before = read_roster(self.folder.signed_target(targets, ROSTER_FILE), targets.version)
        return targets.version if self.roster.member(name) in before.members else 0

    def _write_rotated(self, known: Member, member: Member, *, stolen: bool) -> None:
        if known == member:
            return
        roster = self.roster
        if known.keys != member.keys:
            roster = self._without(roster, known.name, stolen=stolen)
            self._write_members((*roster.members, member), roster)
            return
        members = tuple(member if m == known else m for m in roster.members)
        self._write_members(members, roster)

    def _write_members(self, members: tuple[Member, ...], roster: Roster | None = None) -> None:
        former = (roster or self.roster).former
        back = {member.keys for member in members}
        try:
            self._write_roster(
                Roster(
                    consortium=self.name,
                    members=members,
                    former=tuple(f for f in former if f.member.keys not in back),
                )
            )
        except ValidationError as error:
            raise RosterError(
                f"This roster cannot be: {validation_summaries(error)[0].why}.", code="roster-form"
            ) from None

    def _write_roster(self, roster: Roster) -> None:
        self.folder.write_roster(roster)


def _as_officer(member: Member) -> Member:
    if "officer" in member.roles:
        return member
    return member.model_copy(update={"roles": (*member.roles, "officer")})


def _write(folder: ConsortiumFolder, handover: Handover) -> None:
    """Write staged files last, so that an interrupted write does not look newer."""
    for name, content in handover.files.items():
        folder.write_target(name, content)
    for root in handover.roots[len(folder.roots()) :]:
        folder.keep_root(root)
    if handover.signed is not None:
        folder.keep_targets(handover.signed, handover.signed_files)
    if handover.next_root is not None:
        folder.stage_root(read_draft(handover.next_root))
    if handover.next_signed is not None:
        folder.stage_targets(Metadata[Targets].from_bytes(handover.next_signed))


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
