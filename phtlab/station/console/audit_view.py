"""The station's log as the page shows it: the newest entries that fit the filters."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import date

from phtlab.errors import AuditError
from phtlab.governance.audit import Entry, Head, verify_chain
from phtlab.station.desk import Place
from phtlab.station.proposals_here import ProposalsHere

MOST = 200


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
        told = (entry.subject, entry.digest or "", *entry.details.values())
        return (
            self.actor in ("", entry.actor)
            and self.action in ("", entry.action)
            and (not self.about or any(self.about.lower() in one.lower() for one in told))
            and (self.since is None or day >= self.since)
            and (self.until is None or day <= self.until)
        )


@dataclass(frozen=True)
class AuditPage:
    """`found` are the newest that fit, newest first, `left_out` how many more do.

    `head` is how far the log holds together; `trouble` says where it does not. `journeys` and
    `proposals` are those that have a page.
    """

    found: tuple[Entry, ...]
    left_out: int
    total: int
    actors: tuple[str, ...]
    actions: tuple[str, ...]
    head: Head | None
    trouble: str
    journeys: frozenset[str]
    proposals: frozenset[str]


def audit_page(place: Place, filters: Filters) -> AuditPage:
    """Reads the whole log, and checks that each entry follows the one before."""
    newest: deque[Entry] = deque(maxlen=MOST)
    fitting = total = 0
    actors: set[str] = set()
    actions: set[str] = set()
    entries: list[Entry] = []
    head, trouble = None, ""
    try:
        for entry in place.audit.entries():
            entries.append(entry)
            total += 1
            actors.add(entry.actor)
            actions.add(entry.action)
            if filters.fit(entry):
                fitting += 1
                newest.append(entry)
        head = verify_chain(entries, log=place.name)
    except AuditError as error:
        trouble = error.message
    return AuditPage(
        found=tuple(reversed(newest)),
        left_out=fitting - len(newest),
        total=total,
        actors=tuple(sorted(actors)),
        actions=tuple(sorted(actions)),
        head=head,
        trouble=trouble,
        journeys=frozenset(stop.hex for stop in place.stops),
        proposals=frozenset(here.id for here in ProposalsHere(place.folder.proposals)),
    )
