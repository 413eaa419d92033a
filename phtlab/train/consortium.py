"""The officers' folder: founding a consortium and signing its roster and catalogue, offline.

Laid out as::

    consortium.json              name and lifetimes
    root.json                    what stations and researchers pin
    keys/OFFICER.key.age         officers' key files, under their passphrases
    targets/roster.json          who is to be a member from the next signature on
    targets/catalogue.json       which kernel images are to be allowed
    metadata/N.root.json         the chain of roots
    metadata/N.targets.json      what the threshold of officers signed
    metadata/pending.targets.json  signed by fewer than the threshold

The state is what lies there; every file is replaced whole. The folder needs no network
and belongs on an officer's own medium: whoever holds it and a threshold of passphrases
decides who is a member.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.api.serialization import DeserializationError

from phtlab.errors import NotOnRosterError, RosterError, SettingsError
from phtlab.train.canonical import parse_json
from phtlab.train.durable_file import write_durably
from phtlab.train.fault import faults_of
from phtlab.train.founding import (
    SETTINGS_FILE,
    ConsortiumSettings,
    found,
    signed_form,
    write_json,
)
from phtlab.train.identity import Identity, Member
from phtlab.train.key_file import read_key
from phtlab.train.repository import (
    CATALOGUE_FILE,
    ROSTER_FILE,
    TARGET_FILES,
    Lifetimes,
    expiry,
    load_next_root,
    load_root,
    load_targets,
    public_key,
    read_catalogue,
    read_roster,
    require_fresh,
    root_fingerprint,
    utc_now,
)
from phtlab.train.roster import Catalogue, KernelImage, Roster

_PENDING = "pending.targets.json"


@dataclass(frozen=True)
class Signing:
    """How far a version of the roster is: `complete` once `needed` officers have signed it."""

    version: int
    signed_by: tuple[str, ...]
    needed: int
    expires: datetime

    @property
    def complete(self) -> bool:
        return len(self.signed_by) >= self.needed


class Consortium:
    """A consortium's folder. Raises SettingsError if there is none at `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            content = (directory / SETTINGS_FILE).read_bytes()
            self._settings = ConsortiumSettings.model_validate(parse_json(content))
        except FileNotFoundError:
            raise SettingsError(
                f"There is no consortium in {directory}. Found one with 'phtlab consortium init "
                f"{directory}', or give the folder with --directory."
            ) from None
        except (ValidationError, ValueError):
            raise SettingsError(
                f"{directory / SETTINGS_FILE} cannot be read. Restore the folder from a copy."
            ) from None

    @classmethod
    def found(
        cls,
        directory: Path,
        name: str,
        officers: Mapping[str, str],
        *,
        threshold: int = 2,
        online_key: Mapping[str, Any],
        lifetimes: Lifetimes | None = None,
        now: datetime | None = None,
        log_n: int = 18,
    ) -> Consortium:
        """Found a consortium in a new folder: officers' keys, and the root that they sign.

        `officers` is officer to passphrase; each gets a key file and a line of the roster.
        `threshold` of them must sign every roster and every later root. `online_key` is
        what `repository.public_key` reads: central's, for snapshot and timestamp only.
        `log_n` is scrypt's work factor. Raises RosterError or SettingsError; then there is
        no folder.
        """
        found(
            directory,
            name,
            officers,
            threshold=threshold,
            online_key=public_key(online_key),
            lifetimes=lifetimes or Lifetimes(),
            now=now or utc_now(),
            log_n=log_n,
        )
        return cls(directory)

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def officers(self) -> tuple[str, ...]:
        return tuple(self._settings.officers)

    @property
    def threshold(self) -> int:
        """How many officers must sign a roster."""
        return self._root().roles["targets"].threshold

    @property
    def root(self) -> bytes:
        """The newest root: what a new station or researcher pins."""
        return self._roots()[-1]

    @property
    def fingerprint(self) -> str:
        """Of the newest root, to compare by telephone."""
        return root_fingerprint(self.root)

    @property
    def roster(self) -> Roster:
        """The roster as it is to be signed next; its version is the last signed one, 0 at first."""
        return read_roster(self._target(ROSTER_FILE), self._signed_version())

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue as it is to be signed next."""
        return read_catalogue(self._target(CATALOGUE_FILE))

    @property
    def unsigned_changes(self) -> bool:
        """Whether roster or catalogue differ from what the officers last signed."""
        signed = self._signed()
        return signed is None or signed.signed.targets != self._target_files()

    @property
    def signing(self) -> Signing | None:
        """How far the newest version is, complete or not; None if nobody has signed yet."""
        metadata = self._pending() or self._signed()
        return None if metadata is None else self._progress(metadata)

    def add_member(self, member: Member) -> None:
        """Put `member` on the roster. Raises RosterError if its name or a key is there already."""
        roster = self.roster
        if member in roster.members:
            return
        if any(member.name == known.name for known in roster.members):
            raise RosterError(
                f"'{member.name}' is on the roster with other keys, roles or organisation. "
                f"'phtlab consortium remove {member.name}' first, if it is really the same."
            )
        self._write_members((*roster.members, member))

    def remove_member(self, name: str) -> None:
        """Take a member off the roster. Raises NotOnRosterError if it is not on it."""
        gone = self.roster.member(name)
        self._write_members(tuple(m for m in self.roster.members if m != gone))

    def add_image(self, image: KernelImage) -> None:
        """Allow a kernel image. It becomes the newest of its name."""
        images = self.catalogue.images
        if image in images:
            return
        kept = tuple(known for known in images if known.digest != image.digest)
        self._write_catalogue(Catalogue(images=(*kept, image)))

    def remove_image(self, digest: str) -> None:
        """No longer allow a kernel image. Raises TrainError if it is not in the catalogue."""
        gone = self.catalogue.image(digest)
        self._write_catalogue(
            Catalogue(images=tuple(known for known in self.catalogue.images if known != gone))
        )

    def officer(self, name: str, passphrase: str) -> Identity:
        """An officer's keys from this folder. Raises PassphraseError, NotOnRosterError."""
        if name not in self._settings.officers:
            raise NotOnRosterError(
                f"'{name}' is not an officer of {self.name}; its officers are "
                f"{', '.join(self.officers)}.",
                code="not-an-officer",
            )
        return read_key(self.directory / "keys" / f"{name}.key.age", passphrase)

    def sign(self, passphrases: Mapping[str, str], *, now: datetime | None = None) -> Signing:
        """Sign roster and catalogue as they are, with officers' passphrases by name."""
        return self.sign_with(
            [self.officer(name, passphrase) for name, passphrase in passphrases.items()], now=now
        )

    def sign_with(self, officers: Iterable[Identity], *, now: datetime | None = None) -> Signing:
        """Sign roster and catalogue as they are. Officers may sign one after the other.

        Starts a new version if the last one is complete, or if something changed since;
        so signing without a change renews the roster before it expires. Raises
        NotOnRosterError for somebody who is no officer.
        """
        moment = now or utc_now()
        root = self._root()
        metadata = self._pending()
        if metadata is None or metadata.signed.is_expired(moment):
            metadata = Metadata(
                Targets(
                    version=self._signed_version() + 1,
                    expires=expiry(moment, timedelta(seconds=self._settings.targets_seconds)),
                    targets=self._target_files(),
                )
            )
        for identity in officers:
            signer = CryptoSigner(identity.ed25519)
            if signer.public_key.keyid not in root.roles["targets"].keyids:
                raise NotOnRosterError(
                    f"The key of '{identity.name}' is not an officer's key of {self.name}.",
                    code="not-an-officer",
                )
            metadata.sign(signer, append=True)
        progress = self._progress(metadata)
        folder = self.directory / "metadata"
        if progress.complete:
            signed = folder / f"{progress.version}.targets.json"
            write_durably(signed, metadata.to_bytes(), 0o644)
            (folder / _PENDING).unlink(missing_ok=True)
        else:
            write_durably(folder / _PENDING, metadata.to_bytes(), 0o644)
        return progress

    def bundle(self, *, now: datetime | None = None) -> dict[str, dict[str, str]]:
        """What central gets: ``metadata`` and ``targets``, file name to base64.

        Raises RosterError if something is unsigned, RosterStaleError if the last signed
        version has expired.
        """
        signed = self._signed()
        if signed is None or self.unsigned_changes:
            progress = self.signing
            waiting = progress is not None and not progress.complete
            missing = progress.needed - len(progress.signed_by) if progress and waiting else 0
            raise RosterError(
                f"The roster of {self.name} has changes that are not signed"
                + (f": {missing} more officers must sign" if waiting else "")
                + ". Sign them with 'phtlab consortium sign --officer NAME'.",
                code="roster-unsigned",
            )
        require_fresh(self._root(), signed.signed, now or utc_now())
        metadata = {f"{load_root(c).signed.version}.root.json": c for c in self._roots()}
        metadata[f"{signed.signed.version}.targets.json"] = signed.to_bytes()
        return {
            "metadata": {name: _encode(content) for name, content in metadata.items()},
            "targets": {name: _encode(self._target(name)) for name in TARGET_FILES},
        }

    def _roots(self) -> list[bytes]:
        """The chain of roots, each checked against the one before."""
        folder = self.directory / "metadata"
        chain = [self._read(folder / "1.root.json")]
        root = load_root(chain[0]).signed
        while (path := folder / f"{root.version + 1}.root.json").exists():
            chain.append(self._read(path))
            root = load_next_root(root, chain[-1]).signed
        return chain

    def _root(self) -> Root:
        return load_root(self._roots()[-1]).signed

    def _signed_version(self) -> int:
        names = (self.directory / "metadata").glob("*.targets.json")
        versions = (name.name.removesuffix(".targets.json") for name in names)
        return max((int(version) for version in versions if version.isdecimal()), default=0)

    def _signed(self) -> Metadata[Targets] | None:
        version = self._signed_version()
        if version == 0:
            return None
        path = self.directory / "metadata" / f"{version}.targets.json"
        return load_targets(self._root(), self._read(path))

    def _pending(self) -> Metadata[Targets] | None:
        """The version that waits for more officers, unless it is damaged or something changed."""
        path = self.directory / "metadata" / _PENDING
        if not path.exists():
            return None
        try:
            metadata = Metadata[Targets].from_bytes(self._read(path))
        except DeserializationError:
            return None
        current = (
            metadata.signed.version == self._signed_version() + 1
            and metadata.signed.targets == self._target_files()
        )
        return metadata if current else None

    def _progress(self, metadata: Metadata[Targets]) -> Signing:
        result = self._root().get_verification_result(
            "targets", metadata.signed_bytes, metadata.signatures
        )
        return Signing(
            version=metadata.signed.version,
            signed_by=tuple(
                name for name, keyid in self._settings.officers.items() if keyid in result.signed
            ),
            needed=result.threshold,
            expires=metadata.signed.expires,
        )

    def _target(self, name: str) -> bytes:
        return self._read(self.directory / "targets" / name)

    def _target_files(self) -> dict[str, TargetFile]:
        return {
            name: TargetFile.from_data(name, self._target(name), ["sha256"])
            for name in TARGET_FILES
        }

    def _write_members(self, members: tuple[Member, ...]) -> None:
        try:
            roster = Roster(consortium=self.name, members=members)
        except ValidationError as error:
            raise RosterError(f"This roster cannot be: {faults_of(error)[0].why}.") from None
        write_json(self.directory / "targets" / ROSTER_FILE, signed_form(roster))

    def _write_catalogue(self, catalogue: Catalogue) -> None:
        write_json(self.directory / "targets" / CATALOGUE_FILE, catalogue.model_dump(mode="json"))

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError:
            raise SettingsError(f"{path} cannot be read. Restore the folder from a copy.") from None


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
