"""Proposals, decisions and approvals as the API shows them: states are computed, not stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from phtlab.central.db.rows import envelope_of
from phtlab.central.db.tables import (
    ActiveApprovalsRow,
    ApprovalRow,
    ProposalRow,
    ProposalStationRow,
    RefusalRow,
)
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import (
    ActiveApprovalsView,
    ApprovalView,
    CommentView,
    DecisionView,
    ProposalState,
    ProposalSummary,
    ProposalView,
    StationState,
    StationStateView,
    VersionView,
)

_DECIDED: frozenset[StationState] = frozenset({"approved", "refused", "revoked", "expired"})


def proposal_view(row: ProposalRow, roster: Roster, now: datetime) -> ProposalView:
    return ProposalView(
        summary=proposal_summary(row, keys_of_stations(roster), now),
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


def keys_of_stations(roster: Roster) -> Mapping[str, str]:
    """Return the current key ids of each station, in the form of `ApprovalRow.keys`."""
    return {
        station.name: " ".join(sorted(station.keys.key_ids().values()))
        for station in roster.stations
    }


def proposal_summary(row: ProposalRow, keys: Mapping[str, str], now: datetime) -> ProposalSummary:
    """Summarize a proposal; `keys` are the stations' current keys."""
    stations = tuple(_station(row, station, keys, now) for station in row.stations)
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


def active_approvals_view(row: ActiveApprovalsRow) -> ActiveApprovalsView:
    return ActiveApprovalsView(
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


def _station(
    row: ProposalRow, station: ProposalStationRow, keys: Mapping[str, str], now: datetime
) -> StationStateView:
    """Return a station's state on the newest version: its last decision that is valid now."""
    given = [
        approval
        for approval in row.approvals
        if (approval.station, approval.proposal) == (station.station, row.digest)
    ]
    words: list[tuple[int, StationState, datetime]] = [
        (approval.number, _worth(approval, keys, now), approval.submitted) for approval in given
    ]
    words += [
        (refusal.number, "refused", refusal.submitted)
        for refusal in row.refusals
        if (refusal.station, refusal.proposal) == (station.station, row.digest)
    ]
    # One of several approvals may have expired or be revoked: the others are still active.
    holding = [decision for decision in words if decision[1] in ("approved", "refused")] or words
    state: StationState = "in-review" if station.reviewing or station.question else "submitted"
    updated, question = station.updated, station.question
    if holding:
        _, state, decided = max(holding)
        updated, question = max(updated, decided), ""
    # Of the active approvals, prefer one under which the study's own trains may start.
    holding_now = [approval for approval in given if _worth(approval, keys, now) == "approved"]
    best = max(
        holding_now, key=lambda approval: (not approval.lacks, approval.number), default=None
    )
    approved = best if state == "approved" else None
    return StationStateView(
        station=station.station,
        state=state,
        allows=approved.allows if approved else "",
        lacks=approved.lacks if approved else "",
        question=question,
        updated=updated,
    )


def _worth(approval: ApprovalRow, keys: Mapping[str, str], now: datetime) -> StationState:
    """Return the state of an approval now, for display: others must verify the envelope."""
    if approval.revocation:
        return "revoked"
    if now >= approval.expires:
        return "expired"
    return "approved" if approval.keys == keys.get(approval.station) else "void"


def _decisions(row: ProposalRow) -> tuple[DecisionView, ...]:
    decisions: list[ApprovalRow | RefusalRow] = [*row.approvals, *row.refusals]
    return tuple(map(_decision, sorted(decisions, key=lambda decision: decision.number)))


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
