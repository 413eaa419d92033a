"""What this station has released of some data sets, as the airlock compares outputs with it."""

from __future__ import annotations

from collections.abc import Sequence

from phtlab.station.airlock.history import released_counts
from phtlab.station.backup.lost_history import forgotten_of
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.data.datasets import people_at_most, people_known


def released_history(
    station: DaemonContext, datasets: Sequence[str]
) -> released_counts.ReleasedHistory:
    """Return what has left of `datasets`. The caller has exclusive access to it."""
    forgotten = forgotten_of(station.folder)
    everybody = _everybody(station, datasets)
    return released_counts.ReleasedHistory(
        station.folder.released,
        datasets,
        everybody,
        forgotten is not None and not set(forgotten.datasets).isdisjoint(datasets),
        # Counting rows reads the whole file, so only if their number is not published.
        people_at_most(station.datasets(), datasets) if everybody is None else None,
    )


def _everybody(station: DaemonContext, names: Sequence[str]) -> tuple[int, int] | None:
    """Return bounds on the number of people from the public profile; None for several data sets."""
    dataset = station.datasets().get(names[0]) if len(names) == 1 else None
    return None if dataset is None else people_known(dataset)
