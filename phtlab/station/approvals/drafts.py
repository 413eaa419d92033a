"""Draft terms that the station's people approve, until enough of them have.

A draft is a folder; its files are its state::

    drafts/<digest>/draft.json         the terms, in a folder named by their digest
    drafts/<digest>/word-<person>.json that person's approval of exactly these terms
    drafts/<digest>/signed.json        the approval that the daemon signed

Terms cannot change while people approve them: other terms are another draft. The folder is removed
once the approval is stored.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from phtlab.errors import ApprovalError, StationError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.governance.approval import Approval, Nonce, PersonName, Scope
from phtlab.governance.proposal import ProposalId
from phtlab.governance.risk import Risk
from phtlab.governance.rounds import RoundTerms
from phtlab.governance.text import Line
from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import MAX_OUTPUTS, Name, Resources

_PERSON: TypeAdapter[str] = TypeAdapter(PersonName)
_BROKEN = ".broken"
_GONE = ".gone"
_MOST = 8
_log = structlog.get_logger("phtlab.station")


class ApprovalDraft(SignedModel):
    """An `Approval` without its approvers.

    `journey` is the held stop that the draft is for, if any; `persons` is the number of approvers
    that the policy required when it was drafted.
    """

    journey: Digest | None = None
    station: MemberName
    scope: Scope
    proposal_id: ProposalId | None = None
    proposal: Digest | None = None
    researcher: MemberName
    train: Digest | None = None
    notebook: Digest | None = None
    datasets: tuple[Name, ...] = Field(max_length=64)
    parameters: dict[str, Any]
    risk: Risk
    handed_on: tuple[Name, ...] = Field((), max_length=MAX_OUTPUTS)
    rounds: RoundTerms | None = None
    resources: Resources | None = None
    persons: int = Field(default=1, ge=1, le=_MOST)
    note: Line = ""
    nonce: Nonce = Field(default_factory=lambda: secrets.token_hex(16))
    drafted: AwareDatetime
    expires: AwareDatetime

    @property
    def name(self) -> str:
        return digest(canonical(self.model_dump(mode="json")))

    @property
    def terms(self) -> dict[str, Any]:
        """The fields that distinguish this draft from one that allows something else."""
        return self.model_dump(mode="json", exclude={"nonce", "drafted", "note", "persons"})

    def approval(self, approvers: tuple[str, ...], roster_version: int, at: datetime) -> Approval:
        """Return the approval to sign, by `approvers`. Raises ApprovalError (``approval-form``)."""
        values = self.model_dump(exclude={"journey", "drafted", "persons"})
        try:
            return Approval(**values, approvers=approvers, roster_version=roster_version, issued=at)
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ApprovalError(f"This cannot be approved: {why}.", code="approval-form") from None


@dataclass(frozen=True)
class DraftFolder:
    """The folder of one draft."""

    path: Path
    draft: ApprovalDraft

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has approved, sorted by name, at most as many as an approval can name."""
        words = self.path.glob("word-*.json")
        return tuple(sorted(path.name[5:-5] for path in words)[:_MOST])

    @property
    def signed(self) -> Envelope | None:
        with suppress(FileNotFoundError):
            return Envelope.from_bytes((self.path / "signed.json").read_bytes())
        return None

    def has_approved(self, by: str) -> bool:
        return self._vote_file(by).exists()

    def add_approval(self, by: str, at: datetime) -> bool:
        """Record `by`'s approval. Return False if `by` approved before: each person counts once.

        Raises ApprovalError (``approval-gone``) if the draft was removed meanwhile, so that the
        approval has no effect.
        """
        try:
            vote = {"by": require_person(by), "at": at.isoformat()}
            create_durably(self._vote_file(by), canonical(vote))
        except FileExistsError:
            return False
        except FileNotFoundError:
            raise _gone() from None
        if not self.path.exists():
            raise _gone()
        return True

    def sign_as(self, envelope: Envelope) -> None:
        write_durably(self.path / "signed.json", envelope.to_bytes())

    def remove(self) -> None:
        """Remove the draft atomically: no vote remains for a later draft of the same terms."""
        removed = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}{_GONE}")
        with suppress(FileNotFoundError):
            self.path.rename(removed)
        # Also remove folders that an earlier, killed removal left.
        for leftover in self.path.parent.glob(f"*{_GONE}"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _vote_file(self, by: str) -> Path:
        return self.path / f"word-{by}.json"


@dataclass(frozen=True)
class DraftStore:
    """All drafts of a station."""

    path: Path

    def __iter__(self) -> Iterator[DraftFolder]:
        """Yield all readable drafts. A broken draft is renamed, so that it blocks no others."""
        if not self.path.is_dir():
            return
        for folder in sorted(self.path.iterdir()):
            if folder.suffix in (_BROKEN, _GONE):
                continue
            try:
                yield DraftFolder(folder, _read(folder / "draft.json"))
            except FileNotFoundError:
                continue
            except StationError as error:
                _log.warning("draft broken", why=str(error))
                folder.rename(folder.with_suffix(_BROKEN))

    def open(self, draft: ApprovalDraft) -> DraftFolder:
        """Return the folder of `draft`, or of an existing draft with the same terms.

        Raises ApprovalError (``approval-gone``) if the draft is removed at this moment.
        """
        for drafted in self:
            if drafted.draft.terms == draft.terms:
                return drafted
        # Named by the terms: two people who start at the same time get the same folder.
        folder = self.path / digest(canonical(draft.terms)).removeprefix("sha256:")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with suppress(FileExistsError):
                create_durably(folder / "draft.json", canonical(draft.model_dump(mode="json")))
            return DraftFolder(folder, _read(folder / "draft.json"))
        except FileNotFoundError:
            raise _gone() from None

    def of_journey(self, journey: str) -> list[DraftFolder]:
        return [drafted for drafted in self if drafted.draft.journey == journey]

    def of_proposal(self, version: str) -> list[DraftFolder]:
        """Drafts of rules for the version with this digest, none of them for a journey's sake."""
        return [
            drafted
            for drafted in self
            if drafted.draft.journey is None and drafted.draft.proposal == version
        ]


def require_person(name: str) -> str:
    """Return `name` if it is a valid person name. Raises ApprovalError (``person-name``)."""
    try:
        return _PERSON.validate_python(name)
    except ValidationError:
        raise ApprovalError(
            f"'{name[:64]}' cannot name a person here: use a-z, 0-9, '.', '_' and '-', beginning "
            "with a letter.",
            code="person-name",
        ) from None


def _gone() -> ApprovalError:
    return ApprovalError(
        "These terms wait for nobody any more: meanwhile they were signed, refused or ran out.",
        "'phtlab station pending' and 'phtlab station approvals' show their state.",
        code="approval-gone",
    )


def _read(path: Path) -> ApprovalDraft:
    try:
        return ApprovalDraft.model_validate_json(path.read_bytes())
    except ValidationError:
        raise StationError(
            f"{path} is broken and says nothing.", "Approve again.", code="draft-broken"
        ) from None
