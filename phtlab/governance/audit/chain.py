"""What happened, as a chain: each entry holds the digest of the one before (after RFC 6962's idea).

A log can be cut at its end or written anew by whoever keeps it. So others sign from time to time
how far they saw it (`Checkpoint`), and keep that: what they saw can then be changed no more
without showing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import Field, StringConstraints

from phtlab.errors import AuditError
from phtlab.governance.text import Line, line_of
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical, digest, parse_json
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate

CHECKPOINT_TYPE: Final = "https://phtlab.org/audit-checkpoint/v1"
DetailName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
FIRST: Final = "sha256:" + "0" * 64
"""What the first entry of a log follows."""


class Entry(StrictModel):
    """One line of a log: who did what to which digest, when. It never holds data or a secret.

    `log` names whose log it is: a station's name, or `log_of_central`. `details` are short words,
    such as a code or a verdict.
    """

    log: Line
    number: int = Field(ge=1)
    at: Moment
    actor: Line
    action: Line
    subject: Line = ""
    digest: Digest | None = None
    details: dict[DetailName, Line] = Field(default_factory=dict, max_length=16)
    previous: Digest

    @property
    def name(self) -> str:
        """The digest that the next entry holds."""
        return digest(self.to_line())

    def to_line(self) -> bytes:
        """Canonical JSON, without the line feed that ends it in a file."""
        return canonical(self.model_dump(mode="json"))

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """The entry that `to_line` wrote so. Raises AuditError (``audit-form``)."""
        try:
            entry = cls.model_validate(parse_json(line))
            written = entry.to_line()
        except ValueError:
            written = None
        if written != line:
            raise AuditError(
                "This line is no entry of an audit log as phtlab writes it: it was changed, or "
                "made by another version of phtlab.",
                code="audit-form",
            )
        return entry


def log_of_central(consortium: str) -> str:
    """The name of central's log, which no member can have: it is no single word."""
    return f"{_CENTRAL}{consortium}"


class Head(NamedTuple):
    """How far a log goes: its last entry's number and digest; (0, FIRST) for an empty one."""

    number: int
    digest: str


_CENTRAL: Final = "central of "
LOST: Final = "log-restored"
"""The action of an entry that says which entries before it were lost, in the detail `lost`."""

START: Final = Head(0, FIRST)
"""How far an empty log goes."""


class Checkpoint(StrictModel):
    """`witness` saw the log `log` as far as `number`, whose entry has the digest `head`."""

    log: Line
    number: int = Field(ge=1)
    head: Digest
    witness: Line
    roster_version: int = Field(ge=1)
    at: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, CHECKPOINT_TYPE, {self.log: self.head}, self.model_dump(mode="json")
        )


def following(
    head: Head,
    *,
    log: str,
    at: Moment,
    actor: str,
    action: str,
    subject: str = "",
    digest: str | None = None,
    details: Mapping[str, str] | None = None,
) -> Entry:
    """The entry that comes after `head`. Words of others are made lines: `line_of`."""
    return Entry(
        log=log,
        number=head.number + 1,
        at=at,
        actor=line_of(actor),
        action=line_of(action),
        subject=line_of(subject),
        digest=digest,
        details={key: line_of(text) for key, text in (details or {}).items()},
        previous=head.digest,
    )


def verify_chain(
    entries: Iterable[Entry],
    checkpoints: Iterable[Checkpoint] = (),
    *,
    log: str,
    start: Head = START,
) -> Head:
    """How far the log goes, if no entry is missing, moved or changed as far as anyone saw.

    `checkpoints` are verified ones (`open_checkpoint`). With `start`, which was verified before,
    `entries` are those after it, and checkpoints up to it are not looked at.

    Entries that were lost are passed over where an entry of a station's log itself says so
    (`LOST`): a restored log goes on above what others saw of it, and shows for ever what it lacks.
    Central has no such excuse: its log is everybody's, and whoever changed it could write one.

    Raises AuditError with one of the codes ``audit-log``, ``audit-gap``, ``audit-chain``,
    ``audit-cut``, ``audit-rewritten``.
    """
    witnessed: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        if checkpoint.log == log and checkpoint.number > start.number:
            witnessed.setdefault(checkpoint.number, []).append(checkpoint)
    head = start
    for entry in entries:
        if entry.log != log:
            raise AuditError(
                f"Entry {head.number + 1} is of the log of {entry.log}, not of {log}.",
                code="audit-log",
            )
        if entry.number != head.number + 1 and not _declares_loss(entry, head):
            raise AuditError(
                f"The log of {log} goes from entry {head.number} to entry {entry.number}: entries "
                "were removed, repeated or moved.",
                code="audit-gap",
            )
        if entry.previous != head.digest:
            raise AuditError(
                f"Entry {entry.number} of the log of {log} does not follow the one before it: one "
                "of the two was changed.",
                code="audit-chain",
            )
        for lost in range(head.number + 1, entry.number):
            witnessed.pop(lost, None)
        head = Head(entry.number, entry.name)
        for checkpoint in witnessed.pop(entry.number, ()):
            if checkpoint.head != head.digest:
                raise AuditError(
                    f"{checkpoint.witness} signed at {checkpoint.at:%Y-%m-%d %H:%M} UTC that entry "
                    f"{entry.number} of the log of {log} was another: it was written anew since.",
                    code="audit-rewritten",
                )
    if witnessed:
        furthest = max(witnessed)
        raise AuditError(
            f"{witnessed[furthest][0].witness} saw the log of {log} as far as entry {furthest}; it "
            f"ends at entry {head.number} now: what came after was removed.",
            code="audit-cut",
        )
    return head


def after_loss(
    head: Head,
    last: int,
    *,
    log: str,
    at: Moment,
    actor: str,
    details: Mapping[str, str] | None = None,
) -> Entry:
    """The entry that follows `head` in a log whose entries up to number `last` were lost."""
    declared = {"lost": _lost(head.number, last)} if last > head.number else {}
    entry = following(
        head, log=log, at=at, actor=actor, action=LOST, details={**(details or {}), **declared}
    )
    return entry.model_copy(update={"number": max(last, head.number) + 1})


def _declares_loss(entry: Entry, head: Head) -> bool:
    declared = entry.details.get("lost")
    excused = entry.action == LOST and not entry.log.startswith(_CENTRAL)
    return excused and declared == _lost(head.number, entry.number - 1)


def _lost(before: int, last: int) -> str:
    return f"{before + 1} to {last}"


def open_checkpoint(envelope: Envelope, roster: Roster) -> Checkpoint:
    """A checkpoint by the member that it names, of now or of then.

    Raises NotOnRosterError, SignatureError, AuditError (``checkpoint-form``,
    ``checkpoint-signer``).
    """
    everyone = roster.signers(0)
    statement, signer = open_statement(envelope, CHECKPOINT_TYPE, everyone)
    checkpoint = read_predicate(
        Checkpoint, statement, AuditError("", code="checkpoint-form"), "This checkpoint"
    )
    if [(s.name, s.sha256) for s in statement.subject] != [(checkpoint.log, checkpoint.head)]:
        raise AuditError(
            "This checkpoint is signed about something else than it says.", code="checkpoint-form"
        )
    if signer.name != checkpoint.witness or signer not in roster.signers(checkpoint.roster_version):
        raise AuditError(
            f"This checkpoint of {checkpoint.witness} is signed by keys of {signer.name}, which "
            "are not valid for it.",
            code="checkpoint-signer",
        )
    return checkpoint
