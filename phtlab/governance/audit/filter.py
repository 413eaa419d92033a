"""Filters for the entries of a log. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from phtlab.errors import AuditError
from phtlab.governance.audit.chain import Entry


@dataclass(frozen=True)
class EntryFilter:
    """Criteria; empty ones match all. A subject or digest matches by its beginning."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    digest: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(
        cls,
        *,
        actor: str = "",
        action: str = "",
        subject: str = "",
        digest: str = "",
        since: str = "",
        until: str = "",
    ) -> EntryFilter:
        """Parse criteria as a person writes them. Raises AuditError (``audit-moment``)."""
        return cls(
            actor=actor.strip(),
            action=action.strip(),
            subject=subject.strip(),
            digest=digest.strip(),
            since=_moment(since, time.min),
            until=_moment(until, time.max),
        )

    @property
    def beginning(self) -> str:
        """The beginning of a digest to match, with ``sha256:``."""
        return f"sha256:{self.digest.removeprefix('sha256:').lower()}"

    def matches(self, entry: Entry) -> bool:
        """Return whether `entry` matches. A digest matches in the subject too."""
        return (
            self.actor in ("", entry.actor)
            and self.action in ("", entry.action)
            and entry.subject.startswith(self.subject)
            and (
                not self.digest
                or (entry.digest or "").startswith(self.beginning)
                or entry.subject.startswith(self.beginning)
            )
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at <= self.until)
        )


def _moment(text: str, at: time) -> datetime | None:
    """Parse a day, which begins or ends at `at`, or a time; in UTC unless it has a zone."""
    if not text.strip():
        return None
    try:
        if len(text.strip()) == len("2026-11-25"):
            return datetime.combine(date.fromisoformat(text.strip()), at, UTC)
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise AuditError(
            f"'{text[:40]}' is no day or moment.",
            "Write 2026-11-25 or 2026-11-25T09:30, in UTC.",
            code="audit-moment",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
