"""A consortium as its officers see it: what is staged, who signed it, and what is published.

Everything is offline and lies in one folder (`folder.py`). Officers change the roster,
the catalogue or the root itself; a change is staged, and takes effect once enough of them have
signed it, one after the other. The folder belongs on an officer's own medium: whoever holds it and
a threshold of the officers' keys and passphrases decides who is a member.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tuf.api.metadata import Metadata, Root, Targets

from phtlab.clock import utc_now
from phtlab.consortium.folder import PENDING_ROOT, PENDING_TARGETS, ConsortiumFolder
from phtlab.consortium.founding import found
from phtlab.consortium.handover import Handover, check, merged
from phtlab.consortium.signing import bundle, settle, sign
from phtlab.consortium.view import ConsortiumView, Signing
from phtlab.errors import RosterError, SettingsError
from phtlab.files.key_file import read_key
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Agreement, KernelImage, Roster
from phtlab.trust_store.repository import (
    ROSTER_FILE,
    TARGET_FILES,
    Lifetimes,
    expiry,
    load_root,
    public_key,
    read_roster,
)
from phtlab.trust_store.root import (
    officers_of,
    online_key_id,
    read_draft,
    settings_of,
    with_officer,
    with_officer_key,
    with_online_key,
    with_settings,
    with_threshold,
    without_officer,
)
from phtlab.validation_summary import validation_summaries


class Consortium(ConsortiumView):
    """A consortium's folder, for officers. Raises SettingsError if there is none at `directory`."""

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

        `officers` is officer to passphrase; each gets a key file here and a line of the roster.
        `elsewhere` are officers whose keys lie on their own machines; the root is not there before
        they have signed it too. `threshold` of all must sign every roster and every later root.
        `online_key` is what `repository.public_key` reads: central's, for snapshot and timestamp
        only. `log_n` is scrypt's work factor. Raises RosterError or SettingsError; then there is
        no folder.
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

    # Members and kernel images

    def add_member(self, member: Member) -> None:
        """Put `member` on the roster. Raises RosterError if its name or a key is there already."""
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
        """New keys, roles or organisation for the member of this name.

        What the old keys signed while they were on the roster stays believed, unless they were
        `stolen`. Raises NotOnRosterError if there is no such member, RosterError for an officer
        with another key, whom `replace_officer` serves.
        """
        known = self.roster.member(member.name)
        if known.keys != member.keys and member.name in officers_of(self.ruling()):
            raise RosterError(
                f"{member.name} is an officer, whose key is in the root too: 'phtlab consortium "
                f"officer replace {member.name} REQUEST'.",
                code="officer-in-root",
            )
        self._write_rotated(known, member, stolen=stolen)

    def remove_member(self, name: str, *, stolen: bool = False) -> None:
        """Take a member off the roster.

        What its keys signed until now stays believed, unless they were `stolen`; so may a member
        be removed who is gone already. Raises NotOnRosterError if it is not on the roster,
        RosterError for an officer, whom `remove_officer` serves.
        """
        if name in officers_of(self.ruling()):
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
        """What members are asked to accept; None for nothing."""
        self._write_catalogue(agreement=agreement)

    def _write_catalogue(self, **changes: Any) -> None:
        self.folder.write_catalogue(self.catalogue.model_copy(update=changes))

    # The root

    def add_officer(self, member: Member, *, now: datetime | None = None) -> None:
        """One officer more, from the root that is signed next. Raises RosterError."""
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
        """Another key for the officer of this name. Raises NotOnRosterError, RosterError."""
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
        """One officer less; other roles stay. Raises NotOnRosterError, RosterError."""
        self._stage_root(lambda root: without_officer(root, name), now)
        known = self.roster.member(name)
        roles = tuple(role for role in known.roles if role != "officer")
        if roles and not stolen:
            self._write_rotated(known, known.model_copy(update={"roles": roles}), stolen=False)
        else:
            self._write_roster(self._without(self.roster, name, stolen=stolen))

    def set_threshold(self, threshold: int, *, now: datetime | None = None) -> None:
        """How many officers must sign, from the next root on. Raises SettingsError."""
        self._stage_root(lambda root: with_threshold(root, threshold), now)

    def set_online_key(self, described: Mapping[str, Any], *, now: datetime | None = None) -> None:
        """Central's new online key, from the next root on. Raises RosterError."""
        key = public_key(described)
        if key.keyid == online_key_id(self.ruling()):
            raise RosterError("This is central's online key already. Nothing was staged.")
        self._stage_root(lambda root: with_online_key(root, key), now)

    def set_lifetimes(self, lifetimes: Lifetimes, *, now: datetime | None = None) -> None:
        """For how long a signed root and a signed roster hold, from the next signatures on."""
        settings = settings_of(self.ruling()).model_copy(
            update={
                "root_seconds": int(lifetimes.root.total_seconds()),
                "targets_seconds": int(lifetimes.targets.total_seconds()),
            }
        )
        self._stage_root(lambda root: with_settings(root, settings), now)

    def renew_root(self, *, now: datetime | None = None) -> None:
        """The same root once more, to be signed before this one expires."""
        self._stage_root(lambda root: root, now)

    def discard(self) -> None:
        """Drop what is staged and not signed by enough: back to what holds.

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

    # From laptop to laptop

    def export(self) -> Handover:
        """The folder without its keys, for another officer.

        Raises RosterError (``roster-unsigned``) if something is staged that nobody has signed.
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
        """Go on from another officer's file. Raises as `handover.merged`; then nothing changed."""
        _write(self.folder, merged(self._handover(), theirs))
        pending = self.folder.pending()
        if pending is not None:
            settle(self, self.folder.draft(), pending)

    @classmethod
    def from_handover(cls, directory: Path, theirs: Handover) -> Consortium:
        """A new folder from another officer's file, whose fingerprint was compared.

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
        """An officer's keys from this folder. Raises PassphraseError, NotOnRosterError."""
        return read_key(self.officer_key_file(name), passphrase)

    def sign(self, passphrases: Mapping[str, str], *, now: datetime | None = None) -> Signing:
        """Sign roster and catalogue as they are, with officers' passphrases by name."""
        return self.sign_with(
            [self.officer(name, passphrase) for name, passphrase in passphrases.items()], now=now
        )

    def sign_with(self, officers: Iterable[Identity], *, now: datetime | None = None) -> Signing:
        """Sign what is staged, root, roster and catalogue. Officers may sign one after the other.

        Raises as `signing.sign`.
        """
        return sign(self, officers, now)

    def bundle(self, *, now: datetime | None = None) -> dict[str, dict[str, str]]:
        """What central gets: ``metadata`` and ``targets``, file name to base64.

        Raises as `signing.bundle`.
        """
        return bundle(self, now)

    def _stage_root(self, change: Callable[[Root], Root], now: datetime | None) -> None:
        current = load_root(self.root).signed
        changed = change(self.ruling())
        changed.version = current.version + 1
        lifetime = timedelta(seconds=settings_of(changed).root_seconds)
        changed.expires = expiry(now or utc_now(), lifetime)
        self.folder.stage_root(Metadata(changed))

    def _without(self, roster: Roster, name: str, *, stolen: bool) -> Roster:
        removed = tuple(former for former in roster.former if former.member.name == name)
        if not (stolen and removed):
            roster.member(name)
        if stolen:
            return roster.forgetting(name).without(name, until=0)
        return roster.without(name, until=self._until(name))

    def _until(self, name: str) -> int:
        """The last signed version with the member's present keys, 0 if there is none."""
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
    """What was staged last, so that a folder that is cut off in between is not taken for newer."""
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
