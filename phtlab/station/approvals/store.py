"""The approvals that this station signed, and those that it took back: files in its folder.

::

    approvals/<digest>.json      the signed approval of that digest
    revocations/<digest>.json    the signed taking back of the approval of that digest
    revocations/<digest>.word    a person's word that takes it back: it counts at once
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import ValidationError

from phtlab.errors import ApprovalError, PhtlabError, SignatureError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.governance.approval import Approval, open_approval
from phtlab.station.settings.folder import StationFolder
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.roster import Roster

_HEX = re.compile(r"[0-9a-f]{64}")
State = Literal["active", "expired", "revoked", "void"]


@dataclass(frozen=True)
class StoredApproval:
    """An approval as it lies here. `claimed` is what it says of itself, before it is verified."""

    digest: str
    envelope: Envelope
    claimed: Approval


@dataclass(frozen=True)
class Approvals:
    """The approvals of the station whose folder this is."""

    folder: StationFolder

    def __iter__(self) -> Iterator[StoredApproval]:
        """All of them, unverified. A file that is none of ours is left out: it allows nothing."""
        with suppress(FileNotFoundError):
            for path in sorted(self.folder.approvals.iterdir()):
                if path.suffix == ".json" and (kept := _read(path.read_bytes())):
                    yield kept

    def get(self, beginning: str) -> StoredApproval:
        """The approval whose digest begins so. Raises ApprovalError (``approval-unknown``)."""
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
        """Idempotent."""
        self.folder.approvals.mkdir(mode=0o700, exist_ok=True)
        path = self.folder.approvals / f"{_hex(approval.digest)}.json"
        if not path.exists():
            write_durably(path, approval.to_bytes())

    def revoked(self, approval: str) -> bool:
        """Whether someone here took it back, signed or not yet signed."""
        below = self.folder.revocations
        return any((below / f"{_hex(approval)}.{end}").exists() for end in ("word", "json"))

    def request_revocation(self, approval: str, revocation: dict[str, Any]) -> bool:
        """A person's word that ends it, from now on. False if it was taken back before."""
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
        """The words that take an approval back, with its digest."""
        with suppress(FileNotFoundError):
            for path in sorted(self.folder.revocations.iterdir()):
                if path.suffix == ".word" and _HEX.fullmatch(path.stem):
                    digest = f"sha256:{path.stem}"
                    yield digest, self.requested_revocation(digest)

    def requested_revocation(self, approval: str) -> dict[str, Any]:
        """The word that took it back; empty if nobody did, or what is left of it is unreadable."""
        with suppress(FileNotFoundError, ValueError):
            path = self.folder.revocations / f"{_hex(approval)}.word"
            return dict(json.loads(path.read_bytes()))
        return {}

    def revocation(self, approval: str, station: str) -> Envelope | None:
        """What `station` signed to take it back. One of another's, or unreadable, is none: it is
        not handed on, though whatever lies there ends the approval here (`revoked`)."""
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
        """The digests of those that stand, in their order."""
        digests = {
            kept.digest for kept in self if self.state(kept, station, now, roster) == "active"
        }
        return tuple(sorted(digests))

    def state(
        self, kept: StoredApproval, station: str, now: datetime, roster: Roster | None = None
    ) -> State:
        """Whether it stands; ``void`` if `station` did not sign it with the keys of `roster`.

        Without a roster its signatures are not looked at: for display only.
        """
        if self.revoked(kept.digest):
            return "revoked"
        if now >= kept.claimed.expires:
            return "expired"
        if roster is None:
            return "active" if kept.claimed.station == station else "void"
        try:
            self.verified(kept, station, roster)
        except PhtlabError:
            return "void"
        return "active"

    def verified(self, kept: StoredApproval, station: str, roster: Roster) -> Approval:
        """The approval, if `station` signed it with keys of `roster`, and did not take it back.

        Raises what `open_approval` raises, and ApprovalError ``approval-station``,
        ``approval-revoked``.
        """
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
    """Of the same bytes, the same: most of a station's approvals lie there at every journey."""
    try:
        envelope = Envelope.from_bytes(content)
        # Its digest, not the name of its file, says which it is: a copy is no second approval.
        return StoredApproval(
            envelope.digest, envelope, Approval.model_validate(peek(envelope).predicate)
        )
    except (SignatureError, ValidationError):
        return None


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
