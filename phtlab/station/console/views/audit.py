"""The station's log as the page shows it: the newest entries that fit the filters."""

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
    """What an entry must have; what is empty fits all. `about` is how a subject or digest begins
    or what it contains; days are of UTC, both included."""

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
    """`found` are the newest that fit, newest first, `left_out` how many more do, of the newest
    `total`; `cut` says that there are older ones.

    `head` is how far the log holds together; `trouble` says where it does not. `journeys` and
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
    """Reads the newest `MOST_ENTRIES` entries, and checks that each follows the one before."""
    found: list[Entry] = []
    entries: list[Entry] = []
    head, trouble, cut = None, "", False
    try:
        lines = deque(station.audit.lines(), maxlen=MOST_ENTRIES + 1)
        entries = [Entry.from_line(line) for line in lines]
        cut = len(entries) > MOST_ENTRIES
        # Of a long log, what the first one follows was not looked at.
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
