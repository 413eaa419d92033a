"""The station's public profile: its data sets, their twins, and its airlock rules."""

from __future__ import annotations

from pydantic import JsonValue

from phtlab.errors import PolicyError
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.maintenance import closed
from phtlab.station.data.datasets import describe, twin_of
from phtlab.version import VERSION
from phtlab.wire.api.journeys import StationProfile


def profile_of(station: DaemonContext) -> tuple[StationProfile, dict[str, bytes]]:
    """Return the profile, and the twins by data set. Raises DataSetError."""
    descriptions, twins = [], {}
    for name, dataset in station.declared().items():
        twin = twin_of(station.folder, dataset)
        described = twin if station.settings.twin else dataset
        descriptions.append(describe(described, twin))
        if dataset.schema.columns:
            twins[name] = twin.path.read_bytes()
    why = closed(station)
    paused = why.reason if why else ""
    profile = StationProfile(
        datasets=tuple(descriptions),
        version=VERSION,
        paused=paused,
        airlock=published_rules(station),
    )
    return profile, twins


def published_rules(station: DaemonContext) -> dict[str, JsonValue] | None:
    """Return the non-default values of the policy's `[airlock]`; None if they are not published.

    A twin station publishes none, and neither does a station with an invalid policy.
    """
    if station.settings.twin:
        return None
    try:
        policy = station.policy()
    except PolicyError:
        return None
    if not policy.publish_rules:
        return None
    rules: dict[str, JsonValue] = policy.airlock.model_dump(mode="json", exclude_defaults=True)
    return rules


class ProfilePublisher:
    """Publishes the profile when declarations or policy changed, or a pause began or ended."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._published: object = None

    def publish(self) -> None:
        """Publish a changed profile. Raises DataSetError, or what central's client raises."""
        state = self._declarations()
        if state == self._published:
            return
        profile, twins = profile_of(self._station)
        self._station.central.put_profile(profile)
        for name, content in twins.items():
            self._station.central.put_twin(name, content)
        self._published = state

    def forget(self) -> None:
        """Publish again at the next call, even if nothing changed."""
        self._published = None

    def _declarations(self) -> object:
        paths = sorted(self._station.folder.datasets.glob("*.toml"))
        why = closed(self._station)
        files = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
        return files, why.reason if why else "", published_rules(self._station)
