"""How many proposals a station keeps: of each researcher so many that wait, and of what is over
only what an approval names.

Whoever submits more than people here can read fills neither their inbox nor the station's disk:
the rest waits at central until some of it was decided.
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
"""So long a proposal that is over is kept, unless an approval here names it."""


def waiting_by_researcher(station: StationContext) -> Counter[str]:
    """How many proposals of each researcher wait for people here."""
    counted = Counter[str]()
    for proposal in StationProposals(station.folder.proposals):
        if proposal_state(proposal, station) == "waits":
            counted[proposal.newest.proposal.researcher] += 1
    return counted


def crowded_researchers(station: StationContext) -> list[str]:
    """A sentence for each researcher of whom no further proposal is taken in now."""
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
    """Whether nothing can be decided about it any more, and that for the time `ago`."""
    end = proposal.newest.proposal.until
    if (withdrawal := proposal.withdrawal) is not None:
        end = min(end, withdrawal.issued)
    return station.now() >= end + ago


def remove_ended(station: StationContext) -> list[str]:
    """Remove the proposals that are over for `KEPT_AFTER` and that no approval here names.

    Returns their names. Raises OSError. One that cannot be read stays, for a person to look at.
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
