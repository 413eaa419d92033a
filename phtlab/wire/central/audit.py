"""Client of central's audit log and of checkpoints: `CentralClient.audit`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from phtlab.errors import AuditError, PhtlabError
from phtlab.governance.audit.chain import (
    START,
    Checkpoint,
    Entry,
    Head,
    open_checkpoint,
    verify_chain,
)
from phtlab.governance.audit.last_seen import LastSeenHead
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.audit import AuditHead, AuditPage, CheckpointPage, CheckpointView
from phtlab.wire.central.answer import parsed
from phtlab.wire.central.governance import SendRequest


class AuditClient:
    """Reads central's log and checkpoints without verification: see `review_checkpoints`.

    Every method raises what the methods of `CentralClient` raise.
    """

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def head(self) -> AuditHead:
        """Return the head of the log that central claims."""
        return parsed(AuditHead, self._send("GET", "/audit/head"))

    def page(self, after: int = 0) -> AuditPage:
        return parsed(AuditPage, self._send("GET", "/audit", query={"after": str(after)}))

    def checkpoints(self, log: str, after: int = 0) -> Iterator[CheckpointView]:
        """Yield checkpoints of `log`, as received by central, from cursor `after` on."""
        cursor: int | None = after
        while cursor is not None:
            query = {"log": log, "after": str(cursor)}
            page = parsed(CheckpointPage, self._send("GET", "/audit/checkpoints", query=query))
            yield from page.checkpoints
            # Stop if central's cursor does not advance.
            cursor = page.next if page.next is not None and page.next > cursor else None

    def put_checkpoint(self, checkpoint: Envelope) -> CheckpointView:
        """Store a signed checkpoint at central. The same checkpoint again gives the same answer.

        Raises AuditError (``audit-unfit``) if it contradicts central's log, or earlier checkpoints
        of another log.
        """
        content = checkpoint.to_bytes()
        return parsed(CheckpointView, self._send("POST", "/audit/checkpoints", content=content))


class AuditSource(Protocol):
    """Access to central's log for its readers: an `AuditClient`."""

    def page(self, after: int = 0) -> AuditPage: ...

    def checkpoints(self, log: str, after: int = 0) -> Iterable[CheckpointView]: ...

    def put_checkpoint(self, checkpoint: Envelope) -> CheckpointView: ...


def entries_of(audit: AuditSource, start: Head = START) -> Iterator[Entry]:
    """Yield the entries of central's log after `start`, up to the head of its first answer.

    Raises AuditError: ``audit-form`` for an invalid entry, ``audit-cut``, ``audit-gap`` and
    ``audit-rewritten`` if the log does not match the head that central claims.
    """
    page = audit.page(start.number)
    promised, number = page.head, start.number
    if promised.number < start.number:
        raise AuditError(
            f"Central says that its log ends at entry {promised.number}; it went as far as "
            f"{start.number} before: what came after was removed.",
            code="audit-cut",
        )
    last = start.digest
    while number < promised.number:
        if not page.lines:
            raise AuditError(
                f"Central says that its log goes as far as entry {promised.number}, and has none "
                f"after {number}: entries were removed.",
                code="audit-gap",
            )
        for line in page.lines[: promised.number - number]:
            entry = Entry.from_line(line.encode())
            number, last = number + 1, entry.name
            yield entry
        if number < promised.number:
            page = audit.page(number)
    if last != promised.digest:
        raise AuditError(
            f"Entry {number} of central's log is not the one that central says it is, or not the "
            "one that was seen here before: it was rewritten.",
            code="audit-rewritten",
        )


class CheckpointReview(NamedTuple):
    """Head of central's log, serial of its last checkpoint, and the `doubtful` checkpoints."""

    head: Head
    serial: int
    doubtful: tuple[CheckpointView, ...]


def review_checkpoints(
    audit: AuditSource, log: str, roster: Roster, last: LastSeenHead | None, *, whole: bool = True
) -> CheckpointReview:
    """Verify central's log against members' checkpoints, and against the head seen at `last`.

    Without `whole`, verify only what is new since. Raises AuditError if verification fails.
    """
    start, serial = (last.head, last.serial) if last and not whole else (START, 0)
    views = list(audit.checkpoints(log, serial))
    verified, doubtful = opened(views, roster)
    checkpoints = [checkpoint for checkpoint, _ in verified]
    if last is not None and (before := last.by("You", roster.version)):
        checkpoints.append(before)
    head = verify_chain(entries_of(audit, start), checkpoints, log=log, start=start)
    return CheckpointReview(
        head, max((view.serial for view in views), default=serial), tuple(doubtful)
    )


def opened(
    views: Iterable[CheckpointView], roster: Roster
) -> tuple[list[tuple[Checkpoint, CheckpointView]], list[CheckpointView]]:
    """Return the `views` that verify, with their checkpoints, and those that do not."""
    verified, doubtful = list[tuple[Checkpoint, CheckpointView]](), list[CheckpointView]()
    for view in views:
        try:
            verified.append((open_checkpoint(view.envelope, roster), view))
        except PhtlabError:
            doubtful.append(view)
    return verified, doubtful
