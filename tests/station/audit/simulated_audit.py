"""Central's log in memory, as `AuditClient` has it: tests may cut it and write it anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from phtlab.governance.audit.chain import START, Checkpoint, Entry, Head, following
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.wire.api.audit import AuditHead, AuditPage, CheckpointView

LOG = "central of hearts"


def chain(actions: list[str], *, log: str = LOG, after: Head = START) -> list[Entry]:
    """Entries, each after the one before."""
    entries: list[Entry] = []
    for action in actions:
        entry = following(
            after, log=log, at=datetime(2026, 11, 25, tzinfo=UTC), actor="ada", action=action
        )
        entries.append(entry)
        after = Head(entry.number, entry.name)
    return entries


class FakeAudit:
    """`answer` raises if central is away."""

    def __init__(self, answer: Callable[[], None]) -> None:
        self._answer = answer
        self.entries = chain(["roster-published"])
        self.views: list[CheckpointView] = []
        self.page_size = 100

    def add(self, *actions: str) -> None:
        self.entries += chain(list(actions), after=self.end)

    @property
    def end(self) -> Head:
        return Head(self.entries[-1].number, self.entries[-1].name) if self.entries else START

    @property
    def signed(self) -> list[tuple[str, str, int]]:
        """Who signed which log as far as where."""
        return [(view.witness, view.log, view.number) for view in self.views]

    def head(self) -> AuditHead:
        self._answer()
        return AuditHead(log=LOG, number=self.end.number, digest=self.end.digest)

    def page(self, after: int = 0) -> AuditPage:
        self._answer()
        lines = [e.to_line().decode() for e in self.entries if e.number > after]
        return AuditPage(head=self.head(), lines=tuple(lines[: self.page_size]))

    def checkpoints(self, log: str, after: int = 0) -> Iterator[CheckpointView]:
        self._answer()
        yield from [v for v in self.views if v.log == log and v.serial > after]

    def put_checkpoint(self, checkpoint: Envelope) -> CheckpointView:
        self._answer()
        said = Checkpoint.model_validate(peek(checkpoint).predicate)
        values: dict[str, Any] = {
            "serial": len(self.views) + 1,
            "digest": checkpoint.digest,
            "number": said.number,
            "witness": said.witness,
            "log": said.log,
            "received": said.at,
            "envelope": checkpoint,
        }
        view = CheckpointView(**values)
        self.views.append(view)
        if said.log != LOG:
            self.add("station-head")
        return view
