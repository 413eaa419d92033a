"""Central's log, and what members signed of logs: `CentralClient.audit`."""

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
    """Nothing here is believed: see `review_checkpoints`.

    Every method raises what those of `CentralClient` raise.
    """

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    def head(self) -> AuditHead:
        """How far central says that its log goes."""
        return parsed(AuditHead, self._send("GET", "/audit/head"))

    def page(self, after: int = 0) -> AuditPage:
        return parsed(AuditPage, self._send("GET", "/audit", query={"after": str(after)}))

    def checkpoints(self, log: str, after: int = 0) -> Iterator[CheckpointView]:
        """What members signed of `log`, as it came to central, from cursor `after` on."""
        cursor: int | None = after
        while cursor is not None:
            query = {"log": log, "after": str(cursor)}
            page = parsed(CheckpointPage, self._send("GET", "/audit/checkpoints", query=query))
            yield from page.checkpoints
            # A central whose cursor does not move on gives no more.
            cursor = page.next if page.next is not None and page.next > cursor else None

    def put_checkpoint(self, checkpoint: Envelope) -> CheckpointView:
        """Let central keep what one saw of a log. The same again gives the same answer.

        Raises AuditError (``audit-unfit``) if central's log, or what was signed of the other log
        before, does not fit.
        """
        content = checkpoint.to_bytes()
        return parsed(CheckpointView, self._send("POST", "/audit/checkpoints", content=content))


class AuditSource(Protocol):
    """Central's log as its readers have it: an `AuditClient`."""

    def page(self, after: int = 0) -> AuditPage: ...

    def checkpoints(self, log: str, after: int = 0) -> Iterable[CheckpointView]: ...

    def put_checkpoint(self, checkpoint: Envelope) -> CheckpointView: ...


def entries_of(audit: AuditSource, start: Head = START) -> Iterator[Entry]:
    """The entries of central's log after `start`, as far as it said at first that it goes.

    Raises AuditError: ``audit-form`` for what is no entry, ``audit-cut`` and ``audit-rewritten``
    if central's own word of how far its log goes does not fit.
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
            "one that was seen here before: it was written anew.",
            code="audit-rewritten",
        )


class CheckpointReview(NamedTuple):
    """How far central's log goes, and the last checkpoint of it; which of them are `doubtful`."""

    head: Head
    serial: int
    doubtful: tuple[CheckpointView, ...]


def review_checkpoints(
    audit: AuditSource, log: str, roster: Roster, last: LastSeenHead | None, *, whole: bool = True
) -> CheckpointReview:
    """Verify central's log with what members signed of it, and with what was seen at `last`.

    If it is not to be the `whole`, then only what is new since. Raises AuditError if it does not
    hold.
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
    """Which of `views` hold, with what they say, and which cannot be believed."""
    verified, doubtful = list[tuple[Checkpoint, CheckpointView]](), list[CheckpointView]()
    for view in views:
        try:
            verified.append((open_checkpoint(view.envelope, roster), view))
        except PhtlabError:
            doubtful.append(view)
    return verified, doubtful
