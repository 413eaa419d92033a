"""Check who may release what needs two persons: the station's releasers, if it has named people."""

from __future__ import annotations

from phtlab.errors import StationError
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.people import load_people


def require_releaser(station: StationContext, by: str, persons: int) -> None:
    """Require a releaser of `people.toml`, if it names people and two persons have to agree.

    Two names are two persons only if the station has named its people. Raises StationError
    (``person-role``) if `by` is no releaser, and what reading the file raises.
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
