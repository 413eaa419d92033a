"""How much came here before, told from the stops' folders: no counter that could be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from phtlab.station.approvals.proposals import StationProposal
from phtlab.station.stops.stop import Stop


def journeys_under(proposal: StationProposal, stops: Path, *, but: str) -> int:
    """How many journeys were admitted here under any version of a proposal; not the stop `but`.

    All versions together: a new version asks for more, it does not begin anew.
    """
    versions = {version.digest for version in proposal.versions}
    return sum(proposal in versions for stop, (_, proposal) in _admitted(stops) if stop != but)


def known_images(stops: Path) -> frozenset[str]:
    """The kernel images of the journeys that were admitted here."""
    return frozenset(image for _, (image, _) in _admitted(stops))


def _admitted(stops: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    for folder in stops.iterdir():
        if (folder / "admitted.json").exists():
            yield folder.name, _outcome(folder)


@lru_cache(maxsize=100_000)
def _outcome(folder: Path) -> tuple[str, str | None]:
    """Its kernel image and its proposal's version. The folder is named by its order: read once."""
    offer = Stop(folder).verified_offer()
    return offer.train.manifest.kernel.digest, offer.order.proposal
