"""The study that a journey names, and where its code exceeds the study's proposal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from phtlab.governance.proposal import Proposal
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.context.station_context import StationContext
from phtlab.station.review.examination import DataUsage


@dataclass(frozen=True)
class StudyContext:
    """The proposal's version that the order names; `proposal` is None if the station lacks it."""

    digest: str
    proposal: Proposal | None

    def beyond(self, data: Iterable[DataUsage]) -> Iterator[str]:
        """Yield sentences about data that the code uses and the proposal does not name."""
        if self.proposal is None:
            return
        requested = {dataset.name: dataset.columns for dataset in self.proposal.datasets}
        for dataset in data:
            if dataset.name not in requested:
                yield f"The proposal does not name the data set '{dataset.name}'."
                continue
            columns = requested[dataset.name]
            more = [column for column in dataset.columns if columns and column not in columns]
            if more:
                yield f"The proposal does not ask for {', '.join(more)} of '{dataset.name}'."
            if columns and (dataset.whole or dataset.untold):
                yield (
                    f"The proposal asks for {', '.join(columns)} of '{dataset.name}' only, and the "
                    "code may touch more."
                )


def under_proposal(station: StationContext, version: str | None) -> StudyContext | None:
    """Return the study of an order's `version`; None for a journey without a proposal."""
    if version is None:
        return None
    found = [proposal.version(version) for proposal in StationProposals(station.folder.proposals)]
    kept = next((version for version in found if version is not None), None)
    return StudyContext(version, kept.proposal if kept else None)
