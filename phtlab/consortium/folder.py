"""The files of the officers' folder: verified when read, replaced as a whole.

Laid out as::

    root.json                    the root that stations and researchers pin
    keys/OFFICER.key.age         an officer's key file, under its passphrase, if kept in this folder
    targets/roster.json          the roster to be signed next
    targets/catalogue.json       the catalogue to be signed next
    targets/SHA256.roster.json   each signed roster; signed catalogues likewise
    metadata/N.root.json         the chain of roots
    metadata/N.targets.json      what the threshold of officers signed
    metadata/pending.root.json   the next root, signed by fewer than must
    metadata/pending.targets.json  the next roster and catalogue, signed by fewer than must

The state is derived from these files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.api.serialization import DeserializationError

from phtlab.errors import RosterError, SettingsError
from phtlab.files.durable_file import write_durably
from phtlab.train.canonical import canonical
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.repository import TARGET_FILES, load_next_root, load_root, load_targets
from phtlab.trust_store.root import is_under, read_draft

FIRST_ROOT = "1.root.json"
PENDING_ROOT = "pending.root.json"
PENDING_TARGETS = "pending.targets.json"


class ConsortiumFolder:
    """A consortium's folder. Raises SettingsError if there is none at `directory`, unless `new`."""

    def __init__(self, directory: Path, *, new: bool = False) -> None:
        self.directory = directory
        self._metadata = directory / "metadata"
        if not new and not is_consortium(directory):
            raise SettingsError(
                f"There is no consortium in {directory}.",
                f"Found one with 'phtlab consortium init {directory}', take over another "
                "officer's file with 'phtlab consortium import FILE', or give the folder with "
                "--directory.",
                code="consortium-folder",
            )

    def roots(self) -> list[bytes]:
        """Return the chain of roots, each verified against the one before; empty until founded.

        Raises RosterError for an invalid chain, SettingsError if it cannot be read.
        """
        first = self._metadata / FIRST_ROOT
        if not first.exists() and not (self.directory / "root.json").exists():
            return []  # The founding is in progress.
        chain = [self._read(first)]
        root = load_root(chain[0]).signed
        while (path := self._metadata / f"{root.version + 1}.root.json").exists():
            chain.append(self._read(path))
            root = load_next_root(root, chain[-1]).signed
        return chain

    def root(self) -> Root | None:
        """Return the newest root, None before the founding ends."""
        chain = self.roots()
        return load_root(chain[-1]).signed if chain else None

    def draft(self) -> Metadata[Root] | None:
        """Return the next root, if one is staged."""
        path = self._metadata / PENDING_ROOT
        if not path.exists():
            return None
        draft = read_draft(self._read(path))
        current = self.root()
        follows = draft.signed.version == (current.version if current else 0) + 1
        return draft if follows else None

    def ruling(self) -> Metadata[Root]:
        """Return the root under which the next roster is signed: the next one if staged."""
        draft = self.draft()
        return draft if draft is not None else load_root(self.roots()[-1])

    def signed_version(self) -> int:
        """Return the version of the last signed roster, 0 before the first."""
        names = self._metadata.glob("*.targets.json")
        versions = (name.name.removesuffix(".targets.json") for name in names)
        return max((int(version) for version in versions if version.isdecimal()), default=0)

    def signed(self) -> tuple[Metadata[Targets], bool] | None:
        """Return what the officers last signed, and whether it verifies under the newest root.

        After a rotation of the root, the roster may still be signed by the previous officers.
        Raises RosterError if it verifies under no root.
        """
        version = self.signed_version()
        if version == 0:
            return None
        content = self._read(self._metadata / f"{version}.targets.json")
        newest, *older = (load_root(root).signed for root in reversed(self.roots()))
        try:
            return load_targets(newest, content), True
        except RosterError:
            for root in older:
                try:
                    return load_targets(root, content), False
                except RosterError:
                    continue
            raise

    def pending(self) -> Metadata[Targets] | None:
        """Return the version that waits for more officers, unless damaged or out of date."""
        path = self._metadata / PENDING_TARGETS
        if not path.exists():
            return None
        try:
            metadata = Metadata[Targets].from_bytes(self._read(path))
        except DeserializationError:
            return None
        current = (
            metadata.signed.type == "targets"
            and metadata.signed.version == self.signed_version() + 1
            and metadata.signed.targets == self.target_files()
            and is_under(metadata.signed, self.ruling())
        )
        return metadata if current else None

    def target(self, name: str) -> bytes:
        """Return the roster or catalogue to be signed next."""
        return self._read(self.directory / "targets" / name)

    def signed_target(self, targets: Targets, name: str) -> bytes:
        """Return the roster or catalogue that `targets` names, as stored when it was signed."""
        return self._read(self.directory / "targets" / kept_name(targets, name))

    def target_files(self) -> dict[str, TargetFile]:
        return {
            name: TargetFile.from_data(name, self.target(name), ["sha256"]) for name in TARGET_FILES
        }

    def write_roster(self, roster: Roster) -> None:
        """Write the roster without its version, which only the signed metadata has."""
        write_json(self.directory / "targets" / "roster.json", signed_form(roster))

    def write_catalogue(self, catalogue: Catalogue) -> None:
        write_json(self.directory / "targets" / "catalogue.json", catalogue.signed_form())

    def write_target(self, name: str, content: bytes) -> None:
        write_durably(self.directory / "targets" / name, content, 0o644)

    def stage_root(self, draft: Metadata[Root]) -> None:
        self._write(PENDING_ROOT, draft.to_bytes())

    def keep_root(self, content: bytes) -> None:
        """Store a root that enough officers have signed, as the newest."""
        version = load_root(content).signed.version
        self._write(f"{version}.root.json", content)
        write_durably(self.directory / "root.json", content, 0o644)
        (self._metadata / PENDING_ROOT).unlink(missing_ok=True)

    def stage_targets(self, metadata: Metadata[Targets]) -> None:
        self._write(PENDING_TARGETS, metadata.to_bytes())

    def keep_targets(self, content: bytes, files: Mapping[str, bytes]) -> None:
        """Store a roster and catalogue that enough officers have signed, and the signatures."""
        targets = Metadata[Targets].from_bytes(content).signed
        for name, target in files.items():
            self.write_target(kept_name(targets, name), target)
        self._write(f"{targets.version}.targets.json", content)
        (self._metadata / PENDING_TARGETS).unlink(missing_ok=True)

    def discard(self, name: str) -> None:
        (self._metadata / name).unlink(missing_ok=True)

    def _write(self, name: str, content: bytes) -> None:
        write_durably(self._metadata / name, content, 0o644)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError:
            raise SettingsError(
                f"{path} cannot be read.",
                "Restore the folder from a copy.",
                code="consortium-damaged",
            ) from None


def is_consortium(directory: Path) -> bool:
    """Return whether `directory` holds a consortium, founded or being founded."""
    return any((directory / "metadata" / name).exists() for name in (FIRST_ROOT, PENDING_ROOT))


def kept_name(targets: Targets, name: str) -> str:
    """Return the file name of a signed roster or catalogue: with its digest, as at central."""
    return f"{targets.targets[name].hashes['sha256']}.{name}"


def signed_form(roster: Roster) -> dict[str, Any]:
    """Return the roster without its version, which only the signed metadata has."""
    return roster.model_dump(mode="json", exclude={"version"})


def write_json(path: Path, value: Any) -> None:
    write_durably(path, canonical(value), 0o644)
