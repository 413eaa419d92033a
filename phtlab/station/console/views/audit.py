"""View of the station's audit log: the newest entries that match the filters."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import Final

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import START, Entry, Head, verify_chain
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.context.station_context import StationContext

MOST: Final = 200
MOST_ENTRIES: Final = 20_000


@dataclass(frozen=True)
class Filters:
    """Filters on entries; an empty one matches all.

    `about` matches text in an entry's subject, digest or details; days are in UTC, both included.
    """

    actor: str = ""
    action: str = ""
    about: str = ""
    since: date | None = None
    until: date | None = None

    def fit(self, entry: Entry) -> bool:
        day = entry.at.date()
        texts = (entry.subject, entry.digest or "", *entry.details.values())
        return (
            self.actor in ("", entry.actor)
            and self.action in ("", entry.action)
            and (not self.about or any(self.about.lower() in text.lower() for text in texts))
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
        )


@dataclass(frozen=True)
class AuditPage:
    """View of the audit log.

    `found` are the newest entries that match, newest first, and `left_out` the number of further
    matches, among the newest `total` entries; `cut` means that there are older entries.

    `head` is the verified end of the chain; `trouble` says where verification fails. `journeys` and
    `proposals` are those that have a page.
    """

    found: tuple[Entry, ...]
    left_out: int
    total: int
    cut: bool
    actors: tuple[str, ...]
    actions: tuple[str, ...]
    head: Head | None
    trouble: str
    journeys: frozenset[str]
    proposals: frozenset[str]


def audit_page(station: StationContext, filters: Filters) -> AuditPage:
    """Read the newest `MOST_ENTRIES` entries, and verify the chain between them."""
    found: list[Entry] = []
    entries: list[Entry] = []
    head, trouble, cut = None, "", False
    try:
        lines = deque(station.audit.lines(), maxlen=MOST_ENTRIES + 1)
        entries = [Entry.from_line(line) for line in lines]
        cut = len(entries) > MOST_ENTRIES
        # In a long log, the entry before the first one is not verified.
        start = Head(entries[0].number, entries[0].name) if cut else START
        entries = entries[1:] if cut else entries
        found = [entry for entry in entries if filters.fit(entry)]
        head = verify_chain(entries, log=station.name, start=start)
    except AuditError as error:
        trouble = str(error)
    return AuditPage(
        found=tuple(reversed(found[-MOST:])),
        left_out=max(0, len(found) - MOST),
        total=len(entries),
        cut=cut,
        actors=tuple(sorted({entry.actor for entry in entries})),
        actions=tuple(sorted({entry.action for entry in entries})),
        head=head,
        trouble=trouble,
        journeys=frozenset(stop.hex for stop in station.stops),
        proposals=frozenset(proposal.id for proposal in StationProposals(station.folder.proposals)),
    )
