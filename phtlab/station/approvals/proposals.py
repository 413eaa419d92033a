"""Stored proposals that name this station: each version as its researcher signed it.

::

    proposals/<id>/<digest>.json     a version, verified with the roster before it was stored
    proposals/<id>/withdrawal.json   the researcher's signed withdrawal
    proposals/<id>/talk.json         comments on it, as central shows them
    proposals/<id>/refusal-<digest>.word  a person's refusal of that version; signed: .json
    proposals/<id>/review-<digest>.word   a person began to read that version
    proposals/<id>/said-<nonce>.word a comment by this station; once central has it: .sent

A version is stored only if it succeeds the one before, so nobody can swap or insert one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from phtlab.errors import ProposalError, SignatureError, StationError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.governance.proposal import (
    Proposal,
    open_proposal,
    require_successor,
    unverified_proposal,
)
from phtlab.governance.refusal import Withdrawal, open_withdrawal
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import CommentView

MAX_VERSIONS: Final = 100
MAX_VERSION_BYTES: Final = 128 * 1024
MAX_COMMENTS: Final = 1000
"""Maximum comments per proposal; the newest are kept."""
_ID = re.compile(r"p-[0-9a-f]{16}")
_COMMENTS = TypeAdapter(tuple[CommentView, ...])


@dataclass(frozen=True)
class Version:
    """One stored version of a proposal. `digest` names it."""

    digest: str
    envelope: Envelope
    proposal: Proposal


@dataclass(frozen=True)
class StationProposal:
    """The folder of one proposal."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def versions(self) -> tuple[Version, ...]:
        """All stored versions, oldest first.

        Raises StationError (``proposal-broken``), or SignatureError (``document-version``) if one
        is of another version of the format.
        """
        found = []
        for path in self.path.glob("*.json"):
            if re.fullmatch(r"[0-9a-f]{64}", path.stem):
                found.append(_version(path))
        return tuple(sorted(found, key=lambda version: version.proposal.version))

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    def version(self, digest: str) -> Version | None:
        """Return the version of that digest, or None if it is not stored."""
        path = self.path / f"{digest.removeprefix('sha256:')}.json"
        return _version(path) if path.exists() else None

    @property
    def withdrawal(self) -> Withdrawal | None:
        with suppress(FileNotFoundError):
            envelope = Envelope.from_bytes((self.path / "withdrawal.json").read_bytes())
            return Withdrawal.model_validate(peek(envelope).predicate)
        return None

    @property
    def comments(self) -> tuple[CommentView, ...]:
        """Unsigned comments on the proposal, as central last showed them."""
        with suppress(FileNotFoundError):
            return _COMMENTS.validate_json((self.path / "talk.json").read_bytes())
        return ()

    def refused(self, version: str) -> bool:
        """Whether a person at this station refused that version."""
        return self._refusal(version, "word").exists()

    def refuse(self, version: str, decision: dict[str, Any]) -> bool:
        """Store a person's refusal of `version`. Return False if one exists already."""
        try:
            create_durably(self._refusal(version, "word"), canonical(decision))
        except FileExistsError:
            return False
        return True

    def begin_review(self, version: str, decision: dict[str, Any]) -> None:
        """Record that a person at this station reads `version`. Only the first record is kept."""
        with suppress(FileExistsError):
            create_durably(self._review(version), canonical(decision))

    def in_review(self, version: str) -> bool:
        """Whether a person at this station began to read `version`."""
        return self._review(version).exists()

    def refusal(self, version: str) -> Envelope | None:
        """Return the signed refusal of `version`, if any."""
        with suppress(FileNotFoundError):
            return Envelope.from_bytes(self._refusal(version, "json").read_bytes())
        return None

    def keep_refusal(self, version: str, refusal: Envelope) -> None:
        write_durably(self._refusal(version, "json"), refusal.to_bytes())

    def add_comment(self, decision: dict[str, Any]) -> None:
        """Store a comment by a person at this station; the daemon sends it to central."""
        path = self.path / f"said-{secrets.token_hex(8)}.word"
        write_durably(path, canonical(decision))

    def unsent_comments(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield each comment not yet at central, and the path of the file that marks it as sent."""
        for path in sorted(self.path.glob("said-*.word")):
            if not path.with_suffix(".sent").exists():
                yield path.with_suffix(".sent"), json.loads(path.read_bytes())

    def import_versions(
        self,
        versions: Iterable[Envelope],
        withdrawal: Envelope | None,
        comments: tuple[CommentView, ...],
        roster: Roster,
    ) -> bool:
        """Store what is new and verifies. Return whether anything was new.

        Raises what `open_proposal`, `require_successor` and `open_withdrawal` raise, and
        ProposalError (``proposal-swapped``, ``proposal-versions``, ``withdrawal-form``);
        ``proposal-swapped`` means that a version differs from the stored one. Versions before the
        error stay stored.
        """
        new, comments = self._take_versions(versions, roster), comments[-MAX_COMMENTS:]
        path = self.path / "withdrawal.json"
        if withdrawal is not None and not path.exists():
            withdrawn = open_withdrawal(withdrawal, roster)
            if (withdrawn.proposal_id, withdrawn.researcher) != (
                self.id,
                self.newest.proposal.researcher,
            ):
                raise ProposalError(
                    f"A withdrawal of {withdrawn.proposal_id} by {withdrawn.researcher} came as "
                    f"one of {self.id}: it counts for nothing.",
                    code="withdrawal-form",
                )
            write_durably(path, withdrawal.to_bytes())
            new = True
        if self.path.exists() and comments != self.comments:
            write_durably(self.path / "talk.json", _COMMENTS.dump_json(comments))
            new = True
        return new

    def _take_versions(self, versions: Iterable[Envelope], roster: Roster) -> bool:
        kept = {version.proposal.version: version for version in self.versions}
        older: Version | None = None
        new = False
        for envelope in versions:
            proposal = open_proposal(envelope, roster)
            if len(envelope.body) > MAX_VERSION_BYTES or proposal.version > MAX_VERSIONS:
                raise ProposalError(
                    f"{self.id} has more than {MAX_VERSIONS} versions, or a version of more than "
                    f"{MAX_VERSION_BYTES:,} bytes: no more of it is kept here.",
                    "Its researcher writes a new one with 'phtlab proposal new'.",
                    code="proposal-versions",
                )
            if proposal.id != self.id:
                raise ProposalError(
                    f"A version of {proposal.id} came as one of {self.id}: it counts for nothing.",
                    code="proposal-swapped",
                )
            require_successor(
                proposal, older.proposal if older else None, older.digest if older else None
            )
            older = Version(envelope.digest, envelope, proposal)
            version_kept = kept.get(proposal.version)
            if version_kept is None:
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                name = f"{envelope.digest.removeprefix('sha256:')}.json"
                write_durably(self.path / name, envelope.to_bytes())
                new = True
            elif version_kept.digest != envelope.digest:
                raise ProposalError(
                    f"Central shows another version {proposal.version} of {self.id} than it did "
                    "before.",
                    "The first one stays; ask the researcher, and tell an officer.",
                    code="proposal-swapped",
                )
        return new

    def _review(self, version: str) -> Path:
        return self.path / f"review-{version.removeprefix('sha256:')}.word"

    def _refusal(self, version: str, end: str) -> Path:
        return self.path / f"refusal-{version.removeprefix('sha256:')}.{end}"


@dataclass(frozen=True)
class StationProposals:
    """All proposals stored at a station."""

    path: Path

    def __iter__(self) -> Iterator[StationProposal]:
        """Yield all proposals but `unreadable` ones. Raises StationError (``proposal-broken``)."""
        unreadable = self.unreadable()
        for proposal in self._all():
            if proposal.id not in unreadable and proposal.versions:
                yield proposal

    def unreadable(self) -> dict[str, SignatureError]:
        """Return the errors of the proposals that this phtlab does not read, by their names.

        They are of another version of the format (``document-version``), or no signed documents.
        """
        found = {}
        for proposal in self._all():
            try:
                _ = proposal.versions
            except SignatureError as error:
                found[proposal.id] = error
        return found

    def _all(self) -> Iterator[StationProposal]:
        with suppress(FileNotFoundError):
            for folder in sorted(self.path.iterdir()):
                if _ID.fullmatch(folder.name):
                    yield StationProposal(folder)

    def proposal(self, proposal_id: str) -> StationProposal:
        """Return a proposal's folder, which need not exist. Raises ValueError for a bad name."""
        if not _ID.fullmatch(proposal_id):
            raise ValueError("no name of a proposal")
        return StationProposal(self.path / proposal_id)

    def refusals(self) -> Iterator[tuple[StationProposal, str, dict[str, Any]]]:
        """Yield each refused proposal, with the version's digest and the person's refusal."""
        for path in sorted(self.path.glob("p-*/refusal-*.word")):
            version = f"sha256:{path.stem.removeprefix('refusal-')}"
            yield StationProposal(path.parent), version, json.loads(path.read_bytes())

    def decision_files(self) -> frozenset[str]:
        """Names of the files that hold people's decisions and comments on proposals."""
        return frozenset(path.name for path in self.path.glob("p-*/*.word"))

    def find(self, beginning: str) -> StationProposal:
        """Return the proposal whose name begins so.

        Raises ProposalError (``proposal-unknown``), or SignatureError (``document-version``) if the
        only one is of another version of the format.
        """
        found = [proposal for proposal in self if proposal.id.startswith(beginning)]
        unreadable = self.unreadable()
        named = [name for name in unreadable if name.startswith(beginning)]
        if not found and len(named) == 1:
            raise unreadable[named[0]]
        if len(found) != 1:
            what = "Several proposals begin" if found else "There is no proposal that begins"
            raise ProposalError(
                f"{what} with '{beginning}'.",
                "'phtlab station proposals' lists them.",
                code="proposal-unknown",
            )
        return found[0]

    def of_version(self, digest: str) -> tuple[StationProposal, Version] | None:
        """Return the proposal and version with that digest, or None.

        Raises StationError or SignatureError as `StationProposal.versions`.
        """
        name = f"{digest.removeprefix('sha256:')}.json"
        for path in self.path.glob(f"p-*/{name}"):
            return StationProposal(path.parent), _version(path)
        return None


def _version(path: Path) -> Version:
    try:
        envelope = Envelope.from_bytes(path.read_bytes())
        proposal = unverified_proposal(envelope)
    except ProposalError:
        raise _broken(path) from None
    if envelope.digest != f"sha256:{path.stem}":
        raise _broken(path)
    return Version(envelope.digest, envelope, proposal)


def _broken(path: Path) -> StationError:
    return StationError(
        f"{path} is not the version of a proposal that it is named after.",
        "Remove it: the daemon asks central for it again.",
        code="proposal-broken",
    )
