"""Values for the template of the audit log's page, for one hub user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from phtlab.central.api.access import Requester
from phtlab.central.audit.log import filtered_entries, head_of
from phtlab.central.audit.tables import AuditEntryRow, CheckpointRow
from phtlab.central.context import CentralContext
from phtlab.central.hub.users import READ
from phtlab.errors import AuditError
from phtlab.governance.audit.chain import Entry, Head
from phtlab.governance.audit.filter import EntryFilter

FIELDS: Final = ("actor", "action", "subject", "digest", "since", "until")
_LISTED: Final = 100


@dataclass(frozen=True)
class Signed:
    """A member's checkpoint of central's log, as central stores it."""

    witness: str
    number: int
    received: datetime


@dataclass(frozen=True)
class AuditPage:
    """Entries that match the filter, newest first. `wrong` says why a filter is invalid."""

    consortium: str
    user: str
    hub_url: str
    now: datetime
    member: bool
    head: Head
    entries: tuple[Entry, ...]
    actions: tuple[str, ...]
    signed: tuple[Signed, ...]
    filled: Mapping[str, str]
    next: int | None
    wrong: str = ""

    @property
    def filtered(self) -> bool:
        return any(self.filled.values())

    def older(self) -> str:
        """Return the query string of the next page, which has older entries."""
        kept = {name: value for name, value in self.filled.items() if value}
        return urlencode({**kept, "before": str(self.next)})

    def only(self, **entry_filter: str) -> str:
        """Return the query string of a page with these entries only."""
        return urlencode(entry_filter)


def audit_page(
    services: CentralContext, sender: Requester, filled: Mapping[str, str], before: int | None
) -> AuditPage:
    """Build the page for `sender` and the form's fields. Only members see entries."""
    sender.require(READ)
    query = {name: filled.get(name, "")[:200] for name in FIELDS}
    wrong, entry_filter = "", EntryFilter()
    try:
        entry_filter = EntryFilter.of(**query)
    except AuditError as error:
        wrong = str(error)
    entries: tuple[Entry, ...] = ()
    actions: tuple[str, ...] = ()
    signed: tuple[Signed, ...] = ()
    with services.database.read() as session:
        head = head_of(session)
        if sender.member is not None:
            if not wrong:
                entries = tuple(filtered_entries(session, entry_filter, _LISTED + 1, before))
            actions = _actions(session)
            signed = _signed(session, services.database.log)
    entries_listed = entries[:_LISTED]
    return AuditPage(
        consortium=services.settings.name,
        user=sender.name,
        hub_url=services.settings.hub_url,
        now=services.clock(),
        member=sender.member is not None,
        head=head,
        entries=entries_listed,
        actions=actions,
        signed=signed,
        filled=query,
        next=entries_listed[-1].number if len(entries) > _LISTED else None,
        wrong=wrong,
    )


def _actions(session: Session) -> tuple[str, ...]:
    return tuple(session.scalars(select(AuditEntryRow.action).distinct().order_by("action")))


def _signed(session: Session, log: str) -> tuple[Signed, ...]:
    furthest = (
        select(
            CheckpointRow.witness, func.max(CheckpointRow.number), func.max(CheckpointRow.received)
        )
        .where(CheckpointRow.log == log)
        .group_by(CheckpointRow.witness)
        .order_by(CheckpointRow.witness)
    )
    return tuple(Signed(*row) for row in session.execute(furthest))
