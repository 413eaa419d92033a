"""Approvals that this station signed, and their revocations: files in the station's folder.

::

    approvals/<digest>.json      the signed approval of that digest
    revocations/<digest>.json    the signed revocation of the approval of that digest
    revocations/<digest>.word    a person's request to revoke it, effective at once
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from phtlab.errors import ApprovalError, PhtlabError, SignatureError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.governance.approval import APPROVAL_TYPE, Approval, open_approval
from phtlab.station.settings.folder import StationFolder
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope, Statement, peek, require_type
from phtlab.train.documents.roster import Roster

_HEX = re.compile(r"[0-9a-f]{64}")
State = Literal["active", "expired", "revoked", "void"]


@dataclass(frozen=True)
class StoredApproval:
    """A stored approval. `claimed` is its content before verification.

    `format_error` says which version of the format it has, if this phtlab does not read that one:
    then it is void.
    """

    digest: str
    envelope: Envelope
    claimed: Approval
    format_error: str = ""


@dataclass(frozen=True)
class Approvals:
    """The approvals of the station with this folder."""

    folder: StationFolder

    def __iter__(self) -> Iterator[StoredApproval]:
        """Yield all approvals, unverified. Files that are not approvals are skipped."""
        for path in self._files():
            if kept := _read(path.read_bytes()):
                yield kept

    def unreadable(self) -> tuple[str, ...]:
        """Names of the files that are skipped, since this phtlab reads no approval in them."""
        return tuple(path.name for path in self._files() if not _read(path.read_bytes()))

    def _files(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            for path in sorted(self.folder.approvals.iterdir()):
                if path.suffix == ".json":
                    yield path

    def get(self, beginning: str) -> StoredApproval:
        """Find an approval by its digest's prefix. Raises ApprovalError (``approval-unknown``)."""
        digest = beginning.removeprefix("sha256:").lower()
        found = {kept.digest: kept for kept in self if kept.digest[7:].startswith(digest)}
        if len(found) != 1:
            what = "Several approvals begin" if found else "There is no approval that begins"
            raise ApprovalError(
                f"{what} with '{beginning}'.",
                "'phtlab station approvals' lists them.",
                code="approval-unknown",
            )
        return next(iter(found.values()))

    def keep(self, approval: Envelope) -> None:
        """Store a signed approval. Idempotent."""
        self.folder.approvals.mkdir(mode=0o700, exist_ok=True)
        path = self.folder.approvals / f"{_hex(approval.digest)}.json"
        if not path.exists():
            write_durably(path, approval.to_bytes())

    def revoked(self, approval: str) -> bool:
        """Whether a person at this station revoked the approval, signed or not yet signed."""
        below = self.folder.revocations
        return any((below / f"{_hex(approval)}.{end}").exists() for end in ("word", "json"))

    def request_revocation(self, approval: str, revocation: dict[str, Any]) -> bool:
        """Store a person's revocation, effective at once. Return False if it was revoked before."""
        if self.revoked(approval):
            return False
        self.folder.revocations.mkdir(mode=0o700, exist_ok=True)
        try:
            create_durably(
                self.folder.revocations / f"{_hex(approval)}.word", canonical(revocation)
            )
        except FileExistsError:
            return False
        return True

    def requested_revocations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each approval's digest with its stored revocation request."""
        with suppress(FileNotFoundError):
            for path in sorted(self.folder.revocations.iterdir()):
                if path.suffix == ".word" and _HEX.fullmatch(path.stem):
                    digest = f"sha256:{path.stem}"
                    yield digest, self.requested_revocation(digest)

    def requested_revocation(self, approval: str) -> dict[str, Any]:
        """Return a person's revocation request; empty if there is none or it is unreadable."""
        with suppress(FileNotFoundError, ValueError):
            path = self.folder.revocations / f"{_hex(approval)}.word"
            return dict(json.loads(path.read_bytes()))
        return {}

    def revocation(self, approval: str, station: str) -> Envelope | None:
        """Return the revocation that `station` signed, or None.

        An unreadable one, or one of another station, is not sent to central, although any such file
        ends the approval at this station (`revoked`).
        """
        with suppress(FileNotFoundError, SignatureError):
            path = self.folder.revocations / f"{_hex(approval)}.json"
            envelope = Envelope.from_bytes(path.read_bytes())
            statement = peek(envelope).predicate
            if (statement.get("station"), statement.get("approval")) == (station, approval):
                return envelope
        return None

    def keep_revocation(self, approval: str, revocation: Envelope) -> None:
        self.folder.revocations.mkdir(mode=0o700, exist_ok=True)
        write_durably(self.folder.revocations / f"{_hex(approval)}.json", revocation.to_bytes())

    def active(self, station: str, roster: Roster, now: datetime) -> tuple[str, ...]:
        """Return the digests of the active approvals, sorted."""
        digests = {
            kept.digest for kept in self if self.state(kept, station, now, roster) == "active"
        }
        return tuple(sorted(digests))

    def state(
        self, kept: StoredApproval, station: str, now: datetime, roster: Roster | None = None
    ) -> State:
        """Return its state; ``void`` if `station` did not sign it with the keys of `roster`.

        ``void`` too if it is of another version of the format.
        Without a roster, signatures are not verified: for display only.
        """
        if self.revoked(kept.digest):
            return "revoked"
        if now >= kept.claimed.expires:
            return "expired"
        if kept.format_error:
            return "void"
        if roster is None:
            return "active" if kept.claimed.station == station else "void"
        try:
            self.verified(kept, station, roster)
        except PhtlabError:
            return "void"
        return "active"

    def verified(self, kept: StoredApproval, station: str, roster: Roster) -> Approval:
        """Return the approval if `station` signed it with keys of `roster` and did not revoke it.

        Raises what `open_approval` raises, and ApprovalError ``approval-station``,
        ``approval-revoked``, ``document-version``.
        """
        if kept.format_error:
            raise ApprovalError(
                f"An approval that would be compared is void: {kept.format_error}",
                "Approve again.",
                code="document-version",
            )
        approval = open_approval(kept.envelope, roster)
        if approval.station != station:
            raise ApprovalError(
                f"This approval is {approval.station}'s, and allows nothing at {station}.",
                f"Remove it from {self.folder.approvals}.",
                code="approval-station",
            )
        if self.revoked(kept.digest):
            raise ApprovalError(
                f"{station} took this approval back.",
                code="approval-revoked",
            )
        return approval


@lru_cache(maxsize=1024)
def _read(content: bytes) -> StoredApproval | None:
    """Parse an approval, cached by content: every journey reads most of a station's approvals."""
    try:
        envelope = Envelope.from_bytes(content)
        statement = peek(envelope)
        # An approval of version 1 has no field that version 2 lacks: it is still listed, as void.
        claimed = Approval.model_validate(statement.predicate)
    except (SignatureError, ValidationError):
        return None
    # Identified by its digest, not by its file name: a copy is not a second approval.
    return StoredApproval(envelope.digest, envelope, claimed, _format_error(statement))


def _format_error(statement: Statement) -> str:
    try:
        require_type(statement.predicate_type, APPROVAL_TYPE)
    except SignatureError as error:
        return error.message
    return ""


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
