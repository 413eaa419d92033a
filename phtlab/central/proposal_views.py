"""Proposals, decisions and approvals as the API shows them: states are worked out, not kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from phtlab.central.tables import (
    ApprovalRow,
    ProposalRow,
    ProposalStationRow,
    RefusalRow,
    StandingRow,
)
from phtlab.central.views import envelope_of
from phtlab.wire.governance import (
    ApprovalView,
    CommentView,
    DecisionView,
    ProposalState,
    ProposalSummary,
    ProposalView,
    StandingView,
    StationState,
    StationStateView,
    VersionView,
)

_DECIDED: frozenset[StationState] = frozenset({"approved", "refused", "revoked", "expired"})


def proposal_view(row: ProposalRow, now: datetime) -> ProposalView:
    return ProposalView(
        summary=proposal_summary(row, now),
        versions=tuple(
            VersionView(
                digest=version.digest,
                version=version.version,
                submitted=version.submitted,
                envelope=envelope_of(version.envelope),
            )
            for version in row.versions
        ),
        decisions=_decisions(row),
        comments=tuple(
            CommentView.model_validate(
                {
                    "number": comment.number,
                    "author": comment.author,
                    "by": comment.by,
                    "at": comment.at,
                    "text": comment.text,
                    "question": comment.question,
                    "proposal": comment.proposal,
                }
            )
            for comment in row.comments
        ),
        withdrawal=envelope_of(row.withdrawal) if row.withdrawal else None,
    )


def proposal_summary(row: ProposalRow, now: datetime) -> ProposalSummary:
    stations = tuple(_station(row, station, now) for station in row.stations)
    return ProposalSummary(
        id=row.id,
        changed=row.changed,
        researcher=row.researcher,
        title=row.title,
        version=row.versions[-1].version,
        digest=row.digest,
        state=_state(row, stations, now),
        submitted=row.submitted,
        updated=row.updated,
        until=row.until,
        comments=len(row.comments),
        stations=stations,
    )


def approval_view(row: ApprovalRow) -> ApprovalView:
    return ApprovalView(
        digest=row.digest,
        station=row.station,
        researcher=row.researcher,
        submitted=row.submitted,
        envelope=envelope_of(row.envelope),
        revocation=envelope_of(row.revocation) if row.revocation else None,
    )


def standing_view(row: StandingRow) -> StandingView:
    return StandingView(
        station=row.station,
        number=row.number,
        received=row.received,
        envelope=envelope_of(row.envelope),
    )


def _state(row: ProposalRow, stations: Sequence[StationStateView], now: datetime) -> ProposalState:
    if row.withdrawal:
        return "withdrawn"
    if now >= row.until:
        return "expired"
    states = [station.state for station in stations]
    if all(state in _DECIDED for state in states):
        return "decided"
    return "submitted" if all(state == "submitted" for state in states) else "in-review"


def _station(row: ProposalRow, station: ProposalStationRow, now: datetime) -> StationStateView:
    """How far a station is with the newest version: its last word that holds now."""
    words: list[tuple[int, StationState, datetime]] = [
        (one.number, _worth(one, now), one.submitted)
        for one in row.approvals
        if (one.station, one.proposal) == (station.station, row.digest)
    ]
    words += [
        (one.number, "refused", one.submitted)
        for one in row.refusals
        if (one.station, one.proposal) == (station.station, row.digest)
    ]
    # Of several approvals one may be over, or taken back: the others still stand.
    holding = [word for word in words if word[1] in ("approved", "refused")] or words
    state: StationState = "in-review" if station.reviewing or station.question else "submitted"
    updated, question = station.updated, station.question
    if holding:
        _, state, decided = max(holding)
        updated, question = max(updated, decided), ""
    return StationStateView(
        station=station.station, state=state, question=question, updated=updated
    )


def _worth(approval: ApprovalRow, now: datetime) -> StationState:
    if approval.revocation:
        return "revoked"
    return "approved" if now < approval.expires else "expired"


def _decisions(row: ProposalRow) -> tuple[DecisionView, ...]:
    said: list[ApprovalRow | RefusalRow] = [*row.approvals, *row.refusals]
    return tuple(map(_decision, sorted(said, key=lambda one: one.number)))


def _decision(row: ApprovalRow | RefusalRow) -> DecisionView:
    approves = isinstance(row, ApprovalRow)
    revocation = row.revocation if isinstance(row, ApprovalRow) else None
    return DecisionView(
        digest=row.digest,
        station=row.station,
        proposal=row.proposal or "",
        kind="approved" if approves else "refused",
        decided=row.submitted,
        envelope=envelope_of(row.envelope),
        revocation=envelope_of(revocation) if revocation else None,
    )
