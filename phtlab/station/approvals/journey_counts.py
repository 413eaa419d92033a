"""Counts of admitted journeys, computed from the stops' folders instead of a stored counter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from phtlab.station.approvals.proposals import StationProposal
from phtlab.station.stops.stop import Stop


def journeys_under(proposal: StationProposal, stops: Path, *, but: str) -> int:
    """Count journeys admitted here under any version of a proposal, except the stop `but`.

    Versions are counted together: a new version does not reset the count.
    """
    versions = {version.digest for version in proposal.versions}
    return sum(proposal in versions for stop, (_, proposal) in _admitted(stops) if stop != but)


def known_images(stops: Path) -> frozenset[str]:
    """Return the kernel images of all journeys admitted at this station."""
    return frozenset(image for _, (image, _) in _admitted(stops))


def _admitted(stops: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for folder in stops.iterdir():
        if (folder / "admitted.json").exists():
            yield folder.name, _outcome(folder)


@lru_cache(maxsize=100_000)
def _outcome(folder: Path) -> tuple[str, str | None]:
    """Kernel image and proposal version of a stop; cached, since its order never changes."""
    offer = Stop(folder).verified_offer()
    return offer.train.manifest.kernel.digest, offer.order.proposal
