"""Limits on stored proposals: how many per researcher may wait, and which ended ones to keep.

A researcher who submits more than the station's people can read fills neither their inbox nor the
station's disk: further proposals wait at central until some of the stored ones are decided.
"""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import timedelta
from typing import Final

from phtlab.errors import PhtlabError
from phtlab.station.approvals.decisions import proposal_state
from phtlab.station.approvals.proposals import StationProposal, StationProposals
from phtlab.station.approvals.store import Approvals
from phtlab.station.context.station_context import StationContext

KEPT_AFTER: Final = timedelta(days=30)
"""How long an ended proposal is kept, unless an approval of this station names it."""


def waiting_by_researcher(station: StationContext) -> Counter[str]:
    """Count each researcher's proposals that wait for a decision at this station."""
    counted = Counter[str]()
    for proposal in StationProposals(station.folder.proposals):
        if proposal_state(proposal, station) == "waits":
            counted[proposal.newest.proposal.researcher] += 1
    return counted


def crowded_researchers(station: StationContext) -> list[str]:
    """Return a sentence for each researcher whose further proposals are not fetched now."""
    most = station.settings.proposals_per_researcher
    return [
        f"{number} proposals of {researcher} wait here, and no more of theirs are taken in. "
        "Further ones wait at central until some of these are approved or refused."
        for researcher, number in sorted(waiting_by_researcher(station).items())
        if number >= most
    ]


def is_over(
    proposal: StationProposal, station: StationContext, *, ago: timedelta = timedelta()
) -> bool:
    """Whether the proposal ended (expired or was withdrawn) at least `ago` before now."""
    end = proposal.newest.proposal.until
    if (withdrawal := proposal.withdrawal) is not None:
        end = min(end, withdrawal.issued)
    return station.now() >= end + ago


def remove_ended(station: StationContext) -> list[str]:
    """Remove proposals that ended `KEPT_AFTER` ago and that no approval of this station names.

    Returns their names. Raises OSError. An unreadable proposal is kept, for a person to inspect.
    """
    named = {kept.claimed.proposal_id for kept in Approvals(station.folder)}
    removed = []
    for path in sorted(station.folder.proposals.glob("p-*")):
        proposal = StationProposal(path)
        try:
            ended = proposal.id not in named and is_over(proposal, station, ago=KEPT_AFTER)
        except (PhtlabError, IndexError):
            continue
        if ended:
            shutil.rmtree(path)
            removed.append(proposal.id)
    return removed
