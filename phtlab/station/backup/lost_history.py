"""Data sets with an unknown release history after a restore, until a person accepts the loss.

Later outputs cannot be compared with a lost history, so outputs with person counts are held.
"""

from __future__ import annotations

from collections.abc import Collection

from pydantic import AwareDatetime, ValidationError

from phtlab.errors import StationError
from phtlab.files.durable_file import write_durably
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.folder import StationFolder
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical


class LostHistory(StrictModel):
    """`forgotten.json`: since when the release history of which data sets is unknown."""

    since: AwareDatetime
    datasets: tuple[str, ...]


def forgotten_of(folder: StationFolder) -> LostHistory | None:
    """Read the lost history; None if nothing was lost. Raises StationError (``station-error``)."""
    try:
        return LostHistory.model_validate_json(folder.forgotten.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise StationError(
            f"{folder.forgotten} is not what was written: what has left cannot be known.",
            "Restore it from a backup.",
            code="station-error",
        ) from None


def forget(folder: StationFolder, forgotten: LostHistory) -> None:
    """Store `forgotten`, merged with what was lost before."""
    before = forgotten_of(folder)
    if before is not None:
        names = {*before.datasets, *forgotten.datasets}
        since = min(before.since, forgotten.since)
        forgotten = LostHistory(since=since, datasets=tuple(sorted(names)))
    _keep(folder, forgotten)


def accept_loss(
    station: StationContext, datasets: Collection[str], *, by: str, reason: str
) -> LostHistory:
    """Accept that outputs of `datasets` are compared only with the known history from now on.

    Returns what was lost before. Raises StationError (``nothing-forgotten``) unless it includes
    each of `datasets`.
    """
    forgotten = forgotten_of(station.folder)
    unknown = sorted(set(datasets) - set(forgotten.datasets if forgotten else ()))
    if forgotten is None or unknown:
        raise StationError(
            f"Nothing is forgotten of {', '.join(unknown) or 'any data set'}: what has left of it "
            "is known.",
            code="nothing-forgotten",
        )
    station.audit.append(
        actor=by,
        action="loss-accepted",
        details={"datasets": ", ".join(sorted(datasets)), "reason": reason},
    )
    rest = tuple(name for name in forgotten.datasets if name not in datasets)
    _keep(station.folder, LostHistory(since=forgotten.since, datasets=rest))
    return forgotten


def _keep(folder: StationFolder, forgotten: LostHistory) -> None:
    if forgotten.datasets:
        write_durably(folder.forgotten, canonical(forgotten.model_dump(mode="json")))
    else:
        folder.forgotten.unlink(missing_ok=True)
