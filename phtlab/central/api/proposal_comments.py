"""Unsigned activity on a proposal, for display: comments, and which stations review it."""

from __future__ import annotations

from typing import Final

from phtlab.central.api.access import Requester
from phtlab.central.audit.log import audited
from phtlab.central.db.database import Change, Database
from phtlab.central.db.tables import ProposalCommentRow, ProposalRow, ProposalStationRow
from phtlab.central.governance.proposal_views import proposal_view
from phtlab.central.governance.proposals import changed, require_not_withdrawn, visible_proposal
from phtlab.central.limits.quotas import require_room
from phtlab.central.notifications.outbox import at_station, notify
from phtlab.central.problems import forbidden
from phtlab.errors import ProposalError
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import NewComment, ProposalView

MAX_COMMENTS: Final = 1000


def comment_on(
    database: Database,
    roster: Roster,
    sender: Requester,
    proposal: str,
    comment: NewComment,
    *,
    most: int,
) -> ProposalView:
    """Store a comment on the newest version. A station's question is open until it decides.

    A member may write `most` comments a day. Raises CentralError: ``not-found`` if the member
    may not see the proposal, ``forbidden`` for a question by any but a station that the version
    names, ``quota`` above the daily limit. Raises ProposalError (``proposal-comments``) if the
    proposal has too many.
    """
    member = sender.as_member()
    with database.change() as change:
        row = visible_proposal(change.session, member, proposal)
        if len(row.comments) >= MAX_COMMENTS:
            raise ProposalError(
                f"The proposal {proposal} has {len(row.comments)} comments, and central takes no "
                "more.",
                "Go on by telephone, or with a new proposal.",
                code="proposal-comments",
            )
        own = ProposalCommentRow.author == member.name
        require_room(change, most, "comments", ProposalCommentRow.at, own)
        if comment.question:
            station = _named(row, member, "ask the researcher a question here")
            station.question, station.updated = comment.text, change.now
        row.comments.append(
            ProposalCommentRow(
                number=change.tick(),
                proposal=row.digest,
                author=member.name,
                by="key" if sender.user is None else "hub",
                at=change.now,
                text=comment.text,
                question=comment.question,
            )
        )
        audited(
            change,
            actor=member.name,
            action="proposal-question" if comment.question else "proposal-comment",
            subject=row.id,
            digest=row.digest,
        )
        parties = [
            row.researcher,
            *at_station(roster, (station.station for station in row.stations)),
        ]
        others = [name for name in parties if name != member.name]
        notify(change, "proposal-said", others, row.id, about=str(row.comments[-1].number))
        changed(change, row, roster)
        return proposal_view(row, roster, change.now)


def begin_review(
    database: Database, roster: Roster, member: Member, proposal: str, station: str, version: str
) -> ProposalView:
    """Record that `station` reviews the newest `version`; do nothing for an older version.

    Raises CentralError (``forbidden``) unless `member` is `station`.
    """
    if member.name != station:
        raise forbidden(f"Only the station {station} speaks for itself, not {member.name}.")
    with database.change() as change:
        row = visible_proposal(change.session, member, proposal)
        require_not_withdrawn(row)
        if version == row.digest:
            _begin(change, row, _named(row, member, "review this version"), roster)
        return proposal_view(row, roster, change.now)


def _begin(change: Change, row: ProposalRow, station: ProposalStationRow, roster: Roster) -> None:
    if not station.reviewing:
        station.reviewing, station.updated = True, change.now
        audited(
            change,
            actor=station.station,
            action="proposal-read",
            subject=row.id,
            digest=row.digest,
        )
        changed(change, row, roster)


def _named(row: ProposalRow, member: Member, what: str) -> ProposalStationRow:
    for station in row.stations:
        if station.station == member.name and member.is_station:
            return station
    raise forbidden(f"Only a station that the newest version names may {what}.")
