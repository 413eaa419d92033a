"""A consortium's folder, read: its members, its officers, what is staged and who signed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Targets

from phtlab.consortium.folder import ConsortiumFolder
from phtlab.consortium.staged import catalogue_changes, root_changes, roster_changes
from phtlab.errors import NotOnRosterError, RosterError
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    ROSTER_FILE,
    Lifetimes,
    read_catalogue,
    read_roster,
    root_fingerprint,
)
from phtlab.trust_store.root import (
    RootSigning,
    Threshold,
    officers_of,
    progress,
    settings_of,
    threshold_of,
)


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


class ConsortiumView:
    """A consortium's folder, read. Raises SettingsError if there is none at `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = ConsortiumFolder(directory)

    @property
    def name(self) -> str:
        return settings_of(self.ruling()).name

    @property
    def officers(self) -> tuple[str, ...]:
        """Names of the officers; of the next root, if one is staged."""
        return tuple(officers_of(self.ruling()))

    @property
    def threshold(self) -> int:
        """Number of officers who must sign a roster; by the next root, if one is staged."""
        return self.ruling().roles["targets"].threshold

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
        return (self.folder.root() or self.ruling()).expires

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
        return None if metadata is None else self.progress_of(metadata)

    @property
    def root_signing(self) -> RootSigning | None:
        """Progress of the next root, if one is staged."""
        draft = self.folder.draft()
        return None if draft is None else progress(self.folder.root(), draft)

    @property
    def lifetimes(self) -> Lifetimes:
        settings = settings_of(self.ruling())
        return Lifetimes(
            root=timedelta(seconds=settings.root_seconds),
            targets=timedelta(seconds=settings.targets_seconds),
        )

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

    def ruling(self) -> Root:
        """The root by whose officers and threshold the roster is signed: the staged one, if any."""
        return self.folder.ruling().signed

    def progress_of(self, metadata: Metadata[Targets]) -> Signing:
        """How far the officers are with signing `metadata`."""
        quorum: Threshold = threshold_of(self.ruling(), "targets", metadata)
        return Signing(
            version=metadata.signed.version,
            signed_by=quorum.signed_by,
            needed=quorum.needed,
            expires=metadata.signed.expires,
            waiting=quorum.waiting,
            root=self.root_signing,
        )
