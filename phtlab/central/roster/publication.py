"""The published roster: stored in the database, verified against central's pinned root."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from tuf.api.metadata import Metadata, Targets

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Change, Database
from phtlab.central.db.tables import PublicationRow
from phtlab.central.notifications.outbox import notify
from phtlab.central.problems import not_found
from phtlab.errors import RosterError
from phtlab.train.canonical import digest
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.publication import (
    accept_bundle,
    online_signer,
    pin_root,
    renew_timestamp,
    sign_online,
)
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    ROSTER_FILE,
    Lifetimes,
    read_catalogue,
    read_roster,
)
from phtlab.wire.api.journeys import RosterBundle

METADATA, TARGETS = "metadata", "targets"
# Built once: every request executes it.
_NEWEST: Final = select(func.max(PublicationRow.changed)).where(PublicationRow.kind == TARGETS)
_KEPT_SNAPSHOTS = 3  # A station in the middle of a refresh still finds the previous one.


@dataclass(frozen=True)
class Published:
    """The last publication of the consortium's officers, and when it expires at stations.

    `serial` changes with each publication.
    """

    roster: Roster
    catalogue: Catalogue
    serial: int
    expires: datetime


class Publication:
    """Central's TUF repository. Its online key can delay a change, but never make one."""

    def __init__(
        self,
        database: Database,
        name: str,
        root_file: Path,
        online_keys: Sequence[Ed25519PrivateKey],
        lifetime: timedelta = Lifetimes.online,
    ) -> None:
        self._database = database
        self._name = name
        self._root_file = root_file
        self._online_keys = tuple(online_keys)
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._current: Published | None = None

    def current(self) -> Published:
        """The roster and catalogue in force. Raises RosterError (``roster-unpublished``)."""
        with self._database.reading() as connection:
            serial = connection.scalar(_NEWEST)
        if serial is None:
            raise RosterError(
                "No roster is published here yet.",
                "An officer does 'phtlab consortium publish'.",
                code="roster-unpublished",
            )
        with self._lock:
            if self._current is None or self._current.serial != serial:
                with self._database.read() as session:
                    self._current = _read(session, serial)
            return self._current

    def accept(self, bundle: RosterBundle) -> Published:
        """Publish `bundle`, if the officers' threshold signed it as successor of the current one.

        Raises RosterError or RosterStaleError with the reason.
        """
        with self._database.change() as change:
            stored = _files(change.session, METADATA)
            current = self._trusted(stored)
            accepted = accept_bundle(current, bundle.model_dump(), change.now)
            if accepted.roster.consortium != self._name:
                raise RosterError(
                    f"This roster is of the consortium {accepted.roster.consortium}; this central "
                    f"serves {self._name}.",
                    "Publish it at its own central, or change 'name' in central.toml.",
                    code="roster-consortium",
                )
            if current != stored:  # The first publication, or another root was pinned.
                change.session.execute(delete(PublicationRow))
                _store(change, METADATA, current)
            _store(change, TARGETS, accepted.targets)
            _store(change, METADATA, accepted.metadata)
            key = online_signer({**accepted.current, **accepted.metadata}, self._online_keys)
            online = sign_online(accepted, key, change.now, self._lifetime)
            _store(change, METADATA, online)
            _forget_snapshots(change.session)
            signed = f"{accepted.version}.targets.json"
            if signed not in current:
                audited(
                    change,
                    actor=change.log,
                    action="roster-published",
                    subject=f"roster {accepted.version}",
                    digest=digest(accepted.metadata[signed]),
                )
                members = [
                    member.name for member in accepted.roster.members if not member.has_stops
                ]
                notify(change, "roster-published", members, f"roster {accepted.version}")
        return self.current()

    def renew(self) -> bool:
        """Renew the timestamp if half of its lifetime has passed; return whether it was renewed."""
        with self._database.read() as session:
            if session.get(PublicationRow, (METADATA, "timestamp.json")) is None:
                return False
        with self._database.change() as change:
            files = _files(change.session, METADATA)
            key = online_signer(files, self._online_keys)
            renewed = renew_timestamp(files, key, change.now, self._lifetime)
            _store(change, METADATA, renewed)
            _forget_snapshots(change.session)
        return bool(renewed)

    def file(self, kind: str, name: str) -> bytes:
        """Return a file of the repository. Raises CentralError (``not-found``)."""
        with self._database.read() as session:
            row = session.get(PublicationRow, (kind, name))
            if row is None:
                raise not_found(f"There is no {kind} file '{name[:128]}'.")
            return row.content

    def _trusted(self, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the stored metadata if it follows the pinned root, else the pinned root alone."""
        if not self._root_file.is_file():
            raise RosterError(
                "This central has no root of the consortium yet.",
                "Its operator does 'phtlab central pin DIRECTORY root.json' with an officer's "
                "file.",
                code="roster-unpublished",
            )
        pinned = pin_root(self._root_file.read_bytes())
        if all(stored.get(name) == content for name, content in pinned.items()):
            return dict(stored)
        return pinned


def _files(session: Session, kind: str) -> dict[str, bytes]:
    rows = session.scalars(select(PublicationRow).where(PublicationRow.kind == kind))
    return {row.name: row.content for row in rows}


def _store(change: Change, kind: str, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        row = PublicationRow(kind=kind, name=name, content=content, changed=change.tick())
        change.session.merge(row)
    change.session.flush()


def _forget_snapshots(session: Session) -> None:
    rows = session.scalars(
        select(PublicationRow)
        .where(PublicationRow.kind == METADATA, PublicationRow.name.like("%.snapshot.json"))
        .order_by(PublicationRow.changed.desc())
        .offset(_KEPT_SNAPSHOTS)
    )
    for row in rows:
        session.delete(row)


def _read(session: Session, serial: int) -> Published:
    """Read the newest targets, without verification: `accept` verified them."""
    files = _files(session, METADATA)
    names = (name for name in files if name.endswith(".targets.json"))
    newest = max(names, key=lambda name: int(name.partition(".")[0]))
    targets = Metadata[Targets].from_bytes(files[newest]).signed
    contents = {}
    for name in (ROSTER_FILE, CATALOGUE_FILE):
        stored = f"{targets.targets[name].hashes['sha256']}.{name}"
        row = session.get(PublicationRow, (TARGETS, stored))
        if row is None:
            raise RosterError(
                f"Central's copy of {stored} is gone: publish the roster again.",
                code="roster-unpublished",
            )
        contents[name] = row.content
    return Published(
        roster=read_roster(contents[ROSTER_FILE], targets.version),
        catalogue=read_catalogue(contents[CATALOGUE_FILE]),
        serial=serial,
        expires=targets.expires,
    )
