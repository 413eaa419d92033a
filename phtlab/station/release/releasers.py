"""Who lets go what two persons have to: people of the station, once it has said who they are."""

from __future__ import annotations

from phtlab.errors import StationError
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.people import load_people


def require_releaser(station: StationContext, by: str, persons: int) -> None:
    """Two names are two persons only if somebody said who is who: `people.toml`, where it is.

    Raises StationError (``person-role``) if two have to agree and `by` is no releaser of it, and
    what reading it raises.
    """
    if persons < 2:
        return
    people = load_people(station.folder)
    if people.people and not people.person(by).may("releaser"):
        raise StationError(
            f"{by} works at this station, but not as a releaser, and two releasers have to agree "
            "to this.",
            "'phtlab station people' says who may.",
            code="person-role",
        )
