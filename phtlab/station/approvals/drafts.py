"""Terms that people of the station say yes to, until enough of them have.

A draft is a folder, and how far it is is which files are there::

    drafts/<digest>/draft.json         the terms, in a folder named by their digest
    drafts/<digest>/word-<person>.json that person's yes to exactly these terms
    drafts/<digest>/signed.json        the approval that the daemon made of them

A person says yes to terms that cannot change under their hands: other terms are another draft.
Once the approval is kept the folder goes.
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
from phtlab.governance.text import Line
from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest, canonical, digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Name

_PERSON: TypeAdapter[str] = TypeAdapter(PersonName)
_BROKEN = ".broken"
_GONE = ".gone"
_MOST = 8
_log = structlog.get_logger("phtlab.station")


class ApprovalDraft(SignedModel):
    """An `Approval` without those who say so. `journey` is the held stop that it is for, if any;
    `persons` is how many the policy asked for when it was drafted."""

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
        """What distinguishes it from a draft that allows something else."""
        return self.model_dump(mode="json", exclude={"nonce", "drafted", "note", "persons"})

    def approval(self, approvers: tuple[str, ...], roster_version: int, at: datetime) -> Approval:
        """What is signed once `approvers` have all said yes. Raises ApprovalError."""
        values = self.model_dump(exclude={"journey", "drafted", "persons"})
        try:
            return Approval(**values, approvers=approvers, roster_version=roster_version, issued=at)
        except ValidationError as error:
            why = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ApprovalError(f"This cannot be approved: {why}.", code="approval-form") from None


@dataclass(frozen=True)
class DraftFolder:
    """One draft's folder."""

    path: Path
    draft: ApprovalDraft

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who has said yes, in the order of their names; as many as an approval has room for."""
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
        """`by`'s yes. False if they have said so before: one person is one.

        Raises ApprovalError (``approval-gone``) if the draft went meanwhile, so that the yes
        counts for nothing.
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
        """It is no draft any more, at once: no word of it is left for a draft of the same terms."""
        removed = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}{_GONE}")
        with suppress(FileNotFoundError):
            self.path.rename(removed)
        # Also what one before left that was killed here.
        for leftover in self.path.parent.glob(f"*{_GONE}"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _vote_file(self, by: str) -> Path:
        return self.path / f"word-{by}.json"


@dataclass(frozen=True)
class DraftStore:
    """All drafts of a station."""

    path: Path

    def __iter__(self) -> Iterator[DraftFolder]:
        """All that can be read. One that is broken is put aside, and stands in no other's way."""
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
        """The folder of `draft`, or of one with the same terms that is there already.

        Raises ApprovalError (``approval-gone``) if it goes at this moment.
        """
        for drafted in self:
            if drafted.draft.terms == draft.terms:
                return drafted
        # Named by the terms: of two people who begin at once one is first, and both mean the same.
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
    """`name` if it can name a person. Raises ApprovalError (``person-name``)."""
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
        "'phtlab station pending' and 'phtlab station approvals' say how it stands.",
        code="approval-gone",
    )


def _read(path: Path) -> ApprovalDraft:
    try:
        return ApprovalDraft.model_validate_json(path.read_bytes())
    except ValidationError:
        raise StationError(
            f"{path} is broken and says nothing.", "Approve again.", code="draft-broken"
        ) from None
